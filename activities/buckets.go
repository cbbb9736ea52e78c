package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/workflows/names"
)

// Names of the activities of buckets.
const (
	DwellName = "Dwell"
	ClockName = names.ClockActivity
)

// DwellRequest asks whether the dwell reaction of a stay is due (B-40).
type DwellRequest struct {
	StayID string `json:"stayId"`
	Label  string `json:"label"`
	// Late says that it was due already when its timer was armed (B-41).
	Late bool `json:"late,omitempty"`
}

// DwellResult says what the timer does next: end, sleep, or be the run itself.
type DwellResult struct {
	Over         bool          `json:"over,omitempty"`
	Wait         time.Duration `json:"wait,omitempty"`
	EnrollmentID string        `json:"enrollmentId,omitempty"`
}

// Dwell fires the dwell reaction of a stay if it is due, once per ordinal however
// often it is called (B-42).
func (a *Activities) Dwell(ctx context.Context, r DwellRequest) (DwellResult, error) {
	stayID, err := uuid.Parse(r.StayID)
	if err != nil {
		return DwellResult{}, temporal.NewNonRetryableApplicationError("stay id is no uuid", TypeValidation, err)
	}
	outcome, err := a.Ingest.Dwell(ctx, stayID, r.Label, r.Late)
	if err != nil {
		return DwellResult{}, err
	}
	result := DwellResult{Over: outcome.Over, Wait: outcome.Wait}
	if outcome.Enrolled != uuid.Nil {
		result.EnrollmentID = outcome.Enrolled.String()
	}
	return result, nil
}

// Clock runs the clock of the installation until its worker stops: then it returns
// nil and another worker takes over at once. It heartbeats, so that another one takes
// over as well when this one dies (W-14).
func (a *Activities) Clock(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Ingest.RunClock(running) }()
	ticker := time.NewTicker(time.Second)
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
