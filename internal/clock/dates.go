package clock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/engine/dates"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// BeginDates brings the journeys of this build that dates trigger into force: contacts are
// due in a new or changed one from now on, in one that is gone nobody is (J-157).
func (c *Clock) BeginDates(ctx context.Context) error {
	wanted := map[string]json.RawMessage{}
	for _, j := range c.engine.Config().Journeys {
		if j.Trigger.Date == nil {
			continue
		}
		raw, err := json.Marshal(steps.DateRule{Date: *j.Trigger.Date, Zone: c.engine.Config().Timezone})
		if err != nil {
			return fmt.Errorf("encode date of %s: %w", j.ID, err)
		}
		wanted[j.ID] = raw
	}
	if len(wanted) == 0 && len(c.engine.Dates()) == 0 && c.engine.Buckets().Version > 0 {
		return nil
	}
	return c.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.BucketsChange(ctx); err != nil {
			return fmt.Errorf("lock registry: %w", err)
		}
		now, err := q.IngestClock(ctx)
		if err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		rows, err := q.DatesInForce(ctx)
		if err != nil {
			return fmt.Errorf("read dates: %w", err)
		}
		var gone, stale []string
		for i := range rows {
			raw, still := wanted[rows[i].JourneyID]
			switch {
			case !still:
				gone, stale = append(gone, rows[i].JourneyID), append(stale, rows[i].JourneyID)
			case sameRule(raw, rows[i].Definition, false):
				delete(wanted, rows[i].JourneyID)
			case sameRule(raw, rows[i].Definition, true):
				// Each due moves to where it is in the new zone, for what is behind now by that: at once.
			default:
				stale = append(stale, rows[i].JourneyID)
			}
		}
		if len(stale)+len(wanted) == 0 {
			return nil
		}
		err = errors.Join(q.DatesTriggersDelete(ctx, gone), q.DatesForget(ctx, stale))
		for id, raw := range wanted {
			err = errors.Join(err, q.DatesTriggerUpsert(ctx, id, raw, now))
		}
		if err = errors.Join(err, q.RegistryChanged(ctx)); err != nil {
			return fmt.Errorf("bring dates into force: %w", err)
		}
		return nil
	})
}

// sameRule compares what was stored, as Postgres writes it, with what is wanted; anywhere
// leaves out the zone of contacts whose own is not known.
func sameRule(a, b json.RawMessage, anywhere bool) bool {
	var x, y steps.DateRule
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return x.Date == y.Date && (anywhere || cmp.Or(x.Zone, "UTC") == cmp.Or(y.Zone, "UTC"))
}

// FillDates looks at the next contacts for one journey that dates trigger newly: a chunk, in
// one transaction with its progress (W-24).
func (c *Clock) FillDates(ctx context.Context) (done bool, wait time.Duration, err error) {
	done = true
	err = c.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		rows, err := q.DatesInForce(ctx)
		if err != nil {
			return fmt.Errorf("read dates: %w", err)
		}
		for i := range rows {
			if !rows[i].Filled {
				done = false
				return fillChunk(ctx, q, &rows[i])
			}
		}
		return nil
	})
	return done, 0, err
}

func fillChunk(ctx context.Context, q *storedb.Queries, row *storedb.DateTrigger) error {
	rule := &steps.DateRule{JourneyID: row.JourneyID}
	if err := json.Unmarshal(row.Definition, rule); err != nil {
		return fmt.Errorf("read date of %s: %w", row.JourneyID, err)
	}
	contacts, err := q.DatesFillNext(ctx, row.Position, engine.ChunkSize)
	if err != nil {
		return fmt.Errorf("read contacts: %w", err)
	}
	ids := make([]uuid.UUID, len(contacts))
	for i := range contacts {
		ids[i] = contacts[i].ID
	}
	stored, err := q.DatesDues(ctx, ids)
	if err != nil {
		return fmt.Errorf("read what is due: %w", err)
	}
	was := map[uuid.UUID]*steps.DateDue{} // in another zone, or written since
	for i := range stored {
		if s := &stored[i]; s.JourneyID == row.JourneyID {
			was[s.ContactID] = &steps.DateDue{ContactID: s.ContactID, JourneyID: s.JourneyID, At: s.DueAt, Value: s.Value, Year: int(s.Year)}
		}
	}
	var dues []steps.DateDue
	position := row.Position
	for i := range contacts {
		position = contacts[i].ID
		contact, err := dates.Contact(contacts[i].Timezone, contacts[i].Properties)
		if err != nil {
			return err
		}
		if due, ok := rule.Due(position, contact, was[position], row.BegunAt); ok {
			dues = append(dues, due)
		}
	}
	if len(dues) > 0 {
		if err := dates.Store(ctx, q, dues); err != nil {
			return fmt.Errorf("store what is due: %w", err)
		}
	}
	if err := q.DatesFilled(ctx, position, len(contacts) < engine.ChunkSize, row.JourneyID); err != nil {
		return fmt.Errorf("store progress: %w", err)
	}
	return nil
}

