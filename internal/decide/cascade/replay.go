package cascade

import (
	"slices"

	"github.com/hogsend/hogsend/internal/decide"
)

// replay runs a stored event through exits, waits, buckets and triggers again (I-53). It is
// as late as it was when it came, and ends no enrollment that began with it or after it.
func (d *Decider) replay(c *work, r *decide.Replay) error {
	e := causeOf(c)
	e.id, e.event, e.stored, e.replayed = r.ID, true, true, r
	e.name, e.properties, e.value, e.currency, e.source, e.hops = r.Name, r.Properties, r.Value, r.Currency, r.Source, r.Hops
	e.received, e.occurred = d.Now, r.Occurred(r.Received)
	e.late = r.Received.Sub(e.occurred) > d.LateHorizon
	if _, err := d.exits(e); err != nil {
		return err
	}
	err := d.follow(e)
	c.Result = decide.Result{ContactKey: c.ContactKey, ContactID: c.Contact.ID, EventID: r.ID, Decisions: c.decided}
	return err
}

// entered reports whether the event has enrolled the contact in a journey before.
func (e *eventState) entered(journeyIDs []string) bool {
	return e.replayed != nil && slices.ContainsFunc(journeyIDs, func(id string) bool { return slices.Contains(e.replayed.Entered, id) })
}

// outlives reports whether an enrollment began too late for the event to end it.
func (e *eventState) outlives(n *decide.Enrollment) bool {
	return e.replayed != nil && !n.CreatedAt.Before(e.replayed.Received)
}
