package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// cancelTimers cancels the dwell timers of a bucket that no registry in force has any more
// (B-47).
func (g *registration) cancelTimers(ctx context.Context, row *storedb.BucketsAllRow) error {
	var d bucket.Definition
	if err := json.Unmarshal(row.Definition, &d); err != nil {
		return fmt.Errorf("read definition of %s: %w", row.ID, err)
	}
	for i := range d.Reactions {
		if d.Reactions[i].Schedule == nil {
			continue
		}
		if err := g.scheduleTimers(ctx, row.ID, &d.Reactions[i], true); err != nil {
			return err
		}
	}
	return nil
}

func (g *registration) scheduleTimers(ctx context.Context, bucketID string, reaction *bucket.Reaction, cancels bool) error {
	parts, err := clock.TimerBackfills(bucketID, reaction, cancels, nil, g.now)
	if err != nil {
		return err
	}
	for i := range parts {
		if err := g.q.TimerBackfillInsert(ctx, parts[i]); err != nil {
			return fmt.Errorf("queue timers of %s: %w", reaction.JourneyID, err)
		}
	}
	return nil
}

// backfill opens a backfill, in place of one that is under way (W-20, W-25).
func (g *registration) backfill(ctx context.Context, d *bucket.Definition, generation int32, mode, policy string) error {
	if mode == "" {
		return nil
	}
	id := d.ID
	if err := g.watch(ctx, d); err != nil {
		return err
	}
	if err := g.q.BackfillsSupersede(ctx, g.now, id); err != nil {
		return fmt.Errorf("end earlier backfill: %w", err)
	}
	if err := g.q.BackfillsForget(ctx, id, generation-1); err != nil {
		return fmt.Errorf("forget settled contacts: %w", err)
	}
	return g.q.BackfillsInsert(ctx, storedb.BackfillsInsertParams{
		ID: engine.NewID(), BucketID: id, Generation: generation, Mode: mode, Policy: policy, Now: g.now,
	})
}

// watch lets the clock know of the windows of a bucket: their edges count from now
// on, also those that pass before its contacts are settled (W-33).
func (g *registration) watch(ctx context.Context, d *bucket.Definition) error {
	tree, _, err := criteria.UnmarshalTree(d.Criteria)
	if err != nil {
		return fmt.Errorf("read criteria: %w", err)
	}
	var events []string
	var withins []int64
	for _, w := range criteria.FactsOf(tree).Windows {
		events, withins = append(events, w.Name()), append(withins, w.Within.Microseconds())
	}
	return g.q.ClockCursorsInsert(ctx, g.now, events, withins)
}

// mirror has the members mirrored that were there before the mirror, or before its
// property had its name (W-32).
func (g *registration) mirror(ctx context.Context, d, before *bucket.Definition) error {
	if !d.SyncToPostHog || before.SyncToPostHog && before.PostHogPropertyKey == d.PostHogPropertyKey {
		return nil
	}
	id := engine.NewID()
	return g.q.TimerBackfillInsert(ctx, storedb.TimerBackfillInsertParams{
		ID: id, BucketID: d.ID, Schedule: json.RawMessage("null"), Property: d.PostHogPropertyKey, Round: id.String(), Now: g.now,
	})
}

// registration brings definitions into force, within one transaction.
type registration struct {
	q   *storedb.Queries
	now time.Time
	// moved says that contacts whose time zone is not known have another one now (W-37).
	moved bool
}
