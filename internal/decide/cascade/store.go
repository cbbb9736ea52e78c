package cascade

import (
	"time"

	"github.com/hogsend/hogsend/internal/decide"
)

// instant is when a change happens.
func (d *Decider) instant(c *work) time.Time { return c.Place.Instant(d.Began) }

// occurrence makes the event of a change, before anything is done with it.
func (d *Decider) occurrence(c *work, ev *decide.Event) *eventState {
	now := d.instant(c)
	e := causeOf(c)
	e.name, e.properties, e.value, e.currency, e.source = ev.Name, ev.Properties, ev.Value, ev.Currency, ev.Source
	e.hops, e.occurred, e.received, e.deleted, e.conflict = ev.Hops, ev.Occurred(now), now, c.Deleted, c.Conflict
	if len(e.properties) == 0 {
		e.properties = emptyObject
	}
	if e.source == "" {
		e.source = decide.SourceAPI
	}
	e.late = now.Sub(e.occurred) > d.LateHorizon
	return e
}

// store decides that the event's row is stored, unless it was handed over ahead.
func (d *Decider) store(e *eventState) {
	if e.stored {
		return
	}
	for _, n := range e.contact.Live {
		if n.Cause == e.cause && !n.Ended {
			d.Effects.Marks = append(d.Effects.Marks, decide.Mark{EnrollmentID: n.ID, EventID: e.id})
		}
	}
	d.Effects.Events = append(d.Effects.Events, decide.StoredEvent{
		ID: e.id, ContactID: e.contact.ID, Name: e.name, Properties: e.properties, Value: e.value, Currency: e.currency, Source: e.source,
		Hops: e.hops, IdentityConflict: e.conflict, CauseID: e.causedBy, OccurredAt: e.occurred, ReceivedAt: e.received,
	})
}
