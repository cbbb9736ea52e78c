package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// PlannedStatus is how a bucket of a build compares with the one in force.
type PlannedStatus string

// The statuses of planned buckets.
const (
	PlannedNew       PlannedStatus = "new"
	PlannedChanged   PlannedStatus = "changed"
	PlannedUnchanged PlannedStatus = "unchanged"
	PlannedRemoved   PlannedStatus = "removed"
)

// Build is what a plan is made of: all buckets that are on, the journeys that enroll, and the
// zone of contacts whose own is not known, "" for UTC.
type Build struct {
	Buckets  []bucket.Definition
	Journeys []hogsend.Journey
	Timezone string
}

// Deployment is what a deploy of a build would do. Timezone is the zone of contacts whose
// own is not known, Was what it is now.
type Deployment struct {
	Buckets       []PlannedBucket
	Dates         []clock.PlannedDates
	Timezone, Was string
}

// Plan compares the buckets and dates of a build with those in force, by id, and works out
// what Register and the backfills would do now. It changes nothing (B-58).
func Plan(ctx context.Context, s *store.Store, b Build) (Deployment, error) {
	zone := cmp.Or(b.Timezone, "UTC")
	plan, out := Deployment{Timezone: zone}, []PlannedBucket{}
	err := survey(ctx, s, 0, func(tx pgx.Tx, now time.Time) error {
		p := planning{tx: tx, q: s.WithTx(tx), now: now}
		state, err := p.q.RegistryState(ctx)
		if err != nil {
			return fmt.Errorf("read registry in force: %w", err)
		}
		plan.Was = state.Timezone
		p.moved = zone != state.Timezone
		// Whom criteria take is asked in the zone of the build.
		if _, err := tx.Exec(ctx, `select set_config('hogsend.timezone', $1, true)`, zone); err != nil {
			return fmt.Errorf("set zone: %w", err)
		}
		if plan.Dates, err = clock.PlanDates(ctx, p.q, b.Journeys, b.Timezone); err != nil {
			return err
		}
		definitions := slices.Clone(b.Buckets)
		if err := p.read(ctx); err != nil {
			return err
		}
		for i := range definitions {
			planned, err := p.bucket(ctx, &definitions[i])
			if err != nil {
				return fmt.Errorf("plan bucket %s: %w", definitions[i].ID, err)
			}
			out = append(out, planned)
		}
		gone, err := p.removed()
		out = append(out, gone...)
		return err
	})
	slices.SortFunc(out, func(a, b PlannedBucket) int { return strings.Compare(a.ID, b.ID) })
	plan.Buckets = out
	return plan, err
}

// planning compares within one read-only transaction.
type planning struct {
	tx      pgx.Tx
	q       *storedb.Queries
	now     time.Time
	stored  map[string]*storedb.BucketsAllRow
	members map[string]int64
	barred  map[string]bool // reactions that are switched off or paused
	moved   bool            // the zone of contacts is another one whose own is not known
}

func (p *planning) read(ctx context.Context) error {
	rows, err := p.q.BucketsAll(ctx)
	if err != nil {
		return fmt.Errorf("read buckets: %w", err)
	}
	p.stored, p.members, p.barred = map[string]*storedb.BucketsAllRow{}, map[string]int64{}, map[string]bool{}
	for i := range rows {
		p.stored[rows[i].ID] = &rows[i]
	}
	counts, err := p.q.AdminBucketCounts(ctx, slices.Collect(maps.Keys(p.stored)))
	if err != nil {
		return fmt.Errorf("count members: %w", err)
	}
	for _, row := range counts {
		if row.Status == "active" {
			p.members[row.BucketID] = row.Total
		}
	}
	off, err := p.q.IngestSwitchedOff(ctx)
	if err != nil {
		return fmt.Errorf("read switches: %w", err)
	}
	for _, row := range off {
		p.barred[row.JourneyID] = true
	}
	return nil
}

