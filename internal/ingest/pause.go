package ingest

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErrPaused is returned by effects of an enrollment whose journey is paused.
var ErrPaused = errors.New("journey is paused")

// queuePauses asks whether the journeys that cause events are paused, in the
// transaction that stores the events: a pause that has committed lets none through
// (J-100, J-108). The function it returns is ErrPaused if so.
func (t *transaction) queuePauses(ctx context.Context, p *store.Pipeline) func() error {
	var ids []string
	for _, it := range t.items {
		if it.origin != uuid.Nil && it.end == nil && it.active() {
			ids = t.catalog.ids(it.journeyID) // such an item is alone
		}
	}
	if ids == nil {
		return func() error { return nil }
	}
	var found []storedb.PauseFindRow
	p.Add(func(q *storedb.Queries) error { return q.PauseShare(ctx, ids) })
	p.Add(func(q *storedb.Queries) (err error) { found, err = q.PauseFind(ctx, ids); return err })
	return func() error {
		if len(found) > 0 {
			return ErrPaused
		}
		return nil
	}
}
