// Package dates reads the journeys that dates trigger, and keeps when contacts are due in them.
package dates

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Read reads the journeys in force that dates trigger.
func Read(ctx context.Context, q *storedb.Queries) ([]*steps.DateRule, error) {
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

// Contact is what the dates of a contact are computed from.
func Contact(timezone *string, properties json.RawMessage) (hogsend.Contact, error) {
	c := hogsend.Contact{}
	if timezone != nil {
		c.Timezone = *timezone
	}
	if err := json.Unmarshal(properties, &c.Properties); err != nil {
		return c, fmt.Errorf("read properties: %w", err)
	}
	return c, nil
}

// Move computes when contacts are due, and of whom and in which journeys that are
// due no more.
func Move(rules []*steps.DateRule, contacts []storedb.DatesContactsRow, rows []storedb.DateDue, now time.Time) (dues []steps.DateDue, goneOf []uuid.UUID, goneIn []string, err error) {
	was := make(map[[2]string]*steps.DateDue, len(rows)) // by contact and journey
	for i := range rows {
		row := &rows[i]
		was[[2]string{row.ContactID.String(), row.JourneyID}] = &steps.DateDue{
			ContactID: row.ContactID, JourneyID: row.JourneyID, At: row.DueAt, Value: row.Value, Year: int(row.Year),
		}
	}
	for i := range contacts {
		c, err := Contact(contacts[i].Timezone, contacts[i].Properties)
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

// Store stores when contacts are due.
func Store(ctx context.Context, q *storedb.Queries, dues []steps.DateDue) error {
	var p storedb.DatesUpsertParams
	for _, d := range dues {
		p.ContactIds, p.JourneyIds = append(p.ContactIds, d.ContactID), append(p.JourneyIds, d.JourneyID)
		p.Due, p.DateValues, p.Years = append(p.Due, d.At), append(p.DateValues, d.Value), append(p.Years, int32(d.Year)) //nolint:gosec // a year
	}
	return q.DatesUpsert(ctx, p)
}
