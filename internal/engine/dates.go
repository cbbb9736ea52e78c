package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// readDates reads the journeys in force that dates trigger.
func readDates(ctx context.Context, q *storedb.Queries) ([]*steps.DateRule, error) {
	rows, err := q.DatesInForce(ctx)
	if err != nil {
		return nil, fmt.Errorf("read dates: %w", err)
	}
	rules := make([]*steps.DateRule, len(rows))
	for i := range rows {
		rules[i] = &steps.DateRule{JourneyID: rows[i].JourneyID}
		if err := json.Unmarshal(rows[i].Definition, rules[i]); err != nil {
			return nil, fmt.Errorf("read date of %s: %w", rows[i].JourneyID, err)
		}
	}
	return rules, nil
}

// Dates are the journeys in force that dates trigger, as far as the engine knows.
func (e *Engine) Dates() []*steps.DateRule { return e.catalog.Load().dates }

// dated are the contacts whose dates the changes may have moved: what they are computed
// from was written, or the contact came, went or was merged (J-157).
func (t *transaction) dated() []uuid.UUID {
	rules := t.catalog.dates
	if len(rules) == 0 {
		return nil
	}
	keys := steps.ZoneProperties()
	for _, r := range rules {
		keys = append(keys, r.Date.Property)
	}
	var ids []uuid.UUID
	for _, c := range t.changes {
		if c.Repeats || c.Missing || c.Contact == nil {
			continue
		}
		moved := c.Revived || len(c.Merges) > 0
		switch b := c.Body.(type) {
		case *decide.Delete:
			moved = true
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

// DateContact is what the dates of a contact are computed from.
func DateContact(timezone *string, properties json.RawMessage) (hogsend.Contact, error) {
	c := hogsend.Contact{Timezone: text(timezone)}
	if err := json.Unmarshal(properties, &c.Properties); err != nil {
		return c, fmt.Errorf("read properties: %w", err)
	}
	return c, nil
}

// queueDates computes anew when contacts are due: it queues what that is computed from,
// and returns what queues what is to be written.
func (t *transaction) queueDates(ctx context.Context, p *store.Pipeline, ids []uuid.UUID) (write func(p *store.Pipeline) error) {
	var contacts []storedb.DatesContactsRow
	var was []storedb.DateDue
	p.Add(func(q *storedb.Queries) (err error) { contacts, err = q.DatesContacts(ctx, ids); return err })
	p.Add(func(q *storedb.Queries) (err error) { was, err = q.DatesDues(ctx, ids); return err })
	return func(p *store.Pipeline) error {
		dues, goneOf, goneIn, err := moveDates(t.catalog.dates, contacts, was, t.now)
		if err != nil {
			return err
		}
		if len(goneOf) > 0 {
			p.Add(func(q *storedb.Queries) error { return q.DatesDelete(ctx, goneOf, goneIn) })
		}
		if len(dues) > 0 {
			p.Add(func(q *storedb.Queries) error { return StoreDates(ctx, q, dues) })
		}
		return nil
	}
}

// moveDates computes when contacts are due, and of whom and in which journeys that are
// due no more.
func moveDates(rules []*steps.DateRule, contacts []storedb.DatesContactsRow, rows []storedb.DateDue, now time.Time) (dues []steps.DateDue, goneOf []uuid.UUID, goneIn []string, err error) {
	was := make(map[[2]string]*steps.DateDue, len(rows)) // by contact and journey
	for i := range rows {
		row := &rows[i]
		was[[2]string{row.ContactID.String(), row.JourneyID}] = &steps.DateDue{
			ContactID: row.ContactID, JourneyID: row.JourneyID, At: row.DueAt, Value: row.Value, Year: int(row.Year),
		}
	}
	for i := range contacts {
		c, err := DateContact(contacts[i].Timezone, contacts[i].Properties)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, r := range rules {
			place := [2]string{contacts[i].ID.String(), r.JourneyID}
			if due, ok := r.Due(contacts[i].ID, c, was[place], now); ok {
				dues = append(dues, due)
				delete(was, place)
			}
		}
	}
	for _, old := range was {
		goneOf, goneIn = append(goneOf, old.ContactID), append(goneIn, old.JourneyID)
	}
	return dues, goneOf, goneIn, nil
}

// StoreDates stores when contacts are due.
func StoreDates(ctx context.Context, q *storedb.Queries, dues []steps.DateDue) error {
	var p storedb.DatesUpsertParams
	for _, d := range dues {
		p.ContactIds, p.JourneyIds = append(p.ContactIds, d.ContactID), append(p.JourneyIds, d.JourneyID)
		p.Due, p.DateValues, p.Years = append(p.Due, d.At), append(p.DateValues, d.Value), append(p.Years, int32(d.Year)) //nolint:gosec // a year
	}
	return q.DatesUpsert(ctx, p)
}
