package decide

import (
	"encoding/json"
	"slices"
	"time"
)

// SourceEmail is the source of events that tell of mails and of choices about them.
const SourceEmail = "email"

// Announcement writes something of a contact and tells it by internal events, such as an
// opt-out: they change nothing else of the contact (E-75).
type Announcement struct {
	Events []Announced
	// Attached is what is written along; it comes back in Effects.Attached. Nothing is
	// done if a statement of it fails.
	Attached []any
}

// Announced is one event of an Announcement.
type Announced struct {
	Name       string
	Properties json.RawMessage
	// Key is its idempotency key among internal events: it must be free.
	Key string
	// OccurredAt is zero for now.
	OccurredAt time.Time
}

func (*Announcement) body() {}

// announceAll applies what is attached, then the events, in their order.
func (d *Decider) announceAll(c *Change, a *Announcement) error {
	d.effects.Attached, d.effects.Checked = append(d.effects.Attached, a.Attached...), true
	for _, one := range a.Events {
		e := &eventState{id: d.NewID(), name: one.Name, properties: one.Properties, source: SourceEmail, occurred: one.OccurredAt}
		if e.occurred.IsZero() {
			e.occurred = d.now
		}
		e.late = d.now.Sub(e.occurred) > d.LateHorizon
		if err := d.internal(causeOf(c), e, one.Key); err != nil {
			return err
		}
	}
	return nil
}

// names are those of the events.
func (a *Announcement) names() []string {
	var names []string
	for _, one := range a.Events {
		if !slices.Contains(names, one.Name) {
			names = append(names, one.Name)
		}
	}
	return names
}
