package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/worker"
)

// executions looks at the workflows of one namespace.
type executions struct {
	client    client.Client
	namespace string
	failures  converter.FailureConverter
}

func newExecutions(c client.Client, cfg config.Config) (executions, error) {
	failures, err := worker.NewFailureConverter(cfg.Secret, cfg.PreviousSecrets)
	return executions{client: c, namespace: cfg.TemporalNamespace, failures: failures}, err
}

// Look implements activities.Executions.
func (x executions) Look(ctx context.Context, workflowID string) (activities.Execution, error) {
	found, err := x.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if missing(err) {
		return activities.Execution{Status: "unknown"}, nil
	}
	if err != nil {
		return activities.Execution{}, fmt.Errorf("describe workflow: %w", err)
	}
	status := found.GetWorkflowExecutionInfo().GetStatus()
	looked := activities.Execution{Open: status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, Status: statusWord(status)}
	if looked.Open && found.GetPendingWorkflowTask().GetAttempt() > 1 {
		looked.Blocked, err = x.blocked(ctx, workflowID)
	}
	return looked, err
}

// missing reports that Temporal does not know a workflow, as opposed to a namespace
// that it does not know: then nothing may be concluded.
func missing(err error) bool {
	var unknown *serviceerror.NotFound
	return errors.As(err, &unknown)
}

func statusWord(s enums.WorkflowExecutionStatus) string {
	switch s { // the rest are single words
	case enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed_out"
	case enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return "continued_as_new"
	}
	return strings.ToLower(s.String())
}

// lastEvents is how far back the failure of the task that is tried again may be:
// later attempts leave no event.
const lastEvents = 20

// blocked is why the last workflow task failed; "" if it did not.
func (x executions) blocked(ctx context.Context, workflowID string) (string, error) {
	page, err := x.client.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: x.namespace, Execution: &common.WorkflowExecution{WorkflowId: workflowID}, MaximumPageSize: lastEvents,
	})
	if err != nil {
		return "", fmt.Errorf("read history: %w", err)
	}
	for _, e := range page.GetHistory().GetEvents() {
		if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			return "", nil
		}
		if failed := e.GetWorkflowTaskFailedEventAttributes(); failed != nil && failed.GetFailure() != nil {
			return x.failures.FailureToError(failed.GetFailure()).Error(), nil
		}
	}
	return "", nil
}

// closing is how long a workflow whose journey has just ended may take to close.
const closing = 5 * time.Second

// failedRun is the run of a failed enrollment that a retry goes on from; "" when
// Temporal no longer keeps its history (J-96).
func (x executions) failedRun(ctx context.Context, workflowID string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	for {
		found, err := x.client.DescribeWorkflowExecution(ctx, workflowID, "")
		if missing(err) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("describe workflow: %w", err)
		}
		if info := found.GetWorkflowExecutionInfo(); info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return info.GetExecution().GetRunId(), nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return "", fmt.Errorf("wait for workflow to close: %w", err)
		}
	}
}
