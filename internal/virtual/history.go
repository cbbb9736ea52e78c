package virtual

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// add appends an event that has its attributes.
func (x *execution) add(kind enumspb.EventType, e *historypb.HistoryEvent) *historypb.HistoryEvent {
	e.EventId, e.TaskId = int64(len(x.events)+1), int64(len(x.events)+1)
	e.EventType, e.EventTime = kind, timestamppb.New(x.server.now)
	x.events = append(x.events, e)
	return e
}

// wake schedules a workflow task, unless there is one already.
func (x *execution) wake() {
	if x.closed || x.scheduled != 0 {
		return
	}
	e := x.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
		WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: queue(), StartToCloseTimeout: durationpb.New(taskTimeout), Attempt: 1,
		},
	}})
	x.scheduled = e.EventId
	x.server.ready = append(x.server.ready, &workflowTask{execution: x, scheduled: e.EventId})
}

func (x *execution) String() string { return x.kind + " " + x.id }

// taskTimeout is that of workflow tasks. The worker counts it in real time.
const taskTimeout = 10 * time.Second
