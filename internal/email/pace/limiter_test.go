package pace_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email/pace"
)

// E-34: a mail that is one of many waits behind all others, so that one of a journey gets
// the next slot but one at the latest, however many of a campaign wait.
func TestOneOfManyWaitsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.NewLimiter(1)
		start := time.Now()
		gone := make(chan string, 100)
		go1 := func(name string, wait func(context.Context) error) {
			go func() {
				if wait(t.Context()) == nil {
					gone <- name
				}
			}()
		}
		for range 20 {
			go1("campaign", l.WaitBehind)
		}
		time.Sleep(5500 * time.Millisecond)
		require.Len(t, gone, 6)
		for range 3 {
			go1("journey", l.Wait)
		}
		time.Sleep(4 * time.Second)
		var order []string
		for range len(gone) {
			order = append(order, <-gone)
		}
		require.Equal(t, []string{"campaign", "journey", "journey", "journey"}, order[6:], time.Since(start))
		time.Sleep(time.Minute)
		require.Len(t, gone, 13)
	})
	var none *pace.Limiter
	require.NoError(t, none.WaitBehind(t.Context()))
}
