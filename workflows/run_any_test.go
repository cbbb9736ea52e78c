package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// J-130, J-149: the first of several ends the wait, at once; the state names them all.
func TestTheFirstOfSeveralEndsTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(time.Hour, "paid")
	w.at(2*time.Hour, "canceled")
	waits := []hogsend.Wait{{Event: "canceled"}, {Event: "paid"}}
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		got, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: waits, Timeout: hogsend.Day})
		require.NoError(t, err)
		require.Equal(t, 1, got.Index)
		require.Equal(t, "paid", got.Event.Name)
		require.Equal(t, time.Hour, workflow.Now(ctx).Sub(w.start))

		// What came while something else was done is found by the next one.
		require.NoError(t, workflow.Sleep(ctx, 3*time.Hour))
		got, err = run.WaitForAny(ctx, hogsend.AnyOf{Waits: waits, Timeout: hogsend.Day})
		require.NoError(t, err)
		require.Equal(t, 0, got.Index)

		got, err = run.WaitForAny(ctx, hogsend.AnyOf{Waits: waits, Timeout: hogsend.Day})
		require.NoError(t, err)
		require.Equal(t, hogsend.Outcome{Index: hogsend.TimedOut}, got)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"canceled", "paid"}, w.begun[0].Events())
	require.Equal(t, "wait-any", w.begun[0].Label)
}

// J-118, J-127, J-130.
func TestWaitForAnyRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	one := []hogsend.Wait{{Event: "paid"}}
	for field, of := range map[string]hogsend.AnyOf{
		"waits":                 {Timeout: time.Hour},
		"timeout":               {Waits: one},
		"waits.1.event":         {Waits: append(one, hogsend.Wait{}), Timeout: time.Hour},
		"waits.0.timeout":       {Waits: []hogsend.Wait{{Event: "paid", Timeout: time.Hour}}, Timeout: time.Hour},
		"waits.0.label":         {Waits: []hogsend.Wait{{Event: "paid", Label: "x"}}, Timeout: time.Hour},
		"waits.0.lookback":      {Waits: []hogsend.Wait{{Event: "paid", Lookback: -1}}, Timeout: time.Hour},
		"waits.0.where.0.value": {Waits: []hogsend.Wait{{Event: "paid", Where: []hogsend.Condition{hogsend.Prop("n").Gt("x")}}}, Timeout: time.Hour},
	} {
		w := newWorld(t)
		_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
			got, err := run.WaitForAny(ctx, of)
			require.Equal(t, hogsend.TimedOut, got.Index)
			var invalid *hogsend.ValidationError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, field, invalid.Field)
			many, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: make([]hogsend.Wait, 21), Timeout: time.Hour})
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, hogsend.TimedOut, many.Index)
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, w.begun, "nothing is recorded outside")
	}
}

// The 101st wait that is open at once is refused.
func TestAnEnrollmentHasAHundredOpenWaitsAtMost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var refused error
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		// Many that begin at one instant count as well.
		atOnce, over := workflow.NewWaitGroup(ctx), 0
		for range 105 {
			atOnce.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer atOnce.Done()
				if run.Sleep(ctx, time.Hour) != nil {
					over++
				}
			})
		}
		atOnce.Wait(ctx)
		require.Equal(t, 5, over)

		done := workflow.NewWaitGroup(ctx)
		for range 100 {
			done.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer done.Done()
				require.NoError(t, run.Sleep(ctx, time.Hour))
			})
		}
		require.NoError(t, workflow.Sleep(ctx, time.Minute))
		refused = run.Sleep(ctx, time.Hour)
		done.Wait(ctx)
		return run.Sleep(ctx, time.Hour)
	})
	require.NoError(t, err)
	var invalid *hogsend.ValidationError
	require.ErrorAs(t, refused, &invalid)
	require.ErrorContains(t, refused, "100 open waits")
}
