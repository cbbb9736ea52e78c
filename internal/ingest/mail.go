package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Write is one statement that is made in a transaction of the ingester.
type Write = func(q *storedb.Queries) error

// Mailed writes what became of a mail to a contact and lets the buckets that look at
// its template see it, in one transaction (B-6). Each write makes exactly one
// generated call.
func (g *Ingester) Mailed(ctx context.Context, contactID uuid.UUID, template string, writes ...Write) error {
	for {
		seen, err := g.unseen(ctx, template, writes)
		if err == nil || !errors.Is(err, errChanged) {
			if seen || err != nil {
				return err
			}
			break
		}
		if err := g.reload(ctx); err != nil {
			return err
		}
	}
	it := newItem(&Event{})
	it.kind, it.contactID, it.template, it.writes = kindTouch, contactID, template, writes
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return fmt.Errorf("record mail: %w", err)
	}
	if it.gone { // nobody is moved any more, but the mail is recorded
		_, err := g.unseen(ctx, "", writes)
		return err
	}
	return nil
}

// unseen makes the writes alone if no bucket looks at the template.
func (g *Ingester) unseen(ctx context.Context, template string, writes []Write) (done bool, err error) {
	l := g.catalog.Load().segments
	if template != "" && len(l.byTemplate[template]) > 0 {
		return false, nil
	}
	err = g.store.Borrow(ctx, func(c *store.Conn) error {
		var (
			begin, end store.Pipeline
			version    int64
		)
		begin.Begin()
		begin.Add(func(q *storedb.Queries) error { return q.BucketsShare(ctx) })
		begin.Add(func(q *storedb.Queries) (err error) { version, err = q.BucketsVersion(ctx); return err })
		if err := c.Send(ctx, &begin); err != nil {
			return err
		}
		if template != "" && version != l.version {
			return errChanged
		}
		for _, write := range writes {
			end.Add(write)
		}
		end.Commit()
		return c.Send(ctx, &end)
	})
	if err != nil {
		return false, fmt.Errorf("record mail: %w", err)
	}
	return true, nil
}
