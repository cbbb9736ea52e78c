package virtual

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// applyCommands writes what the code of a workflow asked for into its history. What answers
// at once comes after all of it.
func (x *execution) applyCommands(completed int64, r *workflowservice.RespondWorkflowTaskCompletedRequest) error {
	var after []func()
	for _, c := range r.GetCommands() {
		e, then, err := x.command(completed, c)
		if err != nil {
			return err
		}
		e.UserMetadata = c.GetUserMetadata()
		if then != nil {
			after = append(after, then)
		}
	}
	if r.GetForceCreateNewWorkflowTask() {
		x.wake()
	}
	for _, then := range after {
		then()
	}
	return nil
}

// command writes one command and returns its event, and what happens next.
func (x *execution) command(completed int64, c *commandpb.Command) (e *historypb.HistoryEvent, then func(), err error) {
	switch c.GetCommandType() { // the rest is refused
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		return x.scheduleActivity(completed, c.GetScheduleActivityTaskCommandAttributes()), nil, nil
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
		e, then = x.cancelActivity(completed, c.GetRequestCancelActivityTaskCommandAttributes())
		return e, then, nil
	case enumspb.COMMAND_TYPE_START_TIMER:
		return x.startTimer(completed, c.GetStartTimerCommandAttributes()), nil, nil
	case enumspb.COMMAND_TYPE_CANCEL_TIMER:
		return x.cancelTimer(completed, c.GetCancelTimerCommandAttributes()), nil, nil
	case enumspb.COMMAND_TYPE_RECORD_MARKER:
		a := c.GetRecordMarkerCommandAttributes()
		if err := x.timeless(a); err != nil {
			return nil, nil, err
		}
		return x.add(enumspb.EVENT_TYPE_MARKER_RECORDED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
				MarkerName: a.GetMarkerName(), Details: a.GetDetails(), Header: a.GetHeader(), Failure: a.GetFailure(), WorkflowTaskCompletedEventId: completed,
			},
		}}), nil, nil
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION, enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
		enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION, enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		e, then = x.end(completed, c)
		return e, then, nil
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		e, then = x.startChild(completed, c.GetStartChildWorkflowExecutionCommandAttributes())
		return e, then, nil
	case enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
		e, then = x.signalOther(completed, c.GetSignalExternalWorkflowExecutionCommandAttributes())
		return e, then, nil
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
		e, then = x.cancelOther(completed, c.GetRequestCancelExternalWorkflowExecutionCommandAttributes())
		return e, then, nil
	case enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		a := c.GetUpsertWorkflowSearchAttributesCommandAttributes()
		return x.add(enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, &historypb.HistoryEvent{
			Attributes: &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
				UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
					SearchAttributes: a.GetSearchAttributes(), WorkflowTaskCompletedEventId: completed,
				},
			},
		}), nil, nil
	case enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES:
		a := c.GetModifyWorkflowPropertiesCommandAttributes()
		return x.add(enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, &historypb.HistoryEvent{
			Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
				WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{
					UpsertedMemo: a.GetUpsertedMemo(), WorkflowTaskCompletedEventId: completed,
				},
			},
		}), nil, nil
	}
	return nil, nil, fmt.Errorf("%s: hogsendtest does not know the command %s", x, c.GetCommandType())
}

func (x *execution) scheduleActivity(completed int64, c *commandpb.ScheduleActivityTaskCommandAttributes) *historypb.HistoryEvent {
	e := x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
		ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: c.GetActivityId(), ActivityType: c.GetActivityType(), TaskQueue: c.GetTaskQueue(), Header: c.GetHeader(), Input: c.GetInput(),
			ScheduleToCloseTimeout: c.GetScheduleToCloseTimeout(), ScheduleToStartTimeout: c.GetScheduleToStartTimeout(),
			StartToCloseTimeout: c.GetStartToCloseTimeout(), HeartbeatTimeout: c.GetHeartbeatTimeout(), RetryPolicy: c.GetRetryPolicy(),
			WorkflowTaskCompletedEventId: completed,
		},
	}})
	a := &activity{execution: x, scheduled: e.EventId, command: c, attempt: 1, began: x.server.now}
	x.activities[e.EventId] = a
	a.ready()
	return e
}

