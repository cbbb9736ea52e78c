package hogsendtest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/hogsendtest"
	"github.com/hogsend/hogsend/internal/replay"
)

func mailsDaily(ctx workflow.Context, run hogsend.Run) error {
	for range 18 {
		if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
			return err
		}
		if err := run.Sleep(ctx, hogsend.Day, "a day"); err != nil {
			return err
		}
	}
	return nil
}

// watchHeap looks at what the garbage collections find in use; most is the largest.
func watchHeap() (before uint64, most func() uint64) {
	live := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before = live()
	done, found := make(chan struct{}), make(chan uint64)
	go func() {
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for most := before; ; {
			select {
			case <-done:
				found <- most
				return
			case <-look.C:
				most = max(most, live())
			}
		}
	}()
	return before, func() uint64 { close(done); return <-found }
}

// T-35: hogsend replay takes less than a minute for 1,000 histories of 200 events, and
// has a few of them in memory at a time. It is here for the kit that makes them and
// because this package is tested without the race detector; it is not parallel because
// it looks at the memory of the process.
func TestTheGateReadsHistoriesOneAfterAnother(t *testing.T) { //nolint:paralleltest // see above
	const histories, events = 1000, 200
	registry := hogsend.Registry{
		Journeys:  []hogsend.Journey{{ID: "daily", Name: "Daily", Trigger: hogsend.On("go"), EntryLimit: hogsend.Unlimited, Run: mailsDaily}},
		Templates: []hogsend.Template{{Key: "note", Subject: "A note", HTML: "<p>Hello</p>"}},
	}
	s := hogsendtest.New(t, registry)
	s.Quick()
	s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"}).At(0, "go")
	made := hogsendtest.FirstHistory(s.Run())
	require.GreaterOrEqual(t, len(made), events)
	dir := t.TempDir()
	file := replay.FileName(dir, "daily", "0")
	require.NoError(t, replay.WriteFile(file, &historypb.History{Events: made}))
	for i := range histories - 1 {
		require.NoError(t, os.Link(file, filepath.Join(filepath.Dir(file), strconv.Itoa(i+1)+".json")))
	}
	size, err := os.Stat(file)
	require.NoError(t, err)

	before, most := watchHeap()
	began := hogsendtest.Spent(t)
	var out bytes.Buffer
	code := app.Run(t.Context(), app.Options{Registry: registry}, app.IO{Args: []string{"replay", "--dir", dir}, Stdout: &out, Stderr: &out})
	took, peak := hogsendtest.Spent(t)-began, most()
	require.Zero(t, code, out.String())
	require.Contains(t, out.String(), "1000 open, 1000 sampled, all replay")
	require.Less(t, took, time.Minute)
	require.Greater(t, peak, before, "the heap was collected meanwhile")
	require.Less(t, int64(peak-before), histories*size.Size()/5, "they are not all in memory") // far from the limits
	t.Logf("%d events, %d bytes of JSON each: %s; live heap %d kB more", len(made), size.Size(), took, (peak-before)>>10)
}
