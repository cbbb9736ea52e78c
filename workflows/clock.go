package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

// clockTakeover is how long the clock of a worker may be silent before another worker
// takes it over (W-14). A living one is silent for 4 s: a busy machine is not taken
// for a dead one.
const clockTakeover = 14 * time.Second

// Clock keeps one clock running for the installation: a long activity that moves to
// another worker when its own dies or stops (W-14). It runs for ever.
func Clock(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: forEver, HeartbeatTimeout: clockTakeover, Summary: "clock",
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second},
	})
	// An error is retried; without one the clock's worker has stopped.
	if err := workflow.ExecuteActivity(ctx, contract.ClockName).Get(ctx, nil); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, contract.ClockType)
}
