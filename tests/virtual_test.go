package tests

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/virtual"
	"github.com/hogsend/hogsend/standalone"
)

// Everything here is short, because the embedded server lives in real time; and long
// enough for a busy machine to send a signal within it.
const moment = 2 * time.Second

func brief(ctx workflow.Context) workflow.Context {
	retries := &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond, BackoffCoefficient: 1, MaximumAttempts: 3}
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 5 * time.Second, RetryPolicy: retries})
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 5 * time.Second, RetryPolicy: retries})
}

func sleepsTwice(ctx workflow.Context) (string, error) {
	long, giveUp := workflow.WithCancel(ctx)
	timer := workflow.NewTimer(long, time.Hour)
	if err := workflow.Sleep(ctx, moment); err != nil {
		return "", err
	}
	giveUp()
	return fmt.Sprint("gave up ", timer.Get(ctx, nil) != nil), workflow.Sleep(ctx, moment)
}

func hearsTwice(ctx workflow.Context) (string, error) {
	words := workflow.GetSignalChannel(ctx, "word")
	heard := []string{}
	for range 2 {
		var word string
		words.Receive(ctx, &word)
		heard = append(heard, word)
		if err := workflow.Sleep(ctx, moment); err != nil {
			return "", err
		}
	}
	return strings.Join(heard, " "), nil
}

// hearsBoth does nothing between two signals, so that it is all the same whether one
// task or two bring them.
func hearsBoth(ctx workflow.Context) (string, error) {
	words := workflow.GetSignalChannel(ctx, "word")
	var one, two string
	words.Receive(ctx, &one)
	words.Receive(ctx, &two)
	return one + " " + two, nil
}

func cleansUp(ctx workflow.Context) (string, error) {
	err := workflow.Sleep(ctx, time.Hour)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	var text string
	if failed := workflow.ExecuteActivity(brief(apart), "Hello", "cleaner").Get(apart, &text); failed != nil {
		return "", failed
	}
	return text, err
}

func calls(ctx workflow.Context) (string, error) {
	ctx = brief(ctx)
	var text string
	if err := workflow.ExecuteLocalActivity(ctx, "Hello", "near").Get(ctx, &text); err != nil {
		return "", err
	}
	var far string
	if err := workflow.ExecuteActivity(ctx, "Hello", "far").Get(ctx, &far); err != nil { // alone: which of two comes first is chance
		return "", err
	}
	never := workflow.ExecuteActivity(ctx, "Fails", "never").Get(ctx, nil)
	final := workflow.ExecuteLocalActivity(ctx, "Refuses").Get(ctx, nil)
	if err := workflow.ExecuteActivity(ctx, "Refuses").Get(ctx, nil); err == nil {
		return "", errors.New("it was to refuse")
	}
	pressed := workflow.WithScheduleToCloseTimeout(workflow.WithRetryPolicy(ctx, temporal.RetryPolicy{InitialInterval: time.Hour}), time.Minute)
	if err := workflow.ExecuteActivity(pressed, "Fails", "never").Get(ctx, nil); err == nil {
		return "", errors.New("there was no time for another attempt")
	}
	var seldom string
	if err := workflow.ExecuteActivity(ctx, "Fails", workflow.GetInfo(ctx).WorkflowExecution.ID).Get(ctx, &seldom); err != nil {
		return "", err
	}
	return fmt.Sprint(text, far, seldom, never != nil, final != nil), nil
}

func hasChildren(ctx workflow.Context) (string, error) {
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id + "-child"})
	child := workflow.ExecuteChildWorkflow(ctx, "HearsBoth")
	var begun workflow.Execution
	if err := child.GetChildWorkflowExecution().Get(ctx, &begun); err != nil {
		return "", err
	}
	for _, word := range []string{"one", "two"} {
		if err := workflow.SignalExternalWorkflow(ctx, begun.ID, "", "word", word).Get(ctx, nil); err != nil {
			return "", err
		}
	}
	var heard string
	err := child.Get(ctx, &heard)
	return heard, err
}

func goesOn(ctx workflow.Context, n int) (string, error) {
	if workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 1) != 1 {
		return "", errors.New("old")
	}
	var kept int
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return n }).Get(&kept); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, moment); err != nil || kept == 0 {
		return fmt.Sprint("end ", kept), err
	}
	return "", workflow.NewContinueAsNewError(ctx, "GoesOn", kept-1)
}

func breaks(workflow.Context) (string, error) { return "", errors.New("broken") }

