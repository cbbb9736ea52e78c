package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

const (
	reconcileEvery = 10 * time.Minute // J-98
	inspectEvery   = 30 * time.Second // J-95 asks for 60 s
)

// Reconciler compares enrollments with their workflows, for ever: it is one workflow
// for all workers, continued as new after each round. A round that fails is logged
// by the worker and made up for by the next.
func Reconciler(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: reconcileEvery, HeartbeatTimeout: sendHeartbeat, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3},
	})
	logger := workflow.GetLogger(ctx)
	if err := workflow.ExecuteActivity(ctx, contract.ReconcileName).Get(ctx, nil); err != nil {
		logger.Warn("reconcile enrollments", "error", err)
	}
	for range reconcileEvery / inspectEvery {
		if err := workflow.ExecuteActivity(ctx, contract.InspectName).Get(ctx, nil); err != nil {
			logger.Warn("look for blocked enrollments", "error", err)
		}
		if err := workflow.Sleep(ctx, inspectEvery); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, contract.ReconcilerType)
}
