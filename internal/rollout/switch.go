package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// SwitchBucket is an operator's switch of a bucket, effective for every transaction
// that begins after it (B-50). Switching it on settles all contacts silently as of
// then (B-52); switching to the state it has does nothing. It is store.ErrNotFound
// for an unknown bucket, ErrDisabledInCode for one that its code keeps off. What also
// gives is made in the same transaction.
func (r *Rollout) SwitchBucket(ctx context.Context, id string, enabled bool, also ...store.Also) error {
	return r.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.BucketsChange(ctx); err != nil {
			return fmt.Errorf("lock registry: %w", err)
		}
		state, err := q.RegistryState(ctx)
		if err != nil {
			return fmt.Errorf("read registry in force: %w", err)
		}
		rows, err := q.BucketsAll(ctx)
		if err != nil {
			return fmt.Errorf("read buckets: %w", err)
		}
		i := slices.IndexFunc(rows, func(row storedb.BucketsAllRow) bool { return row.ID == id })
		switch {
		case i < 0:
			return store.ErrNotFound
		case enabled && rows[i].Disabled:
			return ErrDisabledInCode
		case rows[i].Enabled == enabled:
			return store.WriteAlso(q, false, also)
		}
		g := registration{q: q, now: state.Now}
		s := storedb.BucketsSwitchParams{ID: id, Enabled: enabled, Generation: rows[i].Generation, Pending: rows[i].Pending, Now: g.now}
		mode := ""
		switch {
		case enabled && rows[i].Registered:
			if mode = s.Pending; mode == "" {
				mode = pendingChange
			}
			s.Pending = ""
			s.Generation++
		case !enabled && s.Pending == "":
			open, err := q.BucketsBackfills(ctx)
			if err != nil {
				return fmt.Errorf("read backfills: %w", err)
			}
			for k := range open {
				if open[k].BucketID == id {
					s.Pending = open[k].Mode // what is under way starts anew when it is enabled
				}
			}
			if err := q.BackfillsSupersede(ctx, g.now, id); err != nil {
				return fmt.Errorf("end backfill: %w", err)
			}
		}
		if err := q.BucketsSwitch(ctx, s); err != nil {
			return fmt.Errorf("switch bucket: %w", err)
		}
		var d bucket.Definition
		if err := json.Unmarshal(rows[i].Definition, &d); err != nil {
			return fmt.Errorf("read definition: %w", err)
		}
		d.ID = id
		if err := g.backfill(ctx, &d, s.Generation, mode, engine.PolicySilent); err != nil {
			return err
		}
		for k := range d.Reactions {
			if enabled && d.Reactions[k].Schedule != nil {
				if err := g.scheduleTimers(ctx, id, &d.Reactions[k], false); err != nil {
					return err
				}
			}
		}
		if err := store.WriteAlso(q, true, also); err != nil {
			return err
		}
		return q.RegistryChanged(ctx)
	})
}