func (x *execution) cancelActivity(completed int64, c *commandpb.RequestCancelActivityTaskCommandAttributes) (*historypb.HistoryEvent, func()) {
	e := x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCancelRequestedEventAttributes{
		ActivityTaskCancelRequestedEventAttributes: &historypb.ActivityTaskCancelRequestedEventAttributes{
			ScheduledEventId: c.GetScheduledEventId(), WorkflowTaskCompletedEventId: completed,
		},
	}})
	a := x.activities[c.GetScheduledEventId()]
	return e, func() {
		if a != nil && !a.dropped {
			a.cancel(nil, 0)
		}
	}
}

func (x *execution) startTimer(completed int64, c *commandpb.StartTimerCommandAttributes) *historypb.HistoryEvent {
	e := x.add(enumspb.EVENT_TYPE_TIMER_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{
		TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
			TimerId: c.GetTimerId(), StartToFireTimeout: c.GetStartToFireTimeout(), WorkflowTaskCompletedEventId: completed,
		},
	}})
	t := &workflowTimer{started: e.EventId}
	t.timer = x.server.setTimer(x.server.now.Add(c.GetStartToFireTimeout().AsDuration()), func() {
		delete(x.timers, c.GetTimerId())
		x.add(enumspb.EVENT_TYPE_TIMER_FIRED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{
			TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: c.GetTimerId(), StartedEventId: e.EventId},
		}})
		x.wake()
	})
	x.timers[c.GetTimerId()] = t
	return e
}

func (x *execution) cancelTimer(completed int64, c *commandpb.CancelTimerCommandAttributes) *historypb.HistoryEvent {
	attributes := &historypb.TimerCanceledEventAttributes{TimerId: c.GetTimerId(), WorkflowTaskCompletedEventId: completed, Identity: "hogsendtest"}
	if t := x.timers[c.GetTimerId()]; t != nil {
		attributes.StartedEventId = t.started
		x.server.cancelTimer(t.timer)
		delete(x.timers, c.GetTimerId())
	}
	return x.add(enumspb.EVENT_TYPE_TIMER_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerCanceledEventAttributes{
		TimerCanceledEventAttributes: attributes,
	}})
}

// end closes the run in one of the four ways in which code ends.
func (x *execution) end(completed int64, c *commandpb.Command) (e *historypb.HistoryEvent, then func()) {
	switch c.GetCommandType() { // the caller lists them
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
		result := c.GetCompleteWorkflowExecutionCommandAttributes().GetResult()
		e = x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: result, WorkflowTaskCompletedEventId: completed},
		}})
		then = func() { x.tellParent(childCompleted(x, result)) }
	case enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
		failure := c.GetFailWorkflowExecutionCommandAttributes().GetFailure()
		e = x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: failure, WorkflowTaskCompletedEventId: completed},
		}})
		then = func() { x.tellParent(childFailed(x, failure)) }
	case enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
		details := c.GetCancelWorkflowExecutionCommandAttributes().GetDetails()
		e = x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{
			WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{Details: details, WorkflowTaskCompletedEventId: completed},
		}})
		then = func() { x.tellParent(childCanceled(x, details)) }
	case enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		return x.continueAsNew(completed, c.GetContinueAsNewWorkflowExecutionCommandAttributes())
	}
	x.close()
	return e, then
}

func (x *execution) continueAsNew(completed int64, c *commandpb.ContinueAsNewWorkflowExecutionCommandAttributes) (*historypb.HistoryEvent, func()) {
	next := &execution{
		server: x.server, id: x.id, runID: uuid.NewString(), firstRun: x.firstRun, kind: c.GetWorkflowType().GetName(),
		parent: x.parent, initiated: x.initiated, onClose: x.onClose,
	}
	e := x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
			WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{
				NewExecutionRunId: next.runID, WorkflowType: c.GetWorkflowType(), TaskQueue: c.GetTaskQueue(), Input: c.GetInput(),
				WorkflowTaskCompletedEventId: completed, Header: c.GetHeader(), Memo: c.GetMemo(), SearchAttributes: c.GetSearchAttributes(),
			},
		},
	})
	x.close()
	return e, func() {
		if next.parent != nil {
			next.parent.children = append(next.parent.children, next)
		}
		x.server.begin(next, c.GetInput(), func(a *historypb.WorkflowExecutionStartedEventAttributes) {
			a.ContinuedExecutionRunId, a.Memo, a.SearchAttributes, a.Header = x.runID, c.GetMemo(), c.GetSearchAttributes(), c.GetHeader()
		})
	}
}

