package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// J-143: the window is a sleep that the author sees as such, then what was collected is
// asked for once.
func TestADigestSleepsAndCollects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked []contract.CollectRequest
	w.env.RegisterActivityWithOptions(func(r contract.CollectRequest) (contract.CollectResult, error) {
		asked = append(asked, r)
		return contract.CollectResult{Collected: hogsend.Collected{Total: 7}}, nil
	}, activity.RegisterOptions{Name: contract.CollectDigestName})
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		got, err := run.Digest(ctx, hogsend.Digest{Window: 3 * time.Hour})
		require.NoError(t, err)
		require.Equal(t, 7, got.Total)
		require.Equal(t, 3*time.Hour, workflow.Now(ctx).Sub(w.start))
		_, err = run.Digest(ctx, hogsend.Digest{Event: "read", Until: w.start, Lookback: -1, Max: 10, Label: "reads"})
		require.NoError(t, err)
		require.Equal(t, 3*time.Hour, workflow.Now(ctx).Sub(w.start), "it has passed")
		return nil
	})
	require.NoError(t, err)
	require.True(t, w.begun[0].Digest)
	require.Equal(t, "started", w.begun[0].Event)
	require.Empty(t, w.begun[0].Events(), "none of them ends it")
	require.Len(t, asked, 2)
	require.Equal(t, []any{w.begun[0].Label, 15 * time.Minute, 500}, []any{asked[0].Label, asked[0].Lookback, asked[0].Max})
	require.Equal(t, []any{"reads", "read", time.Duration(-1), 10}, []any{asked[1].Label, asked[1].Event, asked[1].Lookback, asked[1].Max})
}

// J-118, J-143.
func TestADigestRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	for field, digests := range map[string][]hogsend.Digest{
		"window":        {{}, {Window: -1}, {Window: hogsend.Forever}, {Window: time.Hour, Until: time.Now()}},
		"max":           {{Window: time.Hour, Max: -1}, {Window: time.Hour, Max: 501}},
		"where.0.value": {{Window: time.Hour, Where: []hogsend.Condition{hogsend.Prop("n").Gt("x")}}},
	} {
		for _, digest := range digests {
			w := newWorld(t)
			_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
				_, err := run.Digest(ctx, digest)
				var invalid *hogsend.ValidationError
				require.ErrorAs(t, err, &invalid)
				require.Equal(t, field, invalid.Field)
				return nil
			})
			require.NoError(t, err)
			require.Empty(t, w.begun)
		}
	}
}

// J-78, J-119, J-129: nothing is collected for an author who gave the window up, nor
// after the enrollment's end, of which the workflow need not know.
func TestADigestIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		mine, cancel := workflow.WithCancel(ctx)
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = workflow.Sleep(ctx, time.Hour)
			cancel()
		})
		_, err := run.Digest(mine, hogsend.Digest{Window: hogsend.Day})
		require.True(t, temporal.IsCanceledError(err))
		return nil
	})
	require.Equal(t, contract.WaitClosed, w.waits[0].status)

	w = newWorld(t)
	w.slow = true // the cancel has not come
	w.env.RegisterActivityWithOptions(func(contract.CollectRequest) (contract.CollectResult, error) {
		w.cancel("admin")
		return contract.CollectResult{Ended: true}, nil
	}, activity.RegisterOptions{Name: contract.CollectDigestName})
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.Digest(ctx, hogsend.Digest{Window: hogsend.Day})
		require.ErrorIs(t, err, hogsend.ErrExited)
		return err
	})
	require.True(t, temporal.IsCanceledError(err))
}
