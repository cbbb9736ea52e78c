package memory

import (
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// moveDates computes anew when everybody is due (J-157).
func (b *Backend) moveDates() error {
	if len(b.rules) == 0 {
		return nil
	}
	was := b.dates
	b.dates = map[datePlace]*steps.DateDue{}
	for _, c := range b.contacts {
		if c.merged || !c.DeletedAt.IsZero() {
			continue
		}
		contact, err := c.contact()
		if err != nil {
			return err
		}
		for _, r := range b.rules {
			place := datePlace{c.id, r.JourneyID}
			if due, ok := r.Due(c.id, contact, was[place], b.Now()); ok {
				b.dates[place] = &due
			}
		}
	}
	return nil
}

// dateRules are the journeys that dates of contacts trigger.
func (b *Backend) dateRules() []*steps.DateRule {
	var rules []*steps.DateRule
	for i := range b.Registry.Journeys {
		if j := &b.Registry.Journeys[i]; j.Trigger.Date != nil {
			rules = append(rules, &steps.DateRule{JourneyID: j.ID, Date: *j.Trigger.Date, Zone: b.Registry.Defaults.Timezone})
		}
	}
	return rules
}
