package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend/internal/store"
)

// resetter takes failed journeys up where they failed (J-96).
type resetter struct {
	client    client.Client
	namespace string
}

// retry resets the run that failed to the workflow task of its first failed step:
// what came before stays in the history and is not done again. It may be told any
// number of times: only the run that failed is reset, under one request id. A
// history that is gone leaves the enrollment to the reconciler.
func (r resetter) retry(ctx context.Context, p store.RetryPayload) error {
	now, err := r.client.DescribeWorkflowExecution(ctx, p.WorkflowID, "")
	if err != nil {
		return settled(err)
	}
	info := now.GetWorkflowExecutionInfo()
	if info.GetExecution().GetRunId() != p.RunID {
		return nil // it was reset before
	}
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return fmt.Errorf("run %s of workflow %s has not closed", p.RunID, p.WorkflowID)
	}
	point, err := resetPoint(r.client.GetWorkflowHistory(ctx, p.WorkflowID, p.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT))
	if err != nil {
		return settled(err)
	}
	_, err = r.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 r.namespace,
		WorkflowExecution:         &common.WorkflowExecution{WorkflowId: p.WorkflowID, RunId: p.RunID},
		Reason:                    "retry of a failed enrollment",
		WorkflowTaskFinishEventId: point,
		RequestId:                 uuid.NewSHA1(uuid.NameSpaceURL, []byte("hogsend:retry:"+p.WorkflowID+":"+p.RunID)).String(),
	})
	return settled(err)
}

// events is a history, read one event after another.
type events interface {
	HasNext() bool
	Next() (*history.HistoryEvent, error)
}

// errNoTask says that a run ended before any of its steps was recorded.
var errNoTask = errors.New("history has no completed workflow task")

// resetPoint is the completed workflow task that asked for the first step that
// failed; if none did, the last one, so that the code after the last finished step
// runs again.
func resetPoint(run events) (int64, error) {
	var last int64
	asked := map[int64]int64{} // workflow task by the event of a step's begin
	for run.HasNext() {
		e, err := run.Next()
		if err != nil {
			return 0, fmt.Errorf("read history: %w", err)
		}
		failed := int64(0)        // the event of the begin of the step
		switch e.GetEventType() { //nolint:exhaustive // the others say nothing about steps
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			last = e.GetEventId()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			asked[e.GetEventId()] = e.GetActivityTaskScheduledEventAttributes().GetWorkflowTaskCompletedEventId()
		case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			asked[e.GetEventId()] = e.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowTaskCompletedEventId()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
			failed = e.GetActivityTaskFailedEventAttributes().GetScheduledEventId()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
			failed = e.GetActivityTaskTimedOutEventAttributes().GetScheduledEventId()
		case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:
			failed = e.GetStartChildWorkflowExecutionFailedEventAttributes().GetInitiatedEventId()
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED:
			failed = e.GetChildWorkflowExecutionFailedEventAttributes().GetInitiatedEventId()
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
			failed = e.GetChildWorkflowExecutionTimedOutEventAttributes().GetInitiatedEventId()
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			// A local activity leaves its outcome only.
			if marker := e.GetMarkerRecordedEventAttributes(); marker.GetFailure() != nil {
				return marker.GetWorkflowTaskCompletedEventId(), nil
			}
		}
		if point, known := asked[failed]; known {
			return point, nil
		}
	}
	if last == 0 {
		return 0, &serviceerror.NotFound{Message: errNoTask.Error()}
	}
	return last, nil
}
