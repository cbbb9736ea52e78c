package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErrDisabledInCode is returned when an operator switches on a bucket whose code
// switches it off (B-53).
var ErrDisabledInCode = errors.New("bucket is disabled in code")

// ErrStillRegistered is returned when a bucket that is in force is retired (W-31).
var ErrStillRegistered = errors.New("bucket is still registered")

// Why a bucket has to be settled once it is enabled.
const (
	pendingFirst  = "first-time"
	pendingChange = "reeval"
)

// Register makes the buckets of a build known and brings into force those of the
// newest build among the live workers, of which the caller is one (B-5). It is
// called when a worker starts and again and again while it lives; while nothing
// changes it reads two rows.
func (g *Ingester) Register(ctx context.Context, digest, buildID string, definitions []bucket.Definition) error {
	raw, err := json.Marshal(definitions)
	if err != nil {
		return fmt.Errorf("encode buckets: %w", err)
	}
	if err := g.engine.Store.RegistriesInsert(ctx, digest, buildID, raw); err != nil {
		return fmt.Errorf("store registry: %w", err)
	}
	return g.Enforce(ctx, digest)
}

// Enforce compares what is in force with what should be, and changes it in one
// transaction: definitions, generations and backfills (W-19, W-20). live are digests
// of workers that live besides those whose heartbeats say so.
func (g *Ingester) Enforce(ctx context.Context, live ...string) error {
	newest, err := g.engine.Store.RegistriesInForce(ctx, live)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read newest registry: %w", err)
	}
	state, err := g.engine.Store.RegistryState(ctx)
	if err != nil {
		return fmt.Errorf("read registry in force: %w", err)
	}
	if state.Digest == newest.Digest {
		return nil
	}
	return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
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
		r := registration{q: q, now: state.Now}
		if err := r.apply(ctx, definitions); err != nil {
			return err
		}
		return q.RegistryStateSet(ctx, newest.Digest)
	})
}

// registration brings definitions into force, within one transaction.
type registration struct {
	q   *storedb.Queries
	now time.Time
}

