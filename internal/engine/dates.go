package engine

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/engine/dates"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Dates are the journeys in force that dates trigger, as far as the engine knows.
func (e *Engine) Dates() []*steps.DateRule { return e.catalog.Load().dates }

// dated are the contacts whose dates the changes may have moved: what they are computed
// from was written, or the contact came, went or was merged (J-157).
func (t *transaction) dated(properties []string) []uuid.UUID {
	if len(properties) == 0 {
		return nil
	}
	keys := append(steps.ZoneProperties(), properties...)
	var ids []uuid.UUID
	for _, c := range t.changes {
		if c.Repeats || c.Missing || c.Contact == nil {
			continue
		}
		moved := c.Revived || len(c.Merges) > 0
		switch b := c.Body.(type) {
		case *decide.Delete:
			moved = true
		case *decide.Upsert:
			moved = moved || b.Zoned
		case *decide.Update:
			moved = moved || b.Zoned
		}
		for _, key := range keys {
			_, written := c.ContactProperties()[key]
			moved = moved || written
		}
		if !moved {
			continue
		}
		for _, m := range c.Merges {
			ids = append(ids, m.From.ID)
		}
		if id := c.Contact.Survivor().ID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// triggering are the properties that journeys are triggered by.
func (t *transaction) triggering() []string {
	var properties []string
	for _, r := range t.catalog.dates {
		properties = append(properties, r.Date.Property)
	}
	return properties
}

// queuePropertyDates computes anew the instants that the clock looks out for (C-31).
func (t *transaction) queuePropertyDates(ctx context.Context, p *store.Pipeline) {
	properties := t.catalog.buckets.Dates
	if ids := t.dated(properties); len(ids) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.PropertyDatesSet(ctx, properties, ids) })
	}
}

// queueDates computes anew when contacts are due: it queues what that is computed from,
// and returns what queues what is to be written.
func (t *transaction) queueDates(ctx context.Context, p *store.Pipeline, ids []uuid.UUID) (write func(p *store.Pipeline) error) {
	var contacts []storedb.DatesContactsRow
	var was []storedb.DateDue
	p.Add(func(q *storedb.Queries) (err error) { contacts, err = q.DatesContacts(ctx, ids); return err })
	p.Add(func(q *storedb.Queries) (err error) { was, err = q.DatesDues(ctx, ids); return err })
	return func(p *store.Pipeline) error {
		dues, goneOf, goneIn, err := dates.Move(t.catalog.dates, contacts, was, t.now)
		if err != nil {
			return err
		}
		if len(goneOf) > 0 {
			p.Add(func(q *storedb.Queries) error { return q.DatesDelete(ctx, goneOf, goneIn) })
		}
		if len(dues) > 0 {
			p.Add(func(q *storedb.Queries) error { return dates.Store(ctx, q, dues) })
		}
		return nil
	}
}
