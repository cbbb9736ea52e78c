package engine

import (
	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/engine/tree"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Admit implements cascade.Backend.
func (b backend) Admit(effects *decide.Effects, a *cascade.Admission) error {
	var p store.Pipeline
	if err := b.write(b.ctx, &p, effects); err != nil {
		return err
	}
	if a.Audience {
		tree.Ask(a.Journey.Audience).Queue(b.ctx, &p, a.Contact.ID, a.At, func(holds bool, failed []hogsend.Condition) { a.Holds, a.Failed = holds, failed })
	}
	if a.History {
		ids := b.catalog.index.IDs(a.Journey.ID)
		p.Add(func(q *storedb.Queries) error {
			row, err := q.IngestKeyHistory(b.ctx, a.Contact.ID, ids, a.Key)
			a.Ended, a.NewestEnded = row.Ended > 0, row.NewestEndedAt
			return err
		})
	}
	return b.conn.Send(b.ctx, &p)
}
