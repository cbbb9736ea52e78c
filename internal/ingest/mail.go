package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Mailed writes what became of a mail to a contact and lets the buckets that look at
// its template see it, in one transaction (B-6). Each write makes exactly one
// generated call.
func (g *Ingester) Mailed(ctx context.Context, contactID uuid.UUID, template string, writes ...Write) error {
	for {
		seen, err := g.unseen(ctx, template, writes)
		if err == nil || !errors.Is(err, engine.ErrChanged) {
			if seen || err != nil {
				return err
			}
			break
		}
		if err := g.engine.Reload(ctx); err != nil {
			return err
		}
	}
	c := g.engine.ChangeOf(contactID, &decide.Update{Template: template, Attached: attached(writes)})
	if err := g.engine.Apply(ctx, c); err != nil {
		return fmt.Errorf("record mail: %w", err)
	}
	if c.Missing { // nobody is moved any more, but the mail is recorded
		_, err := g.unseen(ctx, "", writes)
		return err
	}
	return nil
}

// unseen makes the writes alone if no bucket looks at the template.
func (g *Ingester) unseen(ctx context.Context, template string, writes []Write) (done bool, err error) {
	buckets := g.engine.Buckets()
	if template != "" && buckets.LookAtMail(template) {
		return false, nil
	}
	err = g.engine.Store.Borrow(ctx, func(c *store.Conn) error {
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
		if template != "" && version != buckets.Version {
			return engine.ErrChanged
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

// attached are writes as what a change carries.
func attached(writes []Write) []any {
	all := make([]any, len(writes))
	for i, write := range writes {
		all[i] = write
	}
	return all
}
