package virtual_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/virtual"
)

// rig is a server with a worker that knows the workflows and activities of a test.
type rig struct {
	*virtual.Server
	t         *testing.T
	workflows map[string]any
}

var begin = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

func newRig(t *testing.T, workflows, activities map[string]any) *rig {
	t.Helper()
	s := virtual.NewServer(begin)
	c, err := s.Client(silent())
	require.NoError(t, err)
	w, err := s.StartWorker(c, nil, func(r worker.Registry) {
		for name, fn := range workflows {
			r.RegisterWorkflowWithOptions(fn, workflow.RegisterOptions{Name: name})
		}
		for name, fn := range activities {
			r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		s.Close()
		w.Stop()
	})
	return &rig{Server: s, t: t, workflows: workflows}
}

func silent() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func (r *rig) start(id, kind string, input any) {
	r.t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(input)
	require.NoError(r.t, err)
	require.True(r.t, r.Start(id, kind, payloads, nil))
}

// settle works off what is to be done now.
func (r *rig) settle() {
	r.t.Helper()
	for !r.Idle() {
		_, err := r.Step()
		require.NoError(r.t, err)
	}
}

// end works until nothing is left, and replays what came of it.
func (r *rig) end() {
	r.t.Helper()
	for {
		r.settle()
		at, ok := r.Next()
		if !ok {
			break
		}
		r.Advance(at)
		r.FireNext()
	}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true, DisableDeadlockDetection: true})
	require.NoError(r.t, err)
	for name, fn := range r.workflows {
		replayer.RegisterWorkflowWithOptions(fn, workflow.RegisterOptions{Name: name})
	}
	for _, h := range r.Histories() {
		require.NoError(r.t, replayer.ReplayWorkflowHistory(silent(), &historypb.History{Events: h.Events}), h.Type)
	}
}

// result is what a run returned, by its place in the order of beginnings.
func (r *rig) result(i int) string {
	r.t.Helper()
	events := r.Histories()[i].Events
	var text string
	require.NoError(r.t, converter.GetDefaultDataConverter().FromPayloads(events[len(events)-1].GetWorkflowExecutionCompletedEventAttributes().GetResult(), &text), events[len(events)-1])
	return text
}

func options(ctx workflow.Context) workflow.Context {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second})
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
}

func hello(_ context.Context, name string) (string, error) { return "hello " + name, nil }

func steps(ctx workflow.Context, name string) (string, error) {
	ctx = options(ctx)
	var text string
	for range 6 {
		if err := workflow.ExecuteLocalActivity(ctx, "hello", name).Get(ctx, &text); err != nil {
			return "", err
		}
		if err := workflow.ExecuteActivity(ctx, "hello", name).Get(ctx, &text); err != nil {
			return "", err
		}
		if err := workflow.Sleep(ctx, 5*24*time.Hour); err != nil {
			return "", err
		}
	}
	return text, nil
}

func TestTimeMovesOnlyWhenItIsToldTo(t *testing.T) {
	t.Parallel() // T-2
	r := newRig(t, map[string]any{"steps": steps}, map[string]any{"hello": hello})
	r.start("a", "steps", "ada")
	r.end()
	require.Equal(t, begin.AddDate(0, 0, 30), r.Now())
	require.Equal(t, "hello ada", r.result(0))
	require.False(t, r.Start("a", "steps", nil, nil), "an id is used once")
}

func TestAnActivityIsTriedAgainInVirtualTime(t *testing.T) {
	t.Parallel()
	tries := 0
	fails := func(context.Context, string) (string, error) {
		if tries++; tries < 4 {
			return "", errors.New("not yet")
		}
		return "done", nil
	}
	r := newRig(t, map[string]any{"once": once}, map[string]any{"hello": fails})
	r.start("a", "once", "ada")
	r.end()
	require.Equal(t, "done", r.result(0))
	require.Equal(t, begin.Add(7*time.Second), r.Now(), "after 1, 2 and 4 seconds")
}