func (x *execution) ref() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: x.id, RunId: x.runID}
}

func (x *execution) startChild(completed int64, c *commandpb.StartChildWorkflowExecutionCommandAttributes) (*historypb.HistoryEvent, func()) {
	e := x.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{
			StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
				Namespace: Namespace, WorkflowId: c.GetWorkflowId(), WorkflowType: c.GetWorkflowType(), TaskQueue: c.GetTaskQueue(), Input: c.GetInput(),
				ParentClosePolicy: c.GetParentClosePolicy(), WorkflowTaskCompletedEventId: completed, WorkflowIdReusePolicy: c.GetWorkflowIdReusePolicy(),
				Header: c.GetHeader(), Memo: c.GetMemo(), SearchAttributes: c.GetSearchAttributes(),
			},
		},
	})
	return e, func() {
		if x.server.open[c.GetWorkflowId()] != nil {
			x.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{
				Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionFailedEventAttributes{
					StartChildWorkflowExecutionFailedEventAttributes: &historypb.StartChildWorkflowExecutionFailedEventAttributes{
						Namespace: Namespace, WorkflowId: c.GetWorkflowId(), WorkflowType: c.GetWorkflowType(), InitiatedEventId: e.EventId,
						WorkflowTaskCompletedEventId: completed, Cause: enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS,
					},
				},
			})
			x.wake()
			return
		}
		child := &execution{
			server: x.server, id: c.GetWorkflowId(), runID: uuid.NewString(), kind: c.GetWorkflowType().GetName(),
			parent: x, initiated: e.EventId, onClose: c.GetParentClosePolicy(),
		}
		x.children = append(x.children, child)
		x.server.begin(child, c.GetInput(), func(a *historypb.WorkflowExecutionStartedEventAttributes) {
			a.ParentWorkflowExecution, a.ParentInitiatedEventId, a.ParentWorkflowNamespace = x.ref(), e.EventId, Namespace
			a.Header, a.Memo, a.SearchAttributes = c.GetHeader(), c.GetMemo(), c.GetSearchAttributes()
		})
		x.add(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{
			Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{
				ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{
					Namespace: Namespace, InitiatedEventId: e.EventId, WorkflowExecution: child.ref(), WorkflowType: c.GetWorkflowType(), Header: c.GetHeader(),
				},
			},
		})
		x.wake()
	}
}

// tellParent adds the outcome of a child to the history of its parent.
func (x *execution) tellParent(kind enumspb.EventType, outcome *historypb.HistoryEvent) {
	if x.parent == nil || x.parent.closed {
		return
	}
	x.parent.add(kind, outcome)
	x.parent.wake()
}

func childCompleted(x *execution, result *commonpb.Payloads) (enumspb.EventType, *historypb.HistoryEvent) {
	return enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes{
			ChildWorkflowExecutionCompletedEventAttributes: &historypb.ChildWorkflowExecutionCompletedEventAttributes{
				Result: result, Namespace: Namespace, WorkflowExecution: x.ref(), WorkflowType: &commonpb.WorkflowType{Name: x.kind}, InitiatedEventId: x.initiated,
			},
		},
	}
}

func childFailed(x *execution, failure *failurepb.Failure) (enumspb.EventType, *historypb.HistoryEvent) {
	return enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes{
			ChildWorkflowExecutionFailedEventAttributes: &historypb.ChildWorkflowExecutionFailedEventAttributes{
				Failure: failure, Namespace: Namespace, WorkflowExecution: x.ref(), WorkflowType: &commonpb.WorkflowType{Name: x.kind}, InitiatedEventId: x.initiated,
			},
		},
	}
}

