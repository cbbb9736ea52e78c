package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

// DirectSend carries out one mail that no enrollment sends, whose row is there already. A
// deferred one sleeps on a durable timer until it is due (E-27).
func DirectSend(ctx workflow.Context, sendID string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: sendTimeout, HeartbeatTimeout: sendHeartbeat, RetryPolicy: transientRetries(),
	})
	for {
		var result contract.DirectResult
		if err := workflow.ExecuteActivity(ctx, contract.SendDirectName, sendID).Get(ctx, &result); err != nil {
			return err
		}
		if result.Until == nil {
			return nil
		}
		// For Postgres' clock, which decides, it may not have passed when the timer fires.
		if err := workflow.Sleep(ctx, max(result.Until.Sub(workflow.Now(ctx)), minRetry)); err != nil {
			return err
		}
	}
}
