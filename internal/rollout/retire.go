package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Retire lets all members of a bucket that no registry in force has leave, silently,
// with their dwell timers and mirrored properties (W-31). It returns how many there
// are; the clock makes them leave, whichever process dies. Once more is nothing new,
// and a bucket that is registered meanwhile keeps who is left. It is store.ErrNotFound
// for an unknown bucket, ErrStillRegistered for one in force. What also gives is made in
// the same transaction.
func (r *Rollout) Retire(ctx context.Context, bucketID string, also ...store.Also) (leaving int64, err error) {
	err = r.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
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
		if err := store.WriteAlso(q, true, also); err != nil {
			return err
		}
		return q.RegistryChanged(ctx)
	})
	return leaving, err
}

// LetLeave makes the next members of buckets that are being retired leave, one chunk
// a call; done is true when there are none. It ends memberships under the locks of their
// contacts, as every other writer of them does.
func (r *Rollout) LetLeave(ctx context.Context) (done bool, wait time.Duration, err error) {
	err = r.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
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
		now, err := q.IngestClock(ctx)
		if err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		next, err := q.RetireNext(ctx, row.ID, engine.ChunkSize)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		if len(next) == 0 {
			if err := q.BackfillsSupersede(ctx, now, row.ID); err != nil {
				return fmt.Errorf("end backfill: %w", err)
			}
			return q.RetireEnd(ctx, now, row.ID)
		}
		members, err := lockMemberships(ctx, q, row.ID, next)
		if err != nil {
			return err
		}
		b := decide.CompiledBucket{}
		if err := json.Unmarshal(row.Definition, &b.Definition); err != nil {
			return fmt.Errorf("read definition: %w", err)
		}
		d := r.engine.Decider(now)
		for i := range members {
			m := bucket.Membership{ID: members[i].ID, Epoch: int(members[i].Epoch)}
			if err := json.Unmarshal(members[i].Fired, &m.Fired); err != nil {
				return fmt.Errorf("read membership %s: %w", m.ID, err)
			}
			d.Retire(members[i].ContactID, &b, &m)
		}
		return r.engine.WriteNow(ctx, q, d.Take(), now)
	})
	if err != nil {
		return false, 0, fmt.Errorf("retire members: %w", err)
	}
	if !done {
		r.engine.Config().Notify()
	}
	return done, 0, nil
}

// lockMemberships locks the contacts of memberships and reads them again: what has ended or moved
// meanwhile is as it is now.
func lockMemberships(ctx context.Context, q *storedb.Queries, bucketID string, next []storedb.RetireNextRow) ([]storedb.RetireStaysRow, error) {
	ids, contacts := make([]uuid.UUID, len(next)), make([]uuid.UUID, len(next))
	for i, m := range next {
		ids[i], contacts[i] = m.ID, m.ContactID
	}
	if _, err := q.IngestLock(ctx, contacts); err != nil {
		return nil, fmt.Errorf("lock contacts: %w", err)
	}
	return q.RetireStays(ctx, ids, bucketID)
}
