package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

// Alerts evaluates all alert rules once and has what fired delivered, each firing by a
// workflow of its own. A schedule starts it every minute, and a round that fails is made up
// for by the next (O-13).
func Alerts(ctx workflow.Context) error {
	evaluating := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 5 * time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
	var firings []string
	if err := workflow.ExecuteActivity(evaluating, contract.EvaluateAlertsName).Get(ctx, &firings); err != nil {
		return err
	}
	for _, id := range firings {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: contract.AlertWorkflowID(id), ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		})
		err := workflow.ExecuteChildWorkflow(child, contract.AlertType, id).GetChildWorkflowExecution().Get(ctx, nil)
		var under *temporal.ChildWorkflowExecutionAlreadyStartedError
		if err != nil && !errors.As(err, &under) {
			return err
		}
	}
	return nil
}

// Alert tells one firing: at once, after 30 s and after 2 min more. What fails then is noted
// and mutes nothing (O-15, O-16).
func Alert(ctx workflow.Context, firingID string) error {
	telling := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 30 * time.Second, BackoffCoefficient: 4, MaximumInterval: 2 * time.Minute, MaximumAttempts: 3},
	})
	err := workflow.ExecuteActivity(telling, contract.DeliverAlertName, firingID).Get(ctx, nil)
	if err == nil {
		return nil
	}
	reason := "the delivery took too long"
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		reason = failed.Message()
	}
	noting := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 20 * time.Second, RetryPolicy: transientRetries()})
	return workflow.ExecuteActivity(noting, contract.FailAlertName, contract.FailAlertRequest{FiringID: firingID, Reason: reason}).Get(ctx, nil)
}
