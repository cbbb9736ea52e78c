// Package planted has what workflowcheck finds by itself (T-21).
package planted

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func ranges(ctx workflow.Context, run hogsend.Run) error {
	for property := range run.Event().Properties {
		if err := run.Checkpoint(ctx, property); err != nil {
			return err
		}
	}
	return nil
}

func looksAtTheClock(ctx workflow.Context, run hogsend.Run) error {
	if time.Now().Hour() < 12 {
		return nil
	}
	return run.Checkpoint(ctx, "afternoon")
}

// Journeys are the definitions.
func Journeys() []hogsend.Journey {
	return []hogsend.Journey{{ID: "ranges", Run: ranges}, {ID: "looks-at-the-clock", Run: looksAtTheClock}}
}
