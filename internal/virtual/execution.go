package virtual

import (
	"errors"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (s *Server) begin(x *execution, input *commonpb.Payloads, change func(a *historypb.WorkflowExecutionStartedEventAttributes)) {
	if x.firstRun == "" {
		x.firstRun = x.runID
	}
	x.timers, x.activities = map[string]*workflowTimer{}, map[int64]*activity{}
	x.part = len(s.executions) % parts
	s.executions = append(s.executions, x)
	s.open[x.id], s.used[x.id] = x, true
	attributes := &historypb.WorkflowExecutionStartedEventAttributes{
		WorkflowType: &commonpb.WorkflowType{Name: x.kind}, TaskQueue: queue(), Input: input,
		WorkflowExecutionTimeout: durationpb.New(0), WorkflowRunTimeout: durationpb.New(0), WorkflowTaskTimeout: durationpb.New(taskTimeout),
		OriginalExecutionRunId: x.runID, FirstExecutionRunId: x.firstRun, Identity: "hogsendtest", Attempt: 1, WorkflowId: x.id,
		FirstWorkflowTaskBackoff: durationpb.New(0), Header: &commonpb.Header{},
	}
	if change != nil {
		change(attributes)
	}
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: attributes,
	}})
	x.wake()
}

func (x *execution) signal(name string, input *commonpb.Payloads) {
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName: name, Input: input, Identity: "hogsendtest", Header: &commonpb.Header{},
		},
	}})
	x.wake()
}

func (x *execution) cancel() {
	if x.canceled {
		return
	}
	x.canceled = true
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{
		WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{Identity: "hogsendtest"},
	}})
	x.wake()
}

// close ends the run: what it left behind is not done any more.
func (x *execution) close() {
	x.closed, x.scheduled = true, 0
	x.release(nil)
	delete(x.server.open, x.id)
	for _, t := range x.timers {
		x.server.cancelTimer(t.timer)
	}
	for _, a := range x.activities {
		a.drop()
	}
	for _, child := range x.children {
		if child.closed {
			continue
		}
		switch child.onClose {
		case enumspb.PARENT_CLOSE_POLICY_ABANDON:
		case enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL:
			child.cancel()
		default:
			child.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
				WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Reason: "by parent close policy"},
			}})
			child.close()
		}
	}
}

func (t *workflowTask) void() bool { return t.execution.closed || t.execution.scheduled != t.scheduled }

// fill is the task as the worker polls it: what it has not seen yet, or everything.
func (t *workflowTask) fill(r *workflowservice.PollWorkflowTaskQueueResponse) {
	x := t.execution
	r.TaskToken = []byte(x.runID)
	r.WorkflowExecution = &commonpb.WorkflowExecution{WorkflowId: x.id, RunId: x.runID}
	r.WorkflowType = &commonpb.WorkflowType{Name: x.kind}
	r.PreviousStartedEventId, r.StartedEventId, r.Attempt = x.previous, t.started, 1
	r.ScheduledTime, r.StartedTime = timestamppb.New(x.server.now), timestamppb.New(x.server.now)
	r.History = &historypb.History{Events: slices.Clone(x.events[x.handed:])}
}

func (t *workflowTask) run(s *Server) (runID string, err error) {
	x := t.execution
	e := x.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
		WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{
			ScheduledEventId: t.scheduled, Identity: "hogsendtest", RequestId: fmt.Sprint(t.scheduled), HistorySizeBytes: 1,
		},
	}})
	t.started = e.EventId
	got, err := s.exchange("a workflow task of "+x.String(), func(tick <-chan time.Time) bool {
		if x.release(t) {
			return true
		}
		select {
		case s.workflowTasks[x.part] <- t:
			return true
		case <-tick:
			return false
		}
	})
	if err != nil {
		return "", x.stuck(err)
	}
	if s.lost.Load() {
		s.replace()
		x.events = x.events[:len(x.events)-1] // as if it had not been handed out
		s.ready = append([]task{t}, s.ready...)
		got.end(reply{err: errGone()})
		return "", nil
	}
	err = x.answered(t, got)
	if s.forget.Load() {
		s.replace()
	}
	if err != nil || x.closed || len(s.holding) == maxHeld {
		got.end(reply{})
		return x.runID, err
	}
	x.held = got
	s.holding[x] = true
	return x.runID, nil
}

// stuck says where the code stands, if it is the code that is stuck.
func (x *execution) stuck(err error) error {
	stack := Stacks(x.runID)
	if !errors.Is(err, ErrStuck) || stack == "" {
		return err
	}
	return &TaskError{
		WorkflowID: x.id, WorkflowType: x.kind, Stack: stack,
		Message: "it neither waits in the way of workflows nor comes to an end: a goroutine is blocked, or computes without end",
	}
}

// maxHeld bounds the calls that are held: the worker has so many hands.
const maxHeld = 500

// release ends the call that is held for the workflow, with its next task if there
// is one, and reports whether that was taken.
func (x *execution) release(next *workflowTask) bool {
	if x.held == nil {
		return false
	}
	taken := x.held.end(reply{next: next})
	x.held = nil
	delete(x.server.holding, x)
	return taken && next != nil
}

func (x *execution) answered(t *workflowTask, got *answer) error {
	switch r := got.request.(type) {
	case *workflowservice.RespondWorkflowTaskFailedRequest:
		return &TaskError{
			WorkflowID: x.id, WorkflowType: x.kind, Message: r.GetFailure().GetMessage(), Stack: r.GetFailure().GetStackTrace(),
		}
	case *workflowservice.RespondWorkflowTaskCompletedRequest:
		x.scheduled, x.previous, x.handed = 0, t.started, t.started
		completed := x.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
			WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
				ScheduledEventId: t.scheduled, StartedEventId: t.started, Identity: "hogsendtest",
				SdkMetadata: r.GetSdkMetadata(), MeteringMetadata: r.GetMeteringMetadata(),
			},
		}})
		return x.applyCommands(completed.EventId, r)
	}
	return errUnexpected
}
