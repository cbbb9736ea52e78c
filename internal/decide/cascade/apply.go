package cascade

import (
	"maps"
	"slices"

	"github.com/hogsend/hogsend/internal/decide"
)

// apply runs one change through the steps of I-43 and fills in its outcome.
func (d *Decider) apply(c *work) error {
	d.Now = d.instant(c)
	if err := d.pass(c); err != nil {
		return err
	}
	d.current = c
	err := d.carry(c)
	if d.current = nil; err != nil {
		return err
	}
	if !c.Repeats && !c.Missing && !c.Ended {
		d.Effects.Attached = append(d.Effects.Attached, c.Also...)
	}
	return nil
}

// carry does what the change asks for.
func (d *Decider) carry(c *work) error {
	switch b := c.Body.(type) {
	case *decide.Occurrence:
		return d.occur(c, b)
	case *decide.Upsert:
		return d.upsert(c, b)
	case *decide.Update:
		return d.update(c, b)
	case *decide.End:
		return d.finish(c, b)
	case *decide.Dwell:
		return d.dwell(c, b)
	case *decide.Due:
		return d.due(c, b)
	case *decide.Delete:
		return d.delete(c)
	case *decide.Replay:
		return d.replay(c, b)
	case *decide.Move, *decide.Unite:
		return d.transit(causeOf(c), c.own)
	case *decide.Announcement:
		return d.announceAll(c, b)
	case *decide.Tick:
	}
	return nil
}

// occur applies an event that was asked for.
func (d *Decider) occur(c *work, o *decide.Occurrence) error {
	e := c.event
	e.evaluations = c.own
	if o.From != nil {
		if err := d.triggered(c, o.From); err != nil {
			return err
		}
	}
	c.Result = decide.Result{Stored: true, Late: e.late, ContactKey: c.ContactKey, ContactID: c.Contact.ID, EventID: c.ID}
	if !e.deleted {
		d.see(e, &o.Event)
	}
	chosen, err := d.choose(c, o.Lists)
	if err != nil {
		return err
	}
	d.store(e)
	d.capture(e)
	exits, err := d.exits(e)
	if err != nil {
		return err
	}
	c.Result.Exits = exits
	if err := d.follow(e); err != nil {
		return err
	}
	err = d.tell(e, chosen)
	c.Result.Decisions = c.decided
	return err
}

// triggered notes that an enrollment caused the event (J-135).
func (d *Decider) triggered(c *work, from *decide.Origin) error {
	n := c.Source.LiveEnrollment(from.EnrollmentID)
	if n == nil {
		return decide.ErrStale
	}
	c.event.hops = d.hops(n)
	d.step(n, from, "event_triggered", map[string]any{"eventId": c.ID, "event": c.event.name})
	return nil
}

// step logs what a step of an enrollment did, and where the enrollment stands then.
func (d *Decider) step(n *decide.Enrollment, at *decide.Origin, action string, detail map[string]any) {
	to := n.Node
	if at.Node != "" && at.Node != n.Node {
		to = at.Node
		d.Effects.Nodes = append(d.Effects.Nodes, decide.NodeChange{EnrollmentID: n.ID, Node: to})
	}
	d.Log(n.ID, at.StepKey, action, n.Node, to, detail)
	n.Node = to
}

// see writes what a public event changes on its contact: properties, first and last seen.
func (d *Decider) see(e *eventState, ev *decide.Event) {
	c := e.contact
	first, last := c.FirstSeen, c.LastSeen
	if first.IsZero() || e.occurred.Before(first) {
		first = e.occurred
	}
	last = decide.Later(last, e.occurred)
	if !c.Stored || c.Changed() || !first.Equal(c.FirstSeen) || !last.Equal(c.LastSeen) {
		d.Mark(c)
	}
	c.FirstSeen, c.LastSeen = first, last
	c.MergeProperties(ev.ContactProperties)
}

// upsert writes into a contact that keys name, and lets buckets see it.
func (d *Decider) upsert(c *work, u *decide.Upsert) error {
	contact := c.Contact
	if !contact.Stored && contact.FirstSeen.IsZero() {
		contact.FirstSeen, contact.LastSeen = d.Now, d.Now
	}
	if len(u.Properties) > 0 || !contact.Stored || contact.Changed() {
		contact.MergeProperties(u.Properties)
		d.Mark(contact)
	}
	chosen, err := d.choose(c, u.Lists)
	if err != nil {
		return err
	}
	cause := causeOf(c)
	if err := d.transit(cause, c.own); err != nil {
		return err
	}
	return d.tell(cause, chosen)
}

// update writes into a contact without an event (I-33) and lets buckets see it.
func (d *Decider) update(c *work, u *decide.Update) error {
	d.attach(c)
	cause := causeOf(c)
	if u.From != nil {
		n := c.Contact.LiveEnrollment(u.From.EnrollmentID)
		if n == nil {
			return decide.ErrStale
		}
		cause.hops = d.hops(n)
		d.step(n, u.From, "identified", map[string]any{"properties": slices.Sorted(maps.Keys(u.Properties))})
	}
	if len(u.Properties) > 0 {
		c.Contact.MergeProperties(u.Properties)
		d.Mark(c.Contact)
		if err := d.learned(c, u); err != nil {
			return err
		}
	}
	return d.transit(cause, c.own)
}
