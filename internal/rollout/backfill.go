package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Backfill carries on what is to be backfilled, one chunk of one backfill a call. done
// is true when nothing is left to do; wait is how long a limited rate asks to wait
// before the next chunk (W-23). Any number of callers may race: a chunk is done once.
func (r *Rollout) Backfill(ctx context.Context) (done bool, wait time.Duration, err error) {
	open, err := r.engine.Store.BackfillsOpen(ctx)
	if err != nil {
		return false, 0, fmt.Errorf("read backfills: %w", err)
	}
	if len(open) > 0 {
		if err := r.engine.Refresh(ctx); err != nil {
			return false, 0, err
		}
	}
	for i := range open {
		f := &open[i]
		if f.Current == nil || !*f.Current {
			continue // frozen meanwhile: it starts anew when the bucket is enabled
		}
		wait, err := r.backfillChunk(ctx, f)
		if err == nil || store.IsUnavailable(err) || ctx.Err() != nil {
			return false, wait, err
		}
		r.engine.Config().Logger.ErrorContext(ctx, "backfill failed", "bucket_id", f.BucketID, "error", err)
		if err := r.engine.Store.BackfillsFail(ctx, err.Error(), f.ID); err != nil {
			return false, 0, fmt.Errorf("record failed backfill: %w", err)
		}
	}
	return true, 0, nil
}

func (r *Rollout) backfillChunk(ctx context.Context, f *storedb.BackfillsOpenRow) (time.Duration, error) {
	size := engine.ChunkSize
	rate := hogsend.ChangePolicy(f.Policy).Rate()
	if rate > 0 {
		size = min(size, rate)
	}
	b := r.engine.Buckets().ByID(f.BucketID)
	mirrored := b != nil && b.SyncToPostHog && r.engine.Config().Mirror
	if b != nil && plain(b) && b.Backfill.ID == f.ID && !mirrored {
		ok, err := r.backfillPlain(ctx, f, b, size)
		switch {
		case ok && err == nil || errors.Is(err, errAdvanced):
			return 0, nil
		case err != nil && !errors.Is(err, errMore):
			return 0, err
		}
	}
	ids, err := r.engine.Store.BackfillsNext(ctx, f.Position, f.SettleAt, int32(size)) // at most engine.ChunkSize
	if err != nil {
		return 0, fmt.Errorf("read contacts: %w", err)
	}
	part := &chunk{
		backfill: f.ID, before: f.Position, position: f.Position, contacts: len(ids), last: len(ids) < size,
		bucketID: f.BucketID, generation: f.Generation, moved: f.Joined + f.LeftCount,
	}
	if b != nil {
		part.dates = b.Facts.Dates
		if part.timers, err = timersOf(b, f.SettleAt); err != nil {
			return 0, err
		}
	}
	changes := make([]*decide.Change, len(ids))
	for i, id := range ids {
		changes[i] = r.engine.ChangeOf(id, &decide.Tick{})
		part.position = id
	}
	chunk := &engine.Chunk{Chunk: cascade.Chunk{Backfill: f.ID, Moved: part.moved}, Finish: part.queue}
	if err := r.engine.ApplyChunk(ctx, chunk, changes...); err != nil && !errors.Is(err, errAdvanced) {
		return 0, fmt.Errorf("backfill contacts: %w", err)
	}
	if rate > 0 && !part.last {
		return time.Duration(size) * time.Second / time.Duration(rate), nil
	}
	return 0, nil
}

// queue queues the progress of a backfill with the work of its chunk.
func (c *chunk) queue(ctx context.Context, p *store.Pipeline, now time.Time) {
	if len(c.dates) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.PropertyDatesFill(ctx, c.before, c.position, c.dates) })
	}
	p.Add(func(q *storedb.Queries) error { return c.advance(ctx, q, now) })
	if !c.last {
		return
	}
	for _, a := range c.timers {
		a.Now = now
		p.Add(func(q *storedb.Queries) error { return q.TimerBackfillInsert(ctx, a) })
	}
	p.Add(func(q *storedb.Queries) error { return q.BackfillsForget(ctx, c.bucketID, c.generation) })
	p.Add(func(q *storedb.Queries) error { return q.RegistryChanged(ctx) })
}
