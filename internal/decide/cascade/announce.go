package cascade

import (
	"cmp"

	"github.com/hogsend/hogsend/internal/decide"
)

// announceAll applies what is attached, then the events, in their order.
func (d *Decider) announceAll(c *work, a *decide.Announcement) error {
	d.Effects.Attached, d.Effects.Checked = append(d.Effects.Attached, a.Attached...), true
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
