package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// O-31: the row is there while the worker runs, is listed for 30 s, and is deleted
// at a graceful stop; another instance's stays.
func TestAHeartbeatLivesAsLongAsItsWorker(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	other := storedb.HeartbeatsUpsertParams{ID: "other", BuildID: "b1", RegistryDigest: "d", TaskQueue: "q"}
	require.NoError(t, s.HeartbeatsUpsert(t.Context(), other))
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		heartbeat(ctx, s, storedb.HeartbeatsUpsertParams{ID: "mine", BuildID: "b2", TaskQueue: "q"}, slog.New(slog.DiscardHandler))
	}()
	up := func(now *time.Time) []string {
		rows, err := s.HeartbeatsList(context.Background(), now)
		require.NoError(t, err)
		var ids []string
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return ids
	}
	require.Eventually(t, func() bool { return len(up(nil)) == 2 }, 5*time.Minute, 5*time.Millisecond)
	require.Equal(t, []string{"other", "mine"}, up(nil))

	other.BuildID = "b3" // written again, it is the same row with its first start
	require.NoError(t, s.HeartbeatsUpsert(t.Context(), other))
	require.Equal(t, []string{"other", "mine"}, up(nil))

	cancel()
	<-stopped
	require.Equal(t, []string{"other"}, up(nil))
	later := time.Now().Add(31 * time.Second)
	require.Empty(t, up(&later))
}

// B-5, O-31: a worker registers its buckets again and again, also after a failure, and
// its heartbeats do not wait for that.
func TestAWorkerStaysRegisteredAndAliveWhileRegistrationHangs(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	ctx, cancel := context.WithCancel(t.Context())
	calls, hanging := make(chan int), make(chan struct{})
	hang := sync.OnceFunc(func() { close(hanging) })
	var parts sync.WaitGroup
	n := 0
	parts.Go(func() {
		keepRegistered(ctx, func(ctx context.Context) error {
			n++
			select {
			case calls <- n:
			case <-ctx.Done():
			}
			if n < 3 {
				return errors.New("not now")
			}
			hang()
			<-ctx.Done()
			return ctx.Err()
		}, time.Millisecond, slog.New(slog.DiscardHandler))
	})
	require.Equal(t, []int{1, 2, 3}, []int{<-calls, <-calls, <-calls})
	<-hanging
	parts.Go(func() {
		heartbeat(ctx, s, storedb.HeartbeatsUpsertParams{ID: "mine"}, slog.New(slog.DiscardHandler))
	})
	require.Eventually(t, func() bool {
		rows, err := s.HeartbeatsList(context.Background(), nil)
		return err == nil && len(rows) == 1
	}, 5*time.Minute, 5*time.Millisecond)
	cancel()
	parts.Wait()
}
