package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Errors of Replay.
var (
	// ErrReplaying says that another replay is under way.
	ErrReplaying = errors.New("another replay is under way")
	// ErrContactDeleted says that nothing is to be run for a contact that is deleted.
	ErrContactDeleted = errors.New("the contact is deleted")
)

// Internal reports whether only hogsend itself makes events of the name: they are not run
// again (J-22).
func Internal(name string) bool { return check.Reserved(name) }

// Replay runs stored events once more, in the order given, each in a transaction of its own
// (I-53, O-26); told is called with what became of each, and record
// gives what is written along at the end. An event enrolls nobody in a journey that it enrolled in before,
// so one that runs twice mails nobody twice.
func (g *Ingester) Replay(ctx context.Context, events []storedb.Event, told func(e storedb.Event, err error), record func() Write) error {
	return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		locked, err := q.ReplayLock(ctx)
		if err != nil {
			return fmt.Errorf("lock replays: %w", err)
		}
		if !locked {
			return ErrReplaying
		}
		for _, e := range events {
			told(e, g.replay(ctx, e))
		}
		return record()(q)
	})
}

func (g *Ingester) replay(ctx context.Context, e storedb.Event) error {
	entered, err := g.engine.Store.ReplayEntered(ctx, e.ContactID, e.ID)
	if err != nil {
		return fmt.Errorf("read enrollments of event: %w", err)
	}
	again := &decide.Replay{ID: e.ID, Received: e.ReceivedAt, Entered: entered, Event: decide.Event{
		Name: e.Name, Properties: e.Properties, Value: e.Value, Timestamp: &e.OccurredAt, Source: e.Source, Hops: int(e.Hops),
	}}
	if e.Currency != nil {
		again.Currency = *e.Currency
	}
	c := g.engine.ChangeOf(e.ContactID, again)
	if err := g.engine.Apply(ctx, c); err != nil {
		return fmt.Errorf("run event again: %w", err)
	}
	if c.Missing {
		return ErrContactDeleted
	}
	return nil
}
