package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/calls"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// calling is a world in which the activity Double is the author's. begins answers the
// attempts in turn, then all may begin.
func calling(t *testing.T, fn any, begins ...func() (contract.CallBegin, error)) (*world, *[]contract.EndCallRequest) {
	t.Helper()
	w := newWorld(t)
	runner := &calls.Runner{Activities: map[string]any{"Double": fn}, Begin: func(context.Context, contract.BeginCallRequest) (contract.CallBegin, error) {
		if len(begins) == 0 {
			return contract.CallBegin{}, nil
		}
		next := begins[0]
		begins = begins[1:]
		return next()
	}}
	w.env.SetWorkerOptions(worker.Options{
		DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{workflows.CallHeaders(), runner.Interceptor()},
	})
	w.env.RegisterActivityWithOptions(runner.Check, activity.RegisterOptions{Name: contract.CheckCallName})
	w.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: "Double"})
	var ended []contract.EndCallRequest
	w.env.RegisterActivityWithOptions(func(_ context.Context, r contract.EndCallRequest) (contract.Effect, error) {
		ended = append(ended, r)
		return contract.Effect{Ended: !w.live()}, nil
	}, activity.RegisterOptions{Name: contract.EndCallName})
	return w, &ended
}

func double(ctx context.Context, n int) (int, error) {
	if hogsend.StepOf(ctx).Attempt < 1 {
		return 0, errors.New("has no step")
	}
	return 2 * n, nil
}

func TestAnAttemptThatCouldNotBeginIsNone(t *testing.T) {
	t.Parallel() // J-162, J-163
	broken := func() (contract.CallBegin, error) { return contract.CallBegin{}, errors.New("no database") }
	w, ended := calling(t, double, broken, broken, broken)
	var got int
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		return run.Do(ctx, hogsend.Call{Activity: "Double", Input: 21, Retry: hogsend.Retry{MaxAttempts: 1}}, &got)
	})
	require.Equal(t, 42, got)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, w.timers)
	require.Equal(t, []contract.EndCallRequest{{
		Step: contract.Step{EnrollmentID: enrollmentID, Key: "do:Double#1", Node: "do:Double"}, Activity: "Double", Attempts: 1, Outcome: contract.CallSucceeded,
	}}, *ended)
}

func TestOneAttemptIsNoneAfterOthers(t *testing.T) {
	t.Parallel() // J-162
	begins := 0
	next := func() (contract.CallBegin, error) {
		if begins++; begins == 2 {
			return contract.CallBegin{}, errors.New("no database")
		}
		return contract.CallBegin{Retry: 7}, nil
	}
	var steps []hogsend.Step
	w, ended := calling(t, func(ctx context.Context) error {
		steps = append(steps, hogsend.StepOf(ctx))
		return errors.New("busy")
	}, next, next, next, next)
	var failed *hogsend.CallError
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		err := run.Do(ctx, hogsend.Call{Activity: "Double", Label: "twice", Retry: hogsend.Retry{MaxAttempts: 2}}, nil)
		require.ErrorAs(t, err, &failed)
		return nil
	})
	require.Equal(t, hogsend.CallError{Activity: "Double", Reason: "busy", Attempts: 2}, *failed)
	of := func(attempt int) hogsend.Step {
		return hogsend.Step{Key: enrollmentID + ":do:twice#1", EnrollmentID: enrollmentID, JourneyID: "j", ContactID: contactID, Attempt: attempt, Retry: 7}
	}
	require.Equal(t, []hogsend.Step{of(1), of(2)}, steps)
	require.Equal(t, contract.CallFailed, (*ended)[0].Outcome)
}

func TestACallReturnsNothingOnceTheEnrollmentHasEnded(t *testing.T) {
	t.Parallel() // J-85, J-162
	t.Run("meanwhile", func(t *testing.T) {
		t.Parallel()
		var w *world
		w, ended := calling(t, func(context.Context) (int, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.exit("canceled")
			return 1, nil
		})
		got := 0
		_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
			err := run.Do(ctx, hogsend.Call{Activity: "Double"}, &got)
			require.ErrorIs(t, err, hogsend.ErrExited)
			return err
		})
		require.Error(t, err)
		require.Zero(t, got)
		require.Len(t, *ended, 1)
	})
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		w, ended := calling(t, double, func() (contract.CallBegin, error) { return contract.CallBegin{Ended: true}, nil })
		_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
			err := run.Do(ctx, hogsend.Call{Activity: "Double", Input: 1}, nil)
			require.ErrorIs(t, err, hogsend.ErrExited)
			return err
		})
		require.Error(t, err)
		require.Empty(t, *ended)
	})
}

// What the author asks of Temporal itself is no effect of the enrollment.
func TestActivitiesThroughPlainTemporalAreLeftAlone(t *testing.T) {
	t.Parallel() // J-120, J-164
	w, ended := calling(t, func(ctx context.Context) (hogsend.Step, error) { return hogsend.StepOf(ctx), nil }, func() (contract.CallBegin, error) {
		return contract.CallBegin{}, errors.New("is not asked")
	})
	w.complete(func(ctx workflow.Context, _ hogsend.Run) error {
		var step hogsend.Step
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		err := workflow.ExecuteActivity(ctx, "Double").Get(ctx, &step)
		require.Zero(t, step)
		return err
	})
	require.Empty(t, *ended)
}
