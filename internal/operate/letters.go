package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErrDecided says that a row of the outbox is delivered or under way, or that a dead letter
// does not wait for a decision any more.
var ErrDecided = errors.New("it waits for no decision")

// webhookLetter is before the source of a message in the source of its dead letter.
const webhookLetter = "webhook."

// RetryOutbox makes a row due at once. What has its key already has no second
// effect (O-18).
func (d *Desk) RetryOutbox(ctx context.Context, by store.Actor, row storedb.Outbox) error {
	err := d.Store.Change(ctx, func(q *storedb.Queries) error {
		ids := []uuid.UUID{row.ID}
		due, err := q.OutboxNow(ctx, ids)
		if err != nil {
			return err
		}
		if len(due) == 0 {
			return ErrDecided
		}
		if err := q.LettersOfRows(ctx, ids); err != nil {
			return err
		}
		e := entry(by, "outbox.retry", row.ID.String())
		e.Detail.Given("kind", row.Kind)
		return e.Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("retry outbox row: %w", err)
	}
	d.Ingest.Engine().Config().Notify()
	return nil
}

// RetryLetters has dead letters delivered again under their original keys, and messages of
// webhooks applied again. Those are left of which nothing is kept that could be. Of two at once one retries a letter. retried is how many were.
func (d *Desk) RetryLetters(ctx context.Context, by store.Actor, ids []uuid.UUID) (retried int, err error) {
	err = d.Store.Change(ctx, func(q *storedb.Queries) error {
		letters, err := q.LettersRetried(ctx, ids)
		if err != nil {
			return err
		}
		if retried = len(letters); retried == 0 {
			return nil
		}
		var rows []uuid.UUID
		var sources, messages []string
		for _, l := range letters {
			if source, told := strings.CutPrefix(l.Source, webhookLetter); told {
				sources, messages = append(sources, source), append(messages, l.SourceID)
			} else if row, err := uuid.Parse(l.SourceID); err != nil {
				return fmt.Errorf("dead letter %s: %w", l.ID, err)
			} else {
				rows = append(rows, row)
			}
			if err := entry(by, "dlq.retry", l.ID.String()).Write(ctx)(q); err != nil {
				return err
			}
		}
		if err := q.InboxNow(ctx, sources, messages); err != nil {
			return err
		}
		_, err = q.OutboxNow(ctx, rows)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("retry dead letters: %w", err)
	}
	d.Ingest.Engine().Config().Notify()
	return retried, nil
}

// DiscardLetter gives a dead letter up for good.
func (d *Desk) DiscardLetter(ctx context.Context, by store.Actor, id uuid.UUID) error {
	err := d.Store.Change(ctx, func(q *storedb.Queries) error {
		rows, err := q.LetterDiscard(ctx, id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrDecided
		}
		if rows[0].SourceID != nil {
			if err := q.InboxDiscard(ctx, rows[0].Source, *rows[0].SourceID); err != nil {
				return err
			}
		}
		e := entry(by, "dlq.discard", id.String())
		e.Detail.Given("source", rows[0].Source)
		return e.Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("discard dead letter: %w", err)
	}
	return nil
}
