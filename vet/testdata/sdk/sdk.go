// Package sdk calls Temporal where Run has its own (T-24).
package sdk

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/vet/testdata/zones"
)

func nudge(ctx workflow.Context, run hogsend.Run) error {
	ends := run.Event().ReceivedAt.Add(hogsend.Day)
	if workflow.Now(ctx).After(ends) { // want `warning: compares workflow.Now with a deadline: a wait with Until, or run.SleepUntil`
		return nil
	}
	now := workflow.Now(ctx)
	for ends.Before(now) { // want `warning: compares workflow.Now with a deadline`
		if err := workflow.Sleep(ctx, time.Hour); err != nil { // want `warning: calls workflow.Sleep: run.Sleep shows where people stand`
			return err
		}
	}
	now = run.Event().OccurredAt
	if now.Before(ends) || now.Sub(workflow.Now(ctx)) > 0 {
		return nil
	}
	if err := zones.Pause(ctx); err != nil { // want `warning: uses zones.Pause, which calls workflow.Sleep`
		return err
	}
	return pause(ctx)
}

func pause(ctx workflow.Context) error {
	return workflow.Sleep(ctx, time.Hour) // want `warning: calls workflow.Sleep`
}

// Poll is a workflow without a Run, which has nothing better.
func Poll(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Minute) }

var definition = hogsend.Journey{ID: "nudge", Run: nudge}