// tellDates tells the journeys of the contacts that are due by now, the earliest first
// (J-158). Asked again after a crash it tells nobody twice: what was told moves on in the
// transaction that tells it.
func (c *Clock) tellDates(ctx context.Context, now time.Time) error {
	rows, err := c.engine.Store.DatesDue(ctx, now, engine.ChunkSize)
	if err != nil {
		return fmt.Errorf("read what is due: %w", err)
	}
	var changes []*decide.Change
	for i := range rows {
		row := &rows[i]
		due := steps.DateDue{ContactID: row.ContactID, JourneyID: row.JourneyID, At: row.DueAt, Value: row.Value, Year: int(row.Year)}
		change, move, err := c.date(ctx, row, due)
		if err != nil {
			return err
		}
		if change == nil { // told before, or of a journey that is gone
			if err := c.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error { return move(q) }); err != nil {
				return fmt.Errorf("move date on: %w", err)
			}
			continue
		}
		changes = append(changes, change)
	}
	return c.tell(ctx, changes)
}

// date makes the change that tells of one date, nil if it was told, and what moves it on.
func (c *Clock) date(ctx context.Context, row *storedb.DatesDueRow, due steps.DateDue) (change *decide.Change, move func(q *storedb.Queries) error, err error) {
	p := storedb.DatesToldParams{ContactID: due.ContactID, JourneyID: due.JourneyID, DueAt: due.At}
	move = func(q *storedb.Queries) error {
		n, err := q.DatesTold(ctx, p)
		if err == nil && n != 1 {
			return fmt.Errorf("date of contact %s has moved: %w", due.ContactID, decide.ErrStale)
		}
		return err
	}
	var rule *steps.DateRule
	for _, r := range c.engine.Dates() {
		if r.JourneyID == due.JourneyID {
			rule = r
		}
	}
	if rule == nil {
		return nil, move, nil
	}
	contact, err := dates.Contact(row.Timezone, row.Properties)
	if err != nil {
		return nil, nil, err
	}
	if next, ok := rule.Following(contact, due); ok {
		p.NextAt, p.Year = &next.At, int32(next.Year) //nolint:gosec // a year
	}
	keys := due.Keys(c.engine.Index().IDs(due.JourneyID), row.Merged)
	spaces := make([]string, len(keys))
	for i := range spaces {
		spaces[i] = decide.SpaceInternal
	}
	seen, err := c.engine.Store.IngestSeen(ctx, spaces, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("look for what was told: %w", err)
	}
	if len(seen) > 0 {
		return nil, move, nil
	}
	properties, err := due.Properties(rule.Date.Property)
	if err != nil {
		return nil, nil, fmt.Errorf("encode date: %w", err)
	}
	change = c.engine.ChangeOf(due.ContactID, &decide.Announcement{
		Events:   []decide.Announced{{Name: hogsend.DateEvent(due.JourneyID), Properties: properties, OccurredAt: due.At, Source: decide.SourceDate}},
		Attached: []any{move},
	})
	change.Space, change.Key = decide.SpaceInternal, due.Key(due.JourneyID, due.ContactID)
	return change, move, nil
}

// tell applies the changes of dates together and, where one is in the way, one by one:
// what has moved meanwhile is looked at again.
func (c *Clock) tell(ctx context.Context, changes []*decide.Change) error {
	if len(changes) == 0 {
		return nil
	}
	err := c.engine.Apply(ctx, changes...)
	switch {
	case err == nil:
		c.engine.Config().Notify()
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case len(changes) == 1:
		if errors.Is(err, decide.ErrStale) {
			return nil // the next round reads what is due now
		}
		c.engine.Config().Logger.WarnContext(ctx, "clock cannot tell of a date", "contact_id", changes[0].ContactID, "error", err)
		return nil
	}
	for _, change := range changes {
		change.Reset()
		if err := c.tell(ctx, []*decide.Change{change}); err != nil {
			return err
		}
	}
	return nil
}
