package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// resetter takes failed journeys up where they failed (J-96).
type resetter struct {
	client    client.Client
	store     *store.Store
	namespace string
}

// retry resets the run that failed to the workflow task of its first failed step:
// what came before stays in the history and is not done again. It may be told any
// number of times: only the run that failed is reset, under one request id. A
// history that is gone leaves the enrollment to the reconciler.
func (r resetter) retry(ctx context.Context, p contract.RetryPayload) error {
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
	onto, err := r.onto(ctx, info.GetVersioningInfo())
	if err != nil {
		return err
	}
	_, err = r.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 r.namespace,
		WorkflowExecution:         &common.WorkflowExecution{WorkflowId: p.WorkflowID, RunId: p.RunID},
		Reason:                    "retry of a failed enrollment",
		WorkflowTaskFinishEventId: point,
		RequestId:                 uuid.NewSHA1(uuid.NameSpaceURL, []byte("hogsend:retry:"+p.WorkflowID+":"+p.RunID)).String(),
		PostResetOperations:       onto,
	})
	return settled(err)
}

// onto moves a run that is pinned to a build that has no workers any more to the
// current one: a failed person is no reason to keep them. Anybody else goes on where
// his journey says.
func (r resetter) onto(ctx context.Context, info *workflow.WorkflowExecutionVersioningInfo) ([]*workflow.PostResetOperation, error) {
	version := info.GetDeploymentVersion()
	if again := info.GetVersioningOverride().GetPinned().GetVersion(); again != nil {
		version = again
	}
	if info.GetBehavior() != enumspb.VERSIONING_BEHAVIOR_PINNED || version == nil {
		return nil, nil
	}
	live, err := r.store.HeartbeatsList(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	if slices.ContainsFunc(live, func(w storedb.WorkerHeartbeat) bool { return w.BuildID == version.GetBuildId() }) {
		return nil, nil
	}
	current, err := deployment{client: r.client, name: version.GetDeploymentName()}.current(ctx)
	if err != nil || current == "" {
		return nil, err
	}
	return []*workflow.PostResetOperation{{Variant: &workflow.PostResetOperation_UpdateWorkflowOptions_{
		UpdateWorkflowOptions: &workflow.PostResetOperation_UpdateWorkflowOptions{
			WorkflowExecutionOptions: &workflow.WorkflowExecutionOptions{VersioningOverride: &workflow.VersioningOverride{
				Override: &workflow.VersioningOverride_Pinned{Pinned: &workflow.VersioningOverride_PinnedOverride{
					Behavior: workflow.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED,
					Version:  &deploymentpb.WorkerDeploymentVersion{DeploymentName: version.GetDeploymentName(), BuildId: current},
				}},
			}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"versioning_override"}},
		},
	}}}, nil
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
		switch e.GetEventType() { // the others say nothing about steps
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
