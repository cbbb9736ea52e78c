// Package declared names events that its registry does not declare (T-27, J-170).
package declared

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

const paid = "invoice.paid"

// Registry is everything there is.
func Registry() hogsend.Registry {
	return hogsend.Registry{
		Events: []hogsend.EventType{{Name: paid}, {Name: "invoice.failed"}, {Name: "reminded"}},
		Journeys: []hogsend.Journey{{
			ID: "dunning", Run: chase, EntryLimit: hogsend.Once,
			Trigger: hogsend.On("invoice.failed"),
			ExitOn:  []hogsend.Exit{{Event: paid}, {Event: "invoice.pad"}}, // want `there is no event "invoice.pad", did you mean "invoice.paid"\?`
		}},
	}
}

func chase(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: paid, Timeout: hogsend.Day}); err != nil {
		return err
	}
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "invoice.payed", Timeout: hogsend.Day}); err != nil { // want `there is no event "invoice.payed", did you mean "invoice.paid"\?`
		return err
	}
	if _, err := run.WaitForAny(ctx, hogsend.AnyOf{Timeout: hogsend.Day, Waits: []hogsend.Wait{{Event: "journey:completed"}, {Event: "remind"}}}); err != nil { // want `there is no event "remind", did you mean "reminded"\?`
		return err
	}
	if _, err := run.Digest(ctx, hogsend.Digest{Event: "invoice.faild", Window: hogsend.Day}); err != nil { // want `there is no event "invoice.faild"`
		return err
	}
	if _, err := run.History().Event(ctx, "invoices.paid", 0); err != nil { // want `there is no event "invoices.paid"`
		return err
	}
	if ok, err := run.Matches(ctx, hogsend.Event("invoice.late").Exists()); err != nil || ok { // want `there is no event "invoice.late"`
		return err
	}
	for _, name := range []string{"not", "constant"} {
		if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: name}); err != nil {
			return err
		}
	}
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "reminded"}); err != nil {
		return err
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "remindd"}) // want `there is no event "remindd", did you mean "reminded"\?`
}
