package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Retiring is how many members a retirement of the bucket would make leave. It is
// store.ErrNotFound for an unknown bucket, ErrStillRegistered for one in force.
func (g *Ingester) Retiring(ctx context.Context, bucketID string) (int64, error) {
	row, err := retired(ctx, g.store.Queries, bucketID)
	return row.Members, err
}

func retired(ctx context.Context, q *storedb.Queries, bucketID string) (storedb.RetireBucketRow, error) {
	row, err := q.RetireBucket(ctx, bucketID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, store.ErrNotFound
	case err != nil:
		return row, fmt.Errorf("read bucket: %w", err)
	case row.Registered:
		return row, ErrStillRegistered
	}
	return row, nil
}

// Retire makes all members of a bucket that no registry in force has leave, silently,
// with their dwell timers and mirrored properties, a chunk a transaction (W-31). It
// returns how many left; after an error a repetition goes on with the rest. Errors are
// those of Retiring; a bucket that is registered meanwhile keeps who is left.
func (g *Ingester) Retire(ctx context.Context, bucketID string) (left int64, err error) {
	for done := false; !done; {
		var n int
		if n, done, err = g.retireChunk(ctx, bucketID); err != nil {
			return left, fmt.Errorf("retire bucket: %w", err)
		}
		left += int64(n)
		g.cfg.Notify()
	}
	return left, nil
}

// retireChunk ends stays under the locks of their contacts, as every other writer of
// them does. With nobody left it ends what was to be settled as well.
func (g *Ingester) retireChunk(ctx context.Context, bucketID string) (left int, done bool, err error) {
	err = g.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.BucketsShare(ctx); err != nil {
			return fmt.Errorf("share registry: %w", err)
		}
		row, err := retired(ctx, q, bucketID)
		if err != nil {
			return err
		}
		w := wave{cfg: &g.cfg}
		if w.now, err = q.IngestClock(ctx); err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		next, err := q.RetireNext(ctx, bucketID, chunkSize)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		if done = len(next) == 0; done {
			return q.BackfillsSupersede(ctx, w.now, bucketID)
		}
		stays, err := lockStays(ctx, q, bucketID, next)
		if err != nil {
			return err
		}
		s := segment{}
		if err := json.Unmarshal(row.Definition, &s.Definition); err != nil {
			return fmt.Errorf("read definition: %w", err)
		}
		for i := range stays {
			if err := w.retire(&s, &stays[i]); err != nil {
				return err
			}
		}
		left = len(stays)
		return w.changes.writeLeaves(ctx, q, w.now)
	})
	return left, done, err
}

// lockStays locks the contacts of stays and reads them again: what has ended or moved
// meanwhile is as it is now.
func lockStays(ctx context.Context, q *storedb.Queries, bucketID string, next []storedb.RetireNextRow) ([]storedb.RetireStaysRow, error) {
	ids, contacts := make([]uuid.UUID, len(next)), make([]uuid.UUID, len(next))
	for i, m := range next {
		ids[i], contacts[i] = m.ID, m.ContactID
	}
	if _, err := q.IngestLock(ctx, contacts); err != nil {
		return nil, fmt.Errorf("lock contacts: %w", err)
	}
	return q.RetireStays(ctx, ids, bucketID)
}

// retire ends one stay without a word to anybody but its timers and the mirror.
func (w *wave) retire(g *segment, row *storedb.RetireStaysRow) error {
	s := &bucket.Stay{ID: row.ID, Epoch: int(row.Epoch)}
	if err := json.Unmarshal(row.Fired, &s.Fired); err != nil {
		return fmt.Errorf("read stay %s: %w", row.ID, err)
	}
	p := &person{id: row.ContactID}
	w.changes.leave(s, w.now, bucket.LeftRetired)
	if err := w.disarm(&flow{person: p}, g, s); err != nil {
		return err
	}
	return w.mirror(p, g, s, false, time.Time{})
}

// writeLeaves writes the ends of stays and what is to be told of them.
func (c *changes) writeLeaves(ctx context.Context, q *storedb.Queries, now time.Time) error {
	c.left.Now, c.outbox.Now = now, now
	if _, err := q.BucketsStaysEnd(ctx, c.left); err != nil {
		return fmt.Errorf("end stays: %w", err)
	}
	if len(c.outbox.Ids) == 0 {
		return nil
	}
	return q.IngestOutboxInsert(ctx, c.outbox)
}
