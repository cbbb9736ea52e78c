// Package rollout brings the buckets of a build into force and what follows from that
// to the contacts: registration, backfills, an operator's switch, retirement; and it
// says beforehand what a build would do.
package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErrDisabledInCode is returned when an operator switches on a bucket whose code
// switches it off (B-53).
var ErrDisabledInCode = errors.New("bucket is disabled in code")

// ErrStillRegistered is returned when a bucket that is in force is retired (W-31).
var ErrStillRegistered = errors.New("bucket is still registered")

// Rollout brings buckets into force.
type Rollout struct{ engine *engine.Engine }

// New makes a rollout over the engine's database.
func New(e *engine.Engine) *Rollout { return &Rollout{engine: e} }

// Register makes the buckets of a build known and brings into force those of the
// newest build among the live workers, of which the caller is one (B-5). It is
// called when a worker starts and again and again while it lives; while nothing
// changes it reads two rows.
func (r *Rollout) Register(ctx context.Context, digest, buildID string, definitions []bucket.Definition) error {
	raw, err := json.Marshal(definitions)
	if err != nil {
		return fmt.Errorf("encode buckets: %w", err)
	}
	if err := r.engine.Store.RegistriesInsert(ctx, storedb.RegistriesInsertParams{
		Digest: digest, BuildID: buildID, Definitions: raw, Timezone: cmp.Or(r.engine.Config().Timezone, "UTC"),
	}); err != nil {
		return fmt.Errorf("store registry: %w", err)
	}
	return r.Enforce(ctx, digest)
}

// Enforce compares what is in force with what should be, and changes it in one
// transaction: definitions, generations and backfills (W-19, W-20). live are digests
// of workers that live besides those whose heartbeats say so.
func (r *Rollout) Enforce(ctx context.Context, live ...string) error {
	newest, err := r.engine.Store.RegistriesInForce(ctx, live)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read newest registry: %w", err)
	}
	state, err := r.engine.Store.RegistryState(ctx)
	if err != nil {
		return fmt.Errorf("read registry in force: %w", err)
	}
	if state.Digest == newest.Digest {
		return nil
	}
	return r.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.BucketsChange(ctx); err != nil {
			return fmt.Errorf("lock registry: %w", err)
		}
		newest, err := q.RegistriesInForce(ctx, live)
		if err != nil {
			return fmt.Errorf("read newest registry: %w", err)
		}
		state, err := q.RegistryState(ctx)
		if err != nil || state.Digest == newest.Digest {
			return err
		}
		var definitions []bucket.Definition
		if err := json.Unmarshal(newest.Definitions, &definitions); err != nil {
			return fmt.Errorf("read definitions of %s: %w", newest.Digest, err)
		}
		g := registration{q: q, now: state.Now, moved: state.Timezone != newest.Timezone}
		if err := g.apply(ctx, definitions); err != nil {
			return err
		}
		return q.RegistryStateSet(ctx, newest.Digest, newest.Timezone)
	})
}

func (g *registration) apply(ctx context.Context, definitions []bucket.Definition) error {
	rows, err := g.q.BucketsAll(ctx)
	if err != nil {
		return fmt.Errorf("read buckets: %w", err)
	}
	stored := make(map[string]*storedb.BucketsAllRow, len(rows))
	for i := range rows {
		stored[rows[i].ID] = &rows[i]
	}
	slices.SortFunc(definitions, func(a, b bucket.Definition) int { return strings.Compare(a.ID, b.ID) })
	for i := range definitions {
		d := &definitions[i]
		if err := g.rename(ctx, d, stored); err != nil {
			return err
		}
		if err := g.bucket(ctx, d, stored[d.ID]); err != nil {
			return fmt.Errorf("register bucket %s: %w", d.ID, err)
		}
		delete(stored, d.ID)
	}
	var gone []string
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		row := stored[id]
		if !row.Registered {
			continue
		}
		gone = append(gone, id)
		if err := g.cancelTimers(ctx, row); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return g.q.BucketsUnregister(ctx, g.now, gone)
}

// rename moves what is stored under a former id when the bucket is first registered
// under the new one (B-1).
func (g *registration) rename(ctx context.Context, d *bucket.Definition, stored map[string]*storedb.BucketsAllRow) error {
	if stored[d.ID] != nil {
		return nil
	}
	for _, former := range d.Aliases {
		row := stored[former]
		if row == nil {
			continue
		}
		err := errors.Join(g.q.BucketsRename(ctx, d.ID, g.now, former), g.q.BucketsRenameStays(ctx, d.ID, former),
			g.q.BucketsRenameBackfills(ctx, d.ID, former), g.q.BucketsRenameBackfilled(ctx, d.ID, former))
		if err != nil {
			return fmt.Errorf("rename bucket %s to %s: %w", former, d.ID, err)
		}
		delete(stored, former)
		row.ID = d.ID
		stored[d.ID] = row
		return nil
	}
	return nil
}

// bucket brings one definition into force.
func (g *registration) bucket(ctx context.Context, d *bucket.Definition, was *storedb.BucketsAllRow) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode definition: %w", err)
	}
	var before bucket.Definition
	u := storedb.BucketsUpsertParams{ID: d.ID, Definition: raw, Hash: d.Hash, Disabled: d.Disabled, Now: g.now}
	if was != nil {
		if err := json.Unmarshal(was.Definition, &before); err != nil {
			return fmt.Errorf("read earlier definition: %w", err)
		}
		u.Generation = was.Generation
	}
	c := compare(d, &before, was, g.moved)
	if c.frozen {
		u.Pending, c.mode = c.mode, "" // settled when it is enabled, as of then (B-52)
	}
	if c.mode != "" {
		u.Generation++
	}
	if err := g.q.BucketsUpsert(ctx, u); err != nil {
		return fmt.Errorf("store definition: %w", err)
	}
	if err := g.backfill(ctx, d, u.Generation, c.mode, c.policy); err != nil {
		return err
	}
	if was == nil {
		return nil
	}
	if err := g.mirror(ctx, d, &before); err != nil {
		return err
	}
	for _, reaction := range c.scheduled {
		if err := g.scheduleTimers(ctx, d.ID, reaction, false); err != nil {
			return err
		}
	}
	for _, reaction := range c.gone {
		if err := g.scheduleTimers(ctx, d.ID, reaction, true); err != nil {
			return err
		}
	}
	return nil
}