func (r *registration) apply(ctx context.Context, definitions []bucket.Definition) error {
	rows, err := r.q.BucketsAll(ctx)
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
		if err := r.rename(ctx, d, stored); err != nil {
			return err
		}
		if err := r.bucket(ctx, d, stored[d.ID]); err != nil {
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
		if err := r.disarm(ctx, row); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return r.q.BucketsUnregister(ctx, r.now, gone)
}

// rename moves what is stored under a former id when the bucket is first registered
// under the new one (B-1).
func (r *registration) rename(ctx context.Context, d *bucket.Definition, stored map[string]*storedb.BucketsAllRow) error {
	if stored[d.ID] != nil {
		return nil
	}
	for _, former := range d.Aliases {
		row := stored[former]
		if row == nil {
			continue
		}
		err := errors.Join(r.q.BucketsRename(ctx, d.ID, r.now, former), r.q.BucketsRenameStays(ctx, d.ID, former),
			r.q.BucketsRenameBackfills(ctx, d.ID, former), r.q.BucketsRenameSettled(ctx, d.ID, former))
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
func (r *registration) bucket(ctx context.Context, d *bucket.Definition, was *storedb.BucketsAllRow) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode definition: %w", err)
	}
	var before bucket.Definition
	u := storedb.BucketsUpsertParams{ID: d.ID, Definition: raw, Hash: d.Hash, Disabled: d.Disabled, Now: r.now}
	if was != nil {
		if err := json.Unmarshal(was.Definition, &before); err != nil {
			return fmt.Errorf("read earlier definition: %w", err)
		}
		u.Generation = was.Generation
	}
	c := compare(d, &before, was)
	if c.frozen {
		u.Pending, c.mode = c.mode, "" // settled when it is enabled, as of then (B-52)
	}
	if c.mode != "" {
		u.Generation++
	}
	if err := r.q.BucketsUpsert(ctx, u); err != nil {
		return fmt.Errorf("store definition: %w", err)
	}
	if err := r.settle(ctx, d, u.Generation, c.mode, c.policy); err != nil {
		return err
	}
	if was == nil {
		return nil
	}
	if err := r.mirror(ctx, d, &before); err != nil {
		return err
	}
	for _, reaction := range c.armed {
		if err := r.arm(ctx, d.ID, reaction, false); err != nil {
			return err
		}
	}
	for _, reaction := range c.gone {
		if err := r.arm(ctx, d.ID, reaction, true); err != nil {
			return err
		}
	}
	return nil
}

// change is what bringing a definition into force does to a bucket's contacts.
type change struct {
	// mode says why they are settled, policy how it shows; "" when nobody is.
	mode, policy string
	// frozen puts it off until the bucket is enabled; thawed says that it applies again.
	frozen, thawed bool
	// armed are the dwell reactions that members get timers of, gone those whose timers
	// are canceled (B-46, B-47).
	armed, gone []*bucket.Reaction
}

// compare says what changes with a definition; was is nil, and before is empty, for a
// bucket that is new. Contacts are settled when the criteria are new, have changed, or
// apply again after a time without (W-19, W-31, B-52).
func compare(d, before *bucket.Definition, was *storedb.BucketsAllRow) change {
	c := change{policy: engine.PolicySilent, frozen: d.Disabled || was != nil && !was.Enabled}
	c.thawed = was != nil && (was.Disabled && !d.Disabled || !was.Registered || was.Pending != "")
	switch {
	case was == nil:
		c.mode = pendingFirst
	case was.Pending != "":
		c.mode = was.Pending // it waits to be enabled
	case c.thawed:
		c.mode = pendingChange
	case was.Hash != d.Hash:
		c.mode, c.policy = pendingChange, engine.PolicyDefault
		if d.OnChange != "" {
			c.policy = string(d.OnChange)
		}
	}
	for i := range d.Reactions {
		if r := &d.Reactions[i]; r.Schedule != nil && was != nil && !c.frozen && (c.thawed || !hasReaction(before, r.JourneyID)) {
			c.armed = append(c.armed, r)
		}
	}
	for i := range before.Reactions {
		if r := &before.Reactions[i]; r.Schedule != nil && !hasReaction(d, r.JourneyID) {
			c.gone = append(c.gone, r)
		}
	}
	return c
}

func hasReaction(d *bucket.Definition, journeyID string) bool {
	return slices.ContainsFunc(d.Reactions, func(r bucket.Reaction) bool { return r.JourneyID == journeyID })
}

// disarm cancels the dwell timers of a bucket that no registry in force has any more
// (B-47).
func (r *registration) disarm(ctx context.Context, row *storedb.BucketsAllRow) error {
	var d bucket.Definition
	if err := json.Unmarshal(row.Definition, &d); err != nil {
		return fmt.Errorf("read definition of %s: %w", row.ID, err)
	}
	for i := range d.Reactions {
		if d.Reactions[i].Schedule == nil {
			continue
		}
		if err := r.arm(ctx, row.ID, &d.Reactions[i], true); err != nil {
			return err
		}
	}
	return nil
}

func (r *registration) arm(ctx context.Context, bucketID string, reaction *bucket.Reaction, cancels bool) error {
	parts, err := armings(bucketID, reaction, cancels, nil, r.now)
	if err != nil {
		return err
	}
	for i := range parts {
		if err := r.q.ArmingInsert(ctx, parts[i]); err != nil {
			return fmt.Errorf("queue timers of %s: %w", reaction.JourneyID, err)
		}
	}
	return nil
}

// settle opens a backfill, in place of one that is under way (W-20, W-25).
func (r *registration) settle(ctx context.Context, d *bucket.Definition, generation int32, mode, policy string) error {
	if mode == "" {
		return nil
	}
	id := d.ID
	if err := r.watch(ctx, d); err != nil {
		return err
	}
	if err := r.q.BackfillsSupersede(ctx, r.now, id); err != nil {
		return fmt.Errorf("end earlier backfill: %w", err)
	}
	if err := r.q.BackfillsForget(ctx, id, generation-1); err != nil {
		return fmt.Errorf("forget settled contacts: %w", err)
	}
	return r.q.BackfillsInsert(ctx, storedb.BackfillsInsertParams{
		ID: engine.NewID(), BucketID: id, Generation: generation, Mode: mode, Policy: policy, Now: r.now,
	})
}

// watch lets the clock know of the windows of a bucket: their edges count from now
// on, also those that pass before its contacts are settled (W-33).
func (r *registration) watch(ctx context.Context, d *bucket.Definition) error {
	tree, _, err := criteria.UnmarshalTree(d.Criteria)
	if err != nil {
		return fmt.Errorf("read criteria: %w", err)
	}
	var events []string
	var withins []int64
	for _, w := range criteria.FactsOf(tree).Windows {
		events, withins = append(events, w.Event), append(withins, w.Within.Microseconds())
	}
	return r.q.ClockCursorsInsert(ctx, r.now, events, withins)
}

// SwitchBucket is an operator's switch of a bucket, effective for every transaction
// that begins after it (B-50). Switching it on settles all contacts silently as of
// then (B-52); switching to the state it has does nothing. It is store.ErrNotFound
// for an unknown bucket, ErrDisabledInCode for one that its code keeps off.
func (g *Ingester) SwitchBucket(ctx context.Context, id string, enabled bool) error {
	return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
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
			return nil
		}
		r := registration{q: q, now: state.Now}
		s := storedb.BucketsSwitchParams{ID: id, Enabled: enabled, Generation: rows[i].Generation, Pending: rows[i].Pending, Now: r.now}
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
			if err := q.BackfillsSupersede(ctx, r.now, id); err != nil {
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
		if err := r.settle(ctx, &d, s.Generation, mode, engine.PolicySilent); err != nil {
			return err
		}
		for k := range d.Reactions {
			if enabled && d.Reactions[k].Schedule != nil {
				if err := r.arm(ctx, id, &d.Reactions[k], false); err != nil {
					return err
				}
			}
		}
		return q.RegistryChanged(ctx)
	})
}