// removed are the buckets that nobody would define any more. One that has been gone
// for long is of interest while it has members.
func (p *planning) removed() ([]PlannedBucket, error) {
	var gone []PlannedBucket
	for id, row := range p.stored {
		if !row.Registered && p.members[id] == 0 {
			continue
		}
		var d bucket.Definition
		if err := json.Unmarshal(row.Definition, &d); err != nil {
			return nil, fmt.Errorf("read bucket %s: %w", id, err)
		}
		gone = append(gone, PlannedBucket{ID: id, Name: d.Name, Status: PlannedRemoved, Changes: []string{}, Unbounded: []string{}, Members: p.members[id], Dwell: []PlannedRuns{}})
	}
	return gone, nil
}

// bucket plans one bucket; what it replaces is no longer among the stored ones.
func (p *planning) bucket(ctx context.Context, d *bucket.Definition) (PlannedBucket, error) {
	stored := p.stored[d.ID]
	for _, former := range d.Aliases {
		if stored == nil {
			stored = p.stored[former] // it would be renamed (B-1)
		}
	}
	plan := deployment{
		PlannedBucket: PlannedBucket{ID: d.ID, Name: d.Name, Status: PlannedNew, Changes: []string{}, Unbounded: []string{}, Enabled: !d.Disabled},
		d:             d, storedID: d.ID, now: p.now, barred: p.barred, due: map[string]int64{},
	}
	if stored != nil {
		delete(p.stored, stored.ID)
		plan.storedID, plan.Members = stored.ID, p.members[stored.ID]
		plan.Enabled = plan.Enabled && stored.Enabled
		if err := plan.compare(stored); err != nil {
			return plan.PlannedBucket, err
		}
	}
	plan.decide(stored, p.moved)
	if plan.Settling != "" || len(plan.scheduled) > 0 {
		if err := plan.count(ctx, p.tx); err != nil {
			return plan.PlannedBucket, err
		}
	}
	tree, _, err := criteria.UnmarshalTree(d.Criteria)
	if err != nil {
		return plan.PlannedBucket, fmt.Errorf("read criteria: %w", err)
	}
	plan.Unbounded = append(plan.Unbounded, criteria.Unbounded("criteria", tree)...)
	plan.report()
	return plan.PlannedBucket, nil
}

// compare finds out what differs from the definition in force.
func (p *deployment) compare(stored *storedb.BucketsAllRow) error {
	if err := json.Unmarshal(stored.Definition, &p.before); err != nil {
		return fmt.Errorf("read definition in force: %w", err)
	}
	fields, err := fieldsOf(p.d)
	if err != nil {
		return err
	}
	former, err := fieldsOf(&p.before)
	if err != nil {
		return err
	}
	former["criteria"], fields["criteria"] = stored.Hash, p.d.Hash // {hours:1} is {minutes:60} (C-21)
	former["registered"], fields["registered"] = stored.Registered, true
	for key := range maps.Keys(fields) {
		if !reflect.DeepEqual(fields[key], former[key]) {
			p.Changes = append(p.Changes, key)
		}
		delete(former, key)
	}
	p.Changes = append(p.Changes, slices.Collect(maps.Keys(former))...)
	slices.Sort(p.Changes)
	p.Status = PlannedUnchanged
	if len(p.Changes) > 0 {
		p.Status = PlannedChanged
	}
	return nil
}

func fieldsOf(d *bucket.Definition) (map[string]any, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode definition: %w", err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	delete(fields, "hash")
	return fields, nil
}

// decide says who would be settled and which timers set.
func (p *deployment) decide(was *storedb.BucketsAllRow, moved bool) {
	c := compare(p.d, &p.before, was, moved)
	if moved && was != nil && zoned(p.d) {
		p.Status, p.Changes = PlannedChanged, append(p.Changes, "timezone")
		slices.Sort(p.Changes)
	}
	if c.frozen {
		return // as of when it is enabled (B-52)
	}
	p.scheduled = c.scheduled
	if c.mode != "" {
		p.Settling = c.policy
	}
	if was != nil && p.Settling != "" && !c.thawed {
		p.runs = map[string]map[string]int64{engine.PolicySilent: {}, engine.PolicyDefault: {}, string(hogsend.React): {}}
	}
}