func hello(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// fails fails for ever, or twice.
func fails(ctx context.Context, name string) (string, error) {
	if name == "never" || activity.GetInfo(ctx).Attempt < 3 {
		return "", errors.New("not yet")
	}
	return "at last", nil
}

func refuses(context.Context) error {
	return temporal.NewNonRetryableApplicationError("refused", "Refused", nil)
}

func shortWorkflows() map[string]any {
	return map[string]any{"SleepsTwice": sleepsTwice, "HearsTwice": hearsTwice, "HearsBoth": hearsBoth, "CleansUp": cleansUp, "Calls": calls, "HasChildren": hasChildren, "GoesOn": goesOn, "Breaks": breaks}
}

func registerShort(r worker.Registry) {
	for name, fn := range shortWorkflows() {
		r.RegisterWorkflowWithOptions(fn, workflow.RegisterOptions{Name: name})
	}
	for name, fn := range map[string]any{"Hello": hello, "Fails": fails, "Refuses": refuses} {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

// intervention is what somebody does to a workflow once its history has an event.
type intervention struct {
	after enumspb.EventType
	nth   int // of them, from 1
	// signal is the word to signal; "" cancels.
	signal string
}

type shortRun struct {
	kind          string
	input         any
	interventions []intervention
}

// essentials are what a history says apart from its workflow tasks, of which a busy
// server may need more or fewer, and from instants and ids that are given anew.
func essentials(t *testing.T, events []*historypb.HistoryEvent) []string {
	t.Helper()
	var all []string
	text := func(parts ...any) {
		all = append(all, strings.TrimSpace(fmt.Sprintln(parts...)))
	}
	for _, e := range events {
		kind := strings.TrimPrefix(e.EventType.String(), "EVENT_TYPE_")
		switch e.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			a := e.GetWorkflowExecutionStartedEventAttributes()
			text(kind, a.WorkflowType.GetName(), a.Input.String(), a.Attempt, a.ContinuedExecutionRunId != "", a.ParentWorkflowExecution != nil)
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			a := e.GetTimerStartedEventAttributes()
			text(kind, a.TimerId, a.StartToFireTimeout.AsDuration())
		case enumspb.EVENT_TYPE_TIMER_FIRED:
			text(kind, e.GetTimerFiredEventAttributes().TimerId)
		case enumspb.EVENT_TYPE_TIMER_CANCELED:
			text(kind, e.GetTimerCanceledEventAttributes().TimerId)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			a := e.GetActivityTaskScheduledEventAttributes()
			text(kind, a.ActivityId, a.ActivityType.GetName(), a.Input.String())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			a := e.GetActivityTaskStartedEventAttributes()
			text(kind, a.Attempt, a.LastFailure.GetMessage())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			text(kind, e.GetActivityTaskCompletedEventAttributes().Result.String())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
			a := e.GetActivityTaskFailedEventAttributes()
			text(kind, a.Failure.GetMessage(), a.RetryState)
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			text(kind, e.GetMarkerRecordedEventAttributes().MarkerName)
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			a := e.GetWorkflowExecutionSignaledEventAttributes()
			text(kind, a.SignalName, a.Input.String())
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
			text(kind, e.GetWorkflowExecutionCompletedEventAttributes().Result.String())
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
			text(kind, e.GetWorkflowExecutionFailedEventAttributes().Failure.GetMessage())
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
			text(kind, e.GetChildWorkflowExecutionCompletedEventAttributes().Result.String())
		default:
			text(kind)
		}
	}
	return all
}

// T-1: what the kit's Temporal makes of a workflow is what Temporal makes of it.
func TestTheVirtualServerConformsToTemporal(t *testing.T) {
	t.Parallel()
	runs := map[string]shortRun{
		"timers":          {kind: "SleepsTwice"},
		"signals":         {kind: "HearsTwice", interventions: []intervention{{enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, 1, "one"}, {enumspb.EVENT_TYPE_TIMER_STARTED, 1, "two"}}},
		"a cancel":        {kind: "CleansUp", interventions: []intervention{{after: enumspb.EVENT_TYPE_TIMER_STARTED, nth: 1}}},
		"activities":      {kind: "Calls"},
		"children":        {kind: "HasChildren"},
		"continue as new": {kind: "GoesOn", input: 2},
		"a failure":       {kind: "Breaks"},
	}
	genuine := newRealTemporal(t)
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, genuine.play(t, run), playVirtually(t, run))
		})
	}
	t.Run("an id is used once", func(t *testing.T) {
		t.Parallel()
		s := virtualServer(t)
		require.Equal(t, genuine.reuses(t), []bool{s.Start("twice", "Breaks", nil, nil), s.Start("twice", "Breaks", nil, nil)})
	})
}

// realTemporal is the embedded server, with a worker of its own.
type realTemporal struct{ client client.Client }

