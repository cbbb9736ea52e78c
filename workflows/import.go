package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

// importTimeout bounds one attempt of an import; the next one goes on behind its last batch.
const importTimeout = 24 * time.Hour

// Import works at an import, whichever worker dies meanwhile (O-22).
func Import(ctx workflow.Context, importID string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: importTimeout, HeartbeatTimeout: sendHeartbeat, RetryPolicy: transientRetries(),
	})
	return workflow.ExecuteActivity(ctx, contract.ImportName, importID).Get(ctx, nil)
}
