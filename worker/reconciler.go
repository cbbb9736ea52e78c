package worker

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend/internal/contract"
)

// startReconciler makes sure that the one reconciler of all workers runs (J-98).
func (w *Worker) startReconciler(ctx context.Context) error {
	_, err := w.cfg.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.ReconcilerType + "/" + w.cfg.TaskQueue, TaskQueue: w.cfg.TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, contract.ReconcilerType)
	if err != nil {
		return fmt.Errorf("start reconciler: %w", err)
	}
	return nil
}