func newRealTemporal(t *testing.T) *realTemporal {
	t.Helper()
	server, err := standalone.StartTemporal(t.Context(), standalone.TemporalConfig{Store: filepath.Join(t.TempDir(), "temporal.db")})
	require.NoError(t, err)
	c, err := client.Dial(client.Options{HostPort: server.Address(), Logger: quiet()})
	require.NoError(t, err)
	w := worker.New(c, "short", worker.Options{DisableRegistrationAliasing: true})
	registerShort(w)
	require.NoError(t, w.Start())
	t.Cleanup(func() {
		w.Stop()
		c.Close()
		require.NoError(t, server.Stop())
	})
	return &realTemporal{client: c}
}

func quiet() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func (r *realTemporal) options(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: id, TaskQueue: "short", WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

// reuses starts a workflow twice and reports which of them began.
func (r *realTemporal) reuses(t *testing.T) []bool {
	t.Helper()
	var began []bool
	for range 2 {
		_, err := r.client.ExecuteWorkflow(t.Context(), r.options("twice"), "Breaks")
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		if err != nil {
			require.ErrorAs(t, err, &started)
		}
		began = append(began, err == nil)
	}
	return began
}

// play runs a workflow and returns the histories of it, of what it goes on as and of its
// child.
func (r *realTemporal) play(t *testing.T, run shortRun) [][]string {
	t.Helper()
	id := "run-" + run.kind
	var args []any
	if run.input != nil {
		args = append(args, run.input)
	}
	_, err := r.client.ExecuteWorkflow(t.Context(), r.options(id), run.kind, args...)
	require.NoError(t, err)
	var all [][]string
	ids, runID := []string{id}, ""
	for len(ids) > 0 {
		events := r.follow(t, ids[0], runID, run.interventions)
		all = append(all, essentials(t, events))
		next := events[len(events)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		if runID = next; runID != "" {
			continue
		}
		ids = ids[1:]
		for _, e := range events {
			if a := e.GetChildWorkflowExecutionStartedEventAttributes(); a != nil {
				ids = append(ids, a.WorkflowExecution.GetWorkflowId())
			}
		}
	}
	return all
}

// follow reads a history as it grows, and intervenes.
func (r *realTemporal) follow(t *testing.T, id, runID string, interventions []intervention) []*historypb.HistoryEvent {
	t.Helper()
	var events []*historypb.HistoryEvent
	for history := r.client.GetWorkflowHistory(t.Context(), id, runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
		e, err := history.Next()
		require.NoError(t, err)
		events = append(events, e)
		for _, do := range interventions {
			if !do.now(events) {
				continue
			}
			if do.signal == "" {
				require.NoError(t, r.client.CancelWorkflow(t.Context(), id, runID))
			} else {
				require.NoError(t, r.client.SignalWorkflow(t.Context(), id, runID, "word", do.signal))
			}
		}
	}
	return events
}

// now reports whether the newest event is the one that it comes after.
func (i intervention) now(events []*historypb.HistoryEvent) bool {
	n := 0
	for _, e := range events {
		if e.EventType == i.after {
			n++
		}
	}
	return n == i.nth && events[len(events)-1].EventType == i.after
}

func virtualServer(t *testing.T) *virtual.Server {
	t.Helper()
	s := virtual.NewServer(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC))
	c, err := s.Client(quiet())
	require.NoError(t, err)
	w, err := s.StartWorker(c, nil, registerShort)
	require.NoError(t, err)
	t.Cleanup(func() {
		s.Close()
		w.Stop()
	})
	return s
}

// playVirtually is play on the kit's server.
func playVirtually(t *testing.T, run shortRun) [][]string {
	t.Helper()
	s := virtualServer(t)
	id := "run-" + run.kind
	var args []any
	if run.input != nil {
		args = append(args, run.input)
	}
	input, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	require.NoError(t, err)
	require.True(t, s.Start(id, run.kind, input, nil))
	done, seen := map[int]bool{}, 0
	for {
		if !s.Idle() {
			_, err := s.Step()
			require.NoError(t, err)
		} else if at, ok := s.Next(); ok {
			s.Advance(at)
			s.FireNext()
		} else {
			break
		}
		events := s.Histories()[0].Events
		for ; seen < len(events); seen++ {
			for i, do := range run.interventions {
				if done[i] || !do.now(events[:seen+1]) {
					continue
				}
				done[i] = true
				if do.signal == "" {
					require.True(t, s.Cancel(id))
					continue
				}
				word, err := converter.GetDefaultDataConverter().ToPayloads(do.signal)
				require.NoError(t, err)
				require.True(t, s.Signal(id, "word", word))
			}
		}
	}
	var all [][]string
	for _, h := range s.Histories() {
		all = append(all, essentials(t, h.Events))
	}
	return all
}
