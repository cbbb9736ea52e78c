package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// DwellInput is what the workflow of a dwell reaction starts with: the timer of a
// stay, or the enrollment of one fire of a repeating one. It carries ids only.
type DwellInput struct {
	// EnrollmentID is set for a run; the rest for a timer.
	EnrollmentID string `json:"-"`

	StayID string `json:"stayId"`
	Label  string `json:"label"`
	// Due is the first instant at which there is something to do.
	Due     time.Time `json:"due"`
	Repeats bool      `json:"repeats,omitempty"`
}

type plainDwellInput DwellInput

// MarshalJSON writes a run as its enrollment id alone, as that of any journey (J-50).
func (in DwellInput) MarshalJSON() ([]byte, error) {
	if in.EnrollmentID != "" {
		return json.Marshal(in.EnrollmentID)
	}
	return json.Marshal(plainDwellInput(in))
}

// UnmarshalJSON reads either form.
func (in *DwellInput) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &in.EnrollmentID)
	}
	return json.Unmarshal(raw, (*plainDwellInput)(in))
}

// firesPerRun bounds the history of a repeating timer (B-49).
const firesPerRun = 200

// Dwell is the workflow function of a dwell reaction, registered under its journey
// id. It sleeps on a durable timer until the reaction is due and lets Postgres
// decide whether the stay still is (B-39, B-40). After the fire of an After it is
// the run of the reaction itself; an Every goes on under its id until the stay ends,
// and its fires run under ids of their own (B-29).
func Dwell(j hogsend.Journey) func(workflow.Context, DwellInput) (JourneyResult, error) {
	run := Journey(j)
	return func(ctx workflow.Context, in DwellInput) (JourneyResult, error) {
		if in.EnrollmentID != "" {
			return run(ctx, in.EnrollmentID)
		}
		wait := in.Due.Sub(workflow.Now(ctx))
		late := wait <= 0
		for fires := 0; ; fires++ {
			if wait > 0 {
				if err := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: in.Label}).Get(ctx, nil); err != nil {
					return JourneyResult{}, err
				}
			}
			var next contract.DwellResult
			request := contract.DwellRequest{StayID: in.StayID, Label: in.Label, Late: late && fires == 0}
			if err := touch(ctx, contract.DwellName, in.Label, request, &next); err != nil {
				return JourneyResult{}, fmt.Errorf("dwell: %w", err)
			}
			switch {
			case next.EnrollmentID != "":
				return run(ctx, next.EnrollmentID)
			case next.Over:
				return JourneyResult{}, nil
			case fires >= firesPerRun:
				in.Due = workflow.Now(ctx).Add(next.Wait)
				return JourneyResult{}, workflow.NewContinueAsNewError(ctx, j.ID, in)
			}
			wait = next.Wait
		}
	}
}

// touch runs a database touch as a local activity, retried until the database is
// back (J-93).
func touch(ctx workflow.Context, name, label string, request, result any) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: localTimeout, ScheduleToCloseTimeout: forEver, RetryPolicy: transientRetries(), Summary: label,
	})
	return workflow.ExecuteLocalActivity(ctx, name, request).Get(ctx, result)
}
