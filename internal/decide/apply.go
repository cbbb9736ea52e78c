package decide

import (
	"maps"
	"slices"
	"time"
)

// apply runs one change through the steps of I-43 and fills in its outcome.
func (d *Decider) apply(c *Change) error {
	d.now = d.instant(c)
	if err := d.pass(c); err != nil {
		return err
	}
	if err := d.carry(c); err != nil {
		return err
	}
	if !c.Repeats && !c.Missing && !c.Ended {
		d.effects.Attached = append(d.effects.Attached, c.Also...)
	}
	return nil
}

// carry does what the change asks for.
func (d *Decider) carry(c *Change) error {
	switch b := c.Body.(type) {
	case *Occurrence:
		return d.occur(c, b)
	case *Update:
		return d.update(c, b)
	case *End:
		return d.finish(c, b)
	case *Dwell:
		return d.dwell(c, b)
	case *Due:
		return d.due(c, b)
	case *Delete:
		return d.delete(c)
	case *Move:
		return d.transit(causeOf(c), c.own)
	case *Announcement:
		return d.announceAll(c, b)
	case *Tick:
	}
	return nil
}

// occur applies an event that was asked for.
func (d *Decider) occur(c *Change, o *Occurrence) error {
	e := c.event
	e.evaluations = c.own
	if o.From != nil {
		if err := d.triggered(c, o.From); err != nil {
			return err
		}
	}
	c.Result = Result{Stored: true, Late: e.late, ContactKey: c.ContactKey, ContactID: c.Contact.ID, EventID: c.ID}
	if !e.deleted {
		d.see(e, &o.Event)
	}
	d.store(e)
	d.capture(e)
	exits, err := d.exits(e)
	if err != nil {
		return err
	}
	c.Result.Exits = exits
	return d.follow(e)
}

// triggered notes that an enrollment caused the event (J-135).
func (d *Decider) triggered(c *Change, from *Origin) error {
	n := c.source.enrollment(from.EnrollmentID)
	if n == nil {
		return ErrStale
	}
	c.event.hops = d.hops(n)
	d.step(n, from, "event_triggered", map[string]any{"eventId": c.ID, "event": c.event.name})
	return nil
}

// step logs what a step of an enrollment did, and where the enrollment stands then.
func (d *Decider) step(n *Enrollment, at *Origin, action string, detail map[string]any) {
	to := n.Node
	if at.Node != "" && at.Node != n.Node {
		to = at.Node
		d.effects.Nodes = append(d.effects.Nodes, NodeChange{n.ID, to})
	}
	d.log(n.ID, at.StepKey, action, n.Node, to, detail)
	n.Node = to
}

// hops of an event that an enrollment causes (J-146).
func (d *Decider) hops(n *Enrollment) int {
	if d.now.Sub(n.CreatedAt) >= time.Hour {
		return 0
	}
	return n.Hops + 1
}

// see writes what a public event changes on its contact: properties, first and last seen.
func (d *Decider) see(e *eventState, ev *Event) {
	c := e.contact
	first, last := c.FirstSeen, c.LastSeen
	if first.IsZero() || e.occurred.Before(first) {
		first = e.occurred
	}
	last = Later(last, e.occurred)
	if !c.Stored || c.Written() || !first.Equal(c.FirstSeen) || !last.Equal(c.LastSeen) {
		d.mark(c)
	}
	c.FirstSeen, c.LastSeen = first, last
	c.merge(ev.ContactProperties)
}

// update writes into a contact without an event (I-33) and lets buckets see it.
func (d *Decider) update(c *Change, u *Update) error {
	if !c.attached {
		d.effects.Attached = append(d.effects.Attached, u.Attached...)
	}
	cause := causeOf(c)
	if u.From != nil {
		n := c.Contact.enrollment(u.From.EnrollmentID)
		if n == nil {
			return ErrStale
		}
		cause.hops = d.hops(n)
		d.step(n, u.From, "identified", map[string]any{"properties": slices.Sorted(maps.Keys(u.Properties))})
	}
	if len(u.Properties) > 0 {
		c.Contact.merge(u.Properties)
		d.mark(c.Contact)
		if err := d.learned(c, u); err != nil {
			return err
		}
	}
	return d.transit(cause, c.own)
}

// follow runs the steps after the exits. Bucket events move nobody: there are no
// loops (I-45).
func (d *Decider) follow(e *eventState) error {
	if err := d.wake(e); err != nil {
		return err
	}
	if !e.deleted && e.source != SourceBucket {
		if e.evaluations == nil && len(d.Catalog.Buckets.byEvent[e.name]) > 0 {
			evaluations, err := d.evaluateCaused(e)
			if err != nil {
				return err
			}
			e.evaluations = evaluations
		}
		if err := d.transit(e, e.evaluations); err != nil {
			return err
		}
	}
	return d.trigger(e)
}

// internal applies an event that another one caused, within it. key is its idempotency
// key; "" if that was taken before.
func (d *Decider) internal(cause, e *eventState, key string) error {
	e.contact, e.resolution, e.cause, e.hops = cause.contact, cause.resolution, cause.cause, cause.hops
	e.received, e.deleted = d.now, cause.resolution.Deleted
	d.store(e)
	d.capture(e)
	if key != "" {
		d.effects.Keys = append(d.effects.Keys, EventKey{Key: key, EventID: e.id, ContactID: e.contact.ID})
	}
	if _, err := d.exits(e); err != nil {
		return err
	}
	return d.follow(e)
}
