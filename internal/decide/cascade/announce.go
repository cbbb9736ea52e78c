package cascade

import (
	"cmp"

	"github.com/hogsend/hogsend/internal/decide"
)

// attach writes along what the caller of a change wants to be seen by its evaluation, once.
func (d *Decider) attach(c *work) {
	if c.attached {
		return
	}
	switch b := c.Body.(type) {
	case *decide.Update:
		d.Effects.Attached = append(d.Effects.Attached, b.Attached...)
	case *decide.Announcement:
		d.Effects.Attached, d.Effects.Checked = append(d.Effects.Attached, b.Attached...), true
	default:
		return
	}
	c.attached = true
}

// announceAll applies what is attached, then what buckets make of it, then the events in
// their order.
func (d *Decider) announceAll(c *work, a *decide.Announcement) error {
	d.attach(c)
	if err := d.transit(causeOf(c), c.own); err != nil {
		return err
	}
	for _, one := range a.Events {
		e := &eventState{id: d.NewID(), name: one.Name, properties: one.Properties, source: cmp.Or(one.Source, decide.SourceEmail), occurred: one.OccurredAt}
		if e.occurred.IsZero() {
			e.occurred = d.Now
		}
		e.late = d.Now.Sub(e.occurred) > d.LateHorizon
		if err := d.internal(causeOf(c), e, one.Key); err != nil {
			return err
		}
	}
	return nil
}