func childCanceled(x *execution, details *commonpb.Payloads) (enumspb.EventType, *historypb.HistoryEvent) {
	return enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes{
			ChildWorkflowExecutionCanceledEventAttributes: &historypb.ChildWorkflowExecutionCanceledEventAttributes{
				Details: details, Namespace: Namespace, WorkflowExecution: x.ref(), WorkflowType: &commonpb.WorkflowType{Name: x.kind}, InitiatedEventId: x.initiated,
			},
		},
	}
}

func (x *execution) signalOther(completed int64, c *commandpb.SignalExternalWorkflowExecutionCommandAttributes) (*historypb.HistoryEvent, func()) {
	e := x.add(enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{
			SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
				WorkflowTaskCompletedEventId: completed, Namespace: Namespace, WorkflowExecution: c.GetExecution(), SignalName: c.GetSignalName(),
				Input: c.GetInput(), Control: c.GetControl(), ChildWorkflowOnly: c.GetChildWorkflowOnly(), Header: c.GetHeader(), //nolint:staticcheck // the worker matches by it
			},
		},
	})
	return e, func() {
		if x.server.Signal(c.GetExecution().GetWorkflowId(), c.GetSignalName(), c.GetInput()) {
			x.add(enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent{
				Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionSignaledEventAttributes{
					ExternalWorkflowExecutionSignaledEventAttributes: &historypb.ExternalWorkflowExecutionSignaledEventAttributes{
						InitiatedEventId: e.EventId, Namespace: Namespace, WorkflowExecution: c.GetExecution(), Control: c.GetControl(), //nolint:staticcheck // as above
					},
				},
			})
		} else {
			x.add(enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{
				Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionFailedEventAttributes{
					SignalExternalWorkflowExecutionFailedEventAttributes: &historypb.SignalExternalWorkflowExecutionFailedEventAttributes{
						Cause:                        enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
						WorkflowTaskCompletedEventId: completed, Namespace: Namespace, WorkflowExecution: c.GetExecution(), InitiatedEventId: e.EventId,
						Control: c.GetControl(), //nolint:staticcheck // as above
					},
				},
			})
		}
		x.wake()
	}
}

func (x *execution) cancelOther(completed int64, c *commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes) (*historypb.HistoryEvent, func()) {
	target := &commonpb.WorkflowExecution{WorkflowId: c.GetWorkflowId(), RunId: c.GetRunId()}
	e := x.add(enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
			RequestCancelExternalWorkflowExecutionInitiatedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
				WorkflowTaskCompletedEventId: completed, Namespace: Namespace, WorkflowExecution: target, Control: c.GetControl(), //nolint:staticcheck // as above
				ChildWorkflowOnly: c.GetChildWorkflowOnly(),
			},
		},
	})
	return e, func() {
		if x.server.Cancel(c.GetWorkflowId()) {
			x.add(enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED, &historypb.HistoryEvent{
				Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionCancelRequestedEventAttributes{
					ExternalWorkflowExecutionCancelRequestedEventAttributes: &historypb.ExternalWorkflowExecutionCancelRequestedEventAttributes{
						InitiatedEventId: e.EventId, Namespace: Namespace, WorkflowExecution: target,
					},
				},
			})
		} else {
			x.add(enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{
				Attributes: &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionFailedEventAttributes{
					RequestCancelExternalWorkflowExecutionFailedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes{
						Cause:                        enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
						WorkflowTaskCompletedEventId: completed, Namespace: Namespace, WorkflowExecution: target, InitiatedEventId: e.EventId,
					},
				},
			})
		}
		x.wake()
	}
}

// timeless takes the real time out of the marker of a local activity: for its workflow
// it took none.
func (x *execution) timeless(a *commandpb.RecordMarkerCommandAttributes) error {
	const data, replayTime = "data", "ReplayTime"
	payloads := a.GetDetails()[data].GetPayloads()
	if a.GetMarkerName() != "LocalActivity" || len(payloads) != 1 {
		return nil
	}
	var marker map[string]any
	if err := json.Unmarshal(payloads[0].GetData(), &marker); err != nil {
		return fmt.Errorf("read marker of a local activity: %w", err)
	}
	marker[replayTime] = x.server.now.Format(time.RFC3339Nano)
	raw, err := json.Marshal(marker)
	if err != nil {
		return fmt.Errorf("write marker of a local activity: %w", err)
	}
	payloads[0].Data = raw
	return nil
}
