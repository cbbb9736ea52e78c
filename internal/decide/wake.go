package decide

import (
	"github.com/hogsend/hogsend/internal/contract"
)

// wake closes the waits that the event matches, each once (I-43 step 5).
func (d *Decider) wake(e *eventState) error {
	if e.late || e.deleted {
		return nil
	}
	for _, w := range e.contact.Waits {
		if w.closed || w.Digest || w.Alternatives == nil && w.EventName != e.name || w.Deadline != nil && d.now.After(*w.Deadline) {
			continue
		}
		n := e.contact.enrollment(w.EnrollmentID)
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
		w.closed = true
		d.effects.Matched = append(d.effects.Matched, WaitMatch{WaitID: w.ID, EventID: e.id, Place: place})
		d.enqueue(e.contact.ID, e.id, contract.OutboxSignal, contract.SignalKey(w.ID.String()), contract.SignalPayload{
			WorkflowID: n.WorkflowID, Signal: contract.SignalWait, WaitID: w.ID.String(), EventID: e.id.String(),
		})
	}
	return nil
}

// wakes is the place of the first of the wait's events that this one is, -1 for none.
func (e *eventState) wakes(w *Wait) (place int, err error) {
	events, err := w.events()
	if err != nil {
		return -1, err
	}
	for i, a := range events {
		if a.event != e.name {
			continue
		}
		if holds, err := e.holds(a.conditions); holds || err != nil {
			return i, err
		}
	}
	return -1, nil
}
