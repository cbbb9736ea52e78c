package engine

import (
	"context"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
)

// Settle brings to a contact what a backfill has not brought to it yet (W-22).
func (e *Engine) Settle(ctx context.Context, contactID uuid.UUID) error {
	if err := e.Refresh(ctx); err != nil || len(e.Buckets().Backfilling) == 0 {
		return err
	}
	return e.Apply(ctx, e.ChangeOf(contactID, &decide.Tick{}))
}
