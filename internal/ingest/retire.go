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

// Retire lets all members of a bucket that no registry in force has leave, silently,
// with their dwell timers and mirrored properties (W-31). It returns how many there
// are; the clock makes them leave, whichever process dies. Once more is nothing new,
// and a bucket that is registered meanwhile keeps who is left. It is store.ErrNotFound
// for an unknown bucket, ErrStillRegistered for one in force.
func (g *Ingester) Retire(ctx context.Context, bucketID string) (leaving int64, err error) {
	err = g.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.BucketsChange(ctx); err != nil {
			return fmt.Errorf("lock registry: %w", err)
		}
		row, err := q.RetireBucket(ctx, bucketID)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return store.ErrNotFound
		case err != nil:
			return fmt.Errorf("read bucket: %w", err)
		case row.Registered:
			return ErrStillRegistered
		}
		leaving = row.Members
		state, err := q.RegistryState(ctx)
		if err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		if err := q.RetireBegin(ctx, state.Now, bucketID); err != nil {
			return fmt.Errorf("begin to retire: %w", err)
		}
		return q.RegistryChanged(ctx)
	})
	return leaving, err
}

// LetLeave makes the next members of buckets that are being retired leave, one chunk
// a call; done is true when there are none. It ends stays under the locks of their
// contacts, as every other writer of them does.
func (g *Ingester) LetLeave(ctx context.Context) (done bool, err error) {
	err = g.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.BucketsShare(ctx); err != nil {
			return fmt.Errorf("share registry: %w", err)
		}
		row, err := q.RetireOpen(ctx)
		if done = errors.Is(err, pgx.ErrNoRows); done {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read buckets to retire: %w", err)
		}
		w := wave{cfg: &g.cfg}
		if w.now, err = q.IngestClock(ctx); err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		next, err := q.RetireNext(ctx, row.ID, chunkSize)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		if len(next) == 0 {
			if err := q.BackfillsSupersede(ctx, w.now, row.ID); err != nil {
				return fmt.Errorf("end backfill: %w", err)
			}
			return q.RetireEnd(ctx, w.now, row.ID)
		}
		stays, err := lockStays(ctx, q, row.ID, next)
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
		return w.changes.writeLeaves(ctx, q, w.now)
	})
	if err != nil {
		return false, fmt.Errorf("retire members: %w", err)
	}
	if !done {
		g.cfg.Notify()
	}
	return done, nil
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
