package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/contract"
)

// Dwell fires the dwell reaction of a stay if it is due, once per ordinal however
// often it is called (B-42).
func (a *Activities) Dwell(ctx context.Context, r contract.DwellRequest) (contract.DwellResult, error) {
	stayID, err := uuid.Parse(r.StayID)
	if err != nil {
		return contract.DwellResult{}, temporal.NewNonRetryableApplicationError("stay id is no uuid", contract.ErrorTypeValidation, err)
	}
	outcome, err := a.Clock.Dwell(ctx, stayID, r.Label, r.Late)
	if err != nil {
		return contract.DwellResult{}, err
	}
	result := contract.DwellResult{Over: outcome.Over, Wait: outcome.Wait}
	if outcome.Enrolled != uuid.Nil {
		result.EnrollmentID = outcome.Enrolled.String()
	}
	return result, nil
}

// RunClock runs the clock of the installation until its worker stops: then it returns
// nil and another worker takes over at once. It heartbeats, so that another one takes
// over as well when this one dies (W-14).
func (a *Activities) RunClock(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Clock.Run(running) }()
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("run clock: %w", err)
		case <-activity.GetWorkerStopChannel(ctx):
			stop()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				return fmt.Errorf("stop clock: %w", err)
			}
			return nil
		case <-ticker.C:
			activity.RecordHeartbeat(ctx)
		}
	}
}
