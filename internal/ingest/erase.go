package ingest

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
)

// Erase begins the erasure of a contact, live or deleted, under an id of the caller's
// (I-51): in one transaction its enrollments and stays end as by a deletion, their workflows
// and timers are canceled, and nothing leads to it any more, so that what comes with its ids
// afterwards makes a new contact (I-52). Its rows are removed by Store.FinishErasure. found is
// false, and nothing happens, when it is erased already. Further writes are made along.
func (g *Ingester) Erase(ctx context.Context, id, contactID uuid.UUID, reason string, also ...Write) (found bool, err error) {
	writes := append(store.ErasureWrites(ctx, id, contactID, reason), also...)
	for {
		c := g.engine.ChangeOf(contactID, &decide.Delete{})
		c.Also = attached(writes)
		if err := g.engine.Apply(ctx, c); err != nil {
			return false, fmt.Errorf("erase contact: %w", err)
		}
		if !c.Missing {
			return true, nil
		}
		state, err := g.engine.Store.EraseDeleted(ctx, contactID, writes)
		if err != nil {
			return false, fmt.Errorf("erase deleted contact: %w", err)
		}
		if state != store.EraseRevived { // else an event was faster
			return state == store.EraseBegun, nil
		}
	}
}
