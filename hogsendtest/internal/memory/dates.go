package memory

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// tickDates tells the journeys of the contacts that are due by now, and returns when the
// next one is.
func (b *Backend) tickDates() (next time.Time, err error) {
	for {
		var first *steps.DateDue
		for _, due := range b.dates {
			if first == nil || cmp.Or(due.At.Compare(first.At), cmp.Compare(due.ContactID.String(), first.ContactID.String()), cmp.Compare(due.JourneyID, first.JourneyID)) < 0 {
				first = due
			}
		}
		if first == nil {
			return time.Time{}, nil
		}
		if first.At.After(b.Now()) {
			return first.At, nil
		}
		if err := b.tellDate(*first); err != nil {
			return time.Time{}, err
		}
	}
}

func (b *Backend) tellDate(due steps.DateDue) error {
	c, place := b.byID[due.ContactID], datePlace{due.ContactID, due.JourneyID}
	rule := b.rules[slices.IndexFunc(b.rules, func(r *steps.DateRule) bool { return r.JourneyID == due.JourneyID })]
	contact, err := c.contact()
	if err != nil {
		return err
	}
	move := func() {
		delete(b.dates, place)
		if next, ok := rule.Following(contact, due); ok {
			b.dates[place] = &next
		}
	}
	var merged []uuid.UUID
	for id, into := range b.byID {
		if into == c && id != c.id {
			merged = append(merged, id)
		}
	}
	for _, key := range due.Keys(b.index.IDs(due.JourneyID), merged) {
		if b.repeats(decide.SpaceInternal, key) {
			move()
			return nil
		}
	}
	properties, err := due.Properties(rule.Date.Property)
	if err != nil {
		return fmt.Errorf("encode date: %w", err)
	}
	change := b.change(&decide.Announcement{
		Events:   []decide.Announced{{Name: hogsend.DateEvent(due.JourneyID), Properties: properties, OccurredAt: due.At, Source: decide.SourceDate}},
		Attached: []any{move},
	})
	change.ContactID, change.Space, change.Key = c.id, decide.SpaceInternal, due.Key(due.JourneyID, due.ContactID)
	return b.run(change)
}
