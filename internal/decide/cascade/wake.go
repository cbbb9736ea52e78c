package cascade

import (
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// wake closes the waits that the event matches, each once (I-43 step 5).
func (d *Decider) wake(e *eventState) error {
	if e.late || e.deleted {
		return nil
	}
	for _, w := range e.contact.Waits {
		if w.Closed || w.Digest || w.Alternatives == nil && w.EventName != e.name || w.Deadline != nil && d.Now.After(*w.Deadline) {
			continue
		}
		n := e.contact.LiveEnrollment(w.EnrollmentID)
		if n == nil {
			continue
		}
		place, err := e.wakes(w)
		if err != nil {
			return err
		}
		if place < 0 {
			continue
		}
		w.Closed = true
		d.Effects.Matched = append(d.Effects.Matched, decide.WaitMatch{WaitID: w.ID, EventID: e.id, Place: place})
		d.Enqueue(e.contact.ID, e.id, contract.OutboxSignal, contract.SignalKey(w.ID.String()), contract.SignalPayload{
			WorkflowID: n.WorkflowID, Signal: contract.SignalWait, WaitID: w.ID.String(), EventID: e.id.String(),
		})
	}
	return nil
}

// wakes is the place of the first of the wait's events that this one is, -1 for none.
func (e *eventState) wakes(w *decide.Wait) (place int, err error) {
	events, err := w.Events()
	if err != nil {
		return -1, err
	}
	return steps.PlaceOf(events, e.name, e.holds)
}