func once(ctx workflow.Context, name string) (string, error) {
	var text string
	err := workflow.ExecuteActivity(options(ctx), "hello", name).Get(ctx, &text)
	return text, err
}

func TestAFinalErrorIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	fails := func(context.Context, string) (string, error) {
		return "", temporal.NewNonRetryableApplicationError("no", "No", nil)
	}
	r := newRig(t, map[string]any{"refused": refused}, map[string]any{"hello": fails})
	r.start("a", "refused", "ada")
	r.end()
	require.Equal(t, "No", r.result(0))
}

func refused(ctx workflow.Context, name string) (string, error) {
	var failure *temporal.ApplicationError
	errors.As(workflow.ExecuteActivity(options(ctx), "hello", name).Get(ctx, nil), &failure)
	return failure.Type(), nil
}

func TestSignalsAndCancels(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]any{"waits": waits}, nil)
	r.start("a", "waits", "ada")
	r.start("b", "waits", "bob")
	r.settle()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads("news")
	require.NoError(t, err)
	require.True(t, r.Signal("a", "word", payloads))
	require.True(t, r.Cancel("b"))
	require.False(t, r.Signal("c", "word", nil))
	require.False(t, r.Cancel("c"))
	r.end()
	require.Equal(t, "news", r.result(0))
	require.Equal(t, "canceled", r.result(1))
	require.Equal(t, begin, r.Now(), "the timers were canceled")
}

func waits(ctx workflow.Context, _ string) (string, error) {
	var text string
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, "word"), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &text) })
	timer, stop := workflow.WithCancel(ctx)
	selector.AddFuture(workflow.NewTimer(timer, time.Hour), func(workflow.Future) { text = "canceled" })
	selector.Select(ctx)
	stop()
	return text, nil
}

func TestChildrenAndContinuedRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]any{"parent": parent, "again": again}, nil)
	r.start("a", "parent", "ada")
	r.end()
	require.Equal(t, "done", r.result(0))
	require.Len(t, r.Histories(), 4, "the parent and three runs of its child")
	require.Equal(t, begin.Add(3*time.Hour), r.Now())
}

func parent(ctx workflow.Context, _ string) (string, error) {
	var text string
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "child"}), "again", 2).Get(ctx, &text)
	return text, err
}

func again(ctx workflow.Context, n int) (string, error) {
	if err := workflow.Sleep(ctx, time.Hour); err != nil {
		return "", err
	}
	if n > 0 {
		return "", workflow.NewContinueAsNewError(ctx, "again", n-1)
	}
	return "done", nil
}

func TestALostWorkerIsReplaced(t *testing.T) {
	t.Parallel() // T-14
	for name, lose := range map[string]func(s *virtual.Server){"during": (*virtual.Server).CrashWorker, "after": (*virtual.Server).CrashAfterTask} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 1; at <= 12; at++ {
				calls := 0
				var r *rig
				r = newRig(t, map[string]any{"steps": steps}, map[string]any{"hello": func(ctx context.Context, who string) (string, error) {
					if calls++; calls == at {
						lose(r.Server)
					}
					return hello(ctx, who)
				}})
				r.start("a", "steps", "ada")
				r.end()
				require.Equal(t, "hello ada", r.result(0))
				require.Equal(t, begin.AddDate(0, 0, 30), r.Now())
				require.Equal(t, map[string]int{"during": 13, "after": 12}[name], calls)
			}
		})
	}
}

func TestAPanicAndABlockedGoroutineAreToldWithTheirStack(t *testing.T) {
	t.Parallel() // T-10
	r := newRig(t, map[string]any{"panics": panics, "blocks": blocks}, nil)
	for _, kind := range []string{"panics", "blocks"} {
		r.start(kind, kind, "ada")
		_, err := r.Step()
		var failed *virtual.TaskError
		require.ErrorAs(t, err, &failed)
		require.Contains(t, failed.Error(), "virtual_test."+kind)
		r.Reset(begin)
	}
}

func panics(workflow.Context, string) (string, error) { panic("oh") }

func blocks(workflow.Context, string) (string, error) {
	<-make(chan int)
	return "", nil
}
