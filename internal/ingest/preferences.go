package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Names of the internal events of choices about mails (E-57).
const (
	EventUnsubscribed = decide.EmailUnsubscribed
	EventResubscribed = decide.EmailResubscribed
)

// Choice is a change of the preference record of an address, and who made it how.
type Choice struct {
	store.PreferenceChange
	// Via is one_click, page, api or admin; SendID is the mail whose link was used, if any.
	Via    string
	SendID *uuid.UUID
	// Record is written along, made of the record as it was and as it will be; nil for
	// nothing.
	Record func(before, after storedb.Preference) Write
}

// errMoved says that the record is not as it was read.
var errMoved = errors.New("preference record changed meanwhile")

// Choose changes a preference record, made if it was missing, and tells what changed by
// events of its contact, in one transaction: of everything, then of each category. What
// changes nothing is no event (E-57). before is the record as it was.
func (g *Ingester) Choose(ctx context.Context, c Choice) (before, after storedb.Preference, err error) {
	for {
		if before, err = g.engine.Store.PreferenceEnsured(ctx, c.PreferenceChange); err != nil {
			return before, after, err
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		if after, err = c.Apply(before, now); err != nil {
			return before, after, err
		}
		err = g.choose(ctx, before, after, c)
		if !errors.Is(err, errMoved) {
			return before, after, err
		}
	}
}

func (g *Ingester) choose(ctx context.Context, before, after storedb.Preference, c Choice) error {
	var record []Write
	if c.Record != nil {
		record = append(record, c.Record(before, after))
	}
	if store.SamePreference(before, after) {
		if len(record) == 0 {
			return nil
		}
		return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error { return record[0](q) })
	}
	write := func(q *storedb.Queries) error {
		n, err := q.PreferenceWrite(ctx, store.PreferenceWrite(before, after))
		if err == nil && n == 0 {
			return errMoved
		}
		return err
	}
	events, err := choiceEvents(before, after, c)
	if err != nil {
		return err
	}
	if after.ContactID != nil {
		change := g.engine.ChangeOf(*after.ContactID, &decide.Announcement{Events: events, Attached: attached(append([]Write{write}, record...))})
		if err := g.engine.Apply(ctx, change); err != nil {
			return fmt.Errorf("change preferences: %w", err)
		}
		if !change.Missing {
			return nil
		}
	}
	// Nobody is there to be told of it, but the choice holds.
	err = g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := write(q); err != nil || len(record) == 0 {
			return err
		}
		return record[0](q)
	})
	if err != nil {
		return fmt.Errorf("change preferences: %w", err)
	}
	return nil
}

// choiceEvents are the events of what differs (E-75).
func choiceEvents(before, after storedb.Preference, c Choice) ([]decide.Announced, error) {
	was, now := decide.OptOuts{UnsubscribedAll: before.UnsubscribedAll}, decide.OptOuts{UnsubscribedAll: after.UnsubscribedAll}
	if err := errors.Join(json.Unmarshal(before.Categories, &was.Categories), json.Unmarshal(after.Categories, &now.Categories)); err != nil {
		return nil, fmt.Errorf("decode categories: %w", err)
	}
	events, err := decide.Choice{Via: c.Via, SendID: c.SendID, ByCategory: len(c.Categories) > 0}.Told(was, now)
	for i := range events {
		events[i].Key = events[i].Name + ":" + engine.NewID().String()
	}
	return events, err
}
