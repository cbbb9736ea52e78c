package engine

import (
	"context"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine/tree"
	"github.com/hogsend/hogsend/internal/store"
)

// settle brings to a contact what a backfill has not brought to it yet (W-22).
func (e *Engine) settle(ctx context.Context, contactID uuid.UUID) error {
	if err := e.Refresh(ctx); err != nil || len(e.Buckets().Backfilling) == 0 {
		return err
	}
	return e.Apply(ctx, e.ChangeOf(contactID, &decide.Tick{}))
}

// Matches says whether a valid tree of conditions holds for a contact now, false for one
// that is deleted or gone.
func (e *Engine) Matches(ctx context.Context, contactID uuid.UUID, asked hogsend.Condition) (holds bool, err error) {
	if criteria.AsksBuckets(asked) {
		if err := e.settle(ctx, contactID); err != nil {
			return false, err
		}
	}
	now, err := e.Store.IngestClock(ctx)
	if err != nil {
		return false, err
	}
	var p store.Pipeline
	tree.Ask(asked).Queue(ctx, &p, contactID, now, func(answer bool, _ []hogsend.Condition) { holds = answer })
	err = e.Store.Borrow(ctx, func(c *store.Conn) error { return c.Send(ctx, &p) })
	return holds, err
}
