package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// backend answers a decider over Postgres, within one transaction. It lives as long as
// one call of Run, and so may keep its context.
type backend struct {
	ctx context.Context //nolint:containedctx // of the one call of Run
	*transaction
}

// Evaluate writes and evaluates step by step, in one round trip.
func (b backend) Evaluate(steps ...cascade.Step) error {
	var p store.Pipeline
	for _, step := range steps {
		if err := b.write(b.ctx, &p, step.Effects); err != nil {
			return err
		}
		e := evaluations{catalog: b.catalog}
		for i := range step.Questions {
			if err := e.add(&step.Questions[i]); err != nil {
				return err
			}
		}
		e.queue(b.ctx, &p)
	}
	return b.conn.Send(b.ctx, &p)
}

// evaluations are by the sets of buckets that concern a contact at once, each with the
// columns of the statement that decides them.
type evaluations struct {
	catalog *catalog
	groups  map[string]*evaluationGroup
}

type evaluationGroup struct {
	rowsOf
	buckets     []*decide.CompiledBucket
	evaluations [][]*cascade.Evaluation // by place
}

// add takes the evaluations of a contact; those of one instant share a row.
func (e *evaluations) add(q *cascade.Question) error {
	var patch json.RawMessage
	if len(q.Patch) > 0 {
		body, err := json.Marshal(q.Patch)
		if err != nil {
			return fmt.Errorf("encode properties: %w", err)
		}
		patch = body
	}
	var open []*cascade.Evaluation
	for i, one := range q.Evaluations {
		if !one.Known {
			one.Idle = true // until the statement says otherwise
			open = append(open, one)
		}
		if len(open) > 0 && (i == len(q.Evaluations)-1 || !q.Evaluations[i+1].At.Equal(one.At)) {
			e.row(q.Contact, patch, open)
			open = nil
		}
	}
	return nil
}

// row adds the evaluations of one contact at one instant.
func (e *evaluations) row(c *decide.Contact, patch json.RawMessage, all []*cascade.Evaluation) {
	patched := patch != nil && slices.ContainsFunc(all, func(one *cascade.Evaluation) bool { return len(one.Bucket.Facts.Properties) > 0 })
	key := strconv.FormatBool(patched)
	for _, one := range all {
		key += " " + one.Bucket.ID
	}
	g := e.groups[key]
	if g == nil {
		g = &evaluationGroup{}
		for _, one := range all {
			g.buckets = append(g.buckets, one.Bucket)
		}
		if e.groups == nil {
			e.groups = map[string]*evaluationGroup{}
		}
		e.groups[key] = g
	}
	g.places = append(g.places, int32(len(g.evaluations))) //nolint:gosec // bounded by the batch
	g.evaluations = append(g.evaluations, all)
	g.contacts = append(g.contacts, c.ID)
	g.instants = append(g.instants, all[0].At)
	g.always = append(g.always, slices.ContainsFunc(all, func(one *cascade.Evaluation) bool { return one.Repeated }))
	if patched {
		g.patches = append(g.patches, patch)
	}
}

func (e *evaluations) queue(ctx context.Context, p *store.Pipeline) {
	for _, key := range slices.Sorted(maps.Keys(e.groups)) {
		g := e.groups[key]
		s := e.catalog.statement(g.buckets, g.patches != nil)
		p.AddRows(ctx, s.sql, s.arguments(&g.rowsOf), func(rows pgx.Rows) error {
			answers, err := collectAnswers(rows, nil)
			for i := range answers {
				a := &answers[i]
				for k, one := range g.evaluations[a.place] {
					one.Holds = a.holds[k]
					one.Idle = !one.Repeated && one.Holds == slices.Contains(a.active, one.Bucket.ID) && !slices.Contains(a.held, one.Bucket.ID)
				}
			}
			return err
		})
	}
}

// LastEvaluations reads members' newest events: members that go on being one leave no
// trace in the database, so that their newest event tells.
func (b backend) LastEvaluations(ticks []*decide.Change) error {
	var (
		p               store.Pipeline
		newest          []storedb.ClockNewestRow
		contacts, about []uuid.UUID
		buckets, events []string
		edges           []time.Time
		places          []int32
		asked           []*decide.Edge
	)
	for _, c := range ticks {
		contact := c.Contact
		passed := c.Body.(*decide.Tick).Edges // ticks are what was asked about
		for i := range passed {
			edge := &passed[i]
			one := b.catalog.buckets.ByID(edge.BucketID)
			if one == nil || !one.On {
				continue
			}
			contacts, buckets = append(contacts, contact.ID), append(buckets, edge.BucketID)
			edge.Newest = time.Time{}
			if len(one.Facts.Properties) > 0 && contact.UpdatedAt.After(edge.At) {
				edge.Newest = contact.UpdatedAt
			}
			asked = append(asked, edge)
			for _, name := range one.Facts.Events {
				places, about = append(places, int32(len(asked)-1)), append(about, contact.ID) //nolint:gosec // bounded by the chunk
				events, edges = append(events, name), append(edges, edge.At)
			}
		}
	}
	if len(contacts) == 0 {
		return nil
	}
	memberships, pasts := b.loadMemberships(b.ctx, &p, contacts, buckets), b.loadPasts(b.ctx, &p, contacts, buckets)
	p.Add(func(q *storedb.Queries) (err error) {
		newest, err = q.ClockNewest(b.ctx, storedb.ClockNewestParams{Places: places, ContactIds: about, EventNames: events, Edges: edges})
		return err
	})
	if err := b.conn.Send(b.ctx, &p); err != nil {
		return err
	}
	if err := memberships(); err != nil {
		return err
	}
	pasts()
	for _, row := range newest {
		asked[row.Place].Newest = decide.Later(asked[row.Place].Newest, row.ReceivedAt)
	}
	return nil
}

// TransitionState reads earlier memberships, anchors, and what listens to the events.
func (b backend) TransitionState(list []*cascade.Evaluation, events []string) error {
	var (
		p        store.Pipeline
		contacts []uuid.UUID
		buckets  []string
		anchored = map[*decide.CompiledBucket][]*cascade.Evaluation{}
	)
	for _, one := range list {
		if one.Contact.Stored {
			contacts, buckets = append(contacts, one.Contact.ID), append(buckets, one.Bucket.ID)
		}
		if one.WantsAnchor() {
			anchored[one.Bucket] = append(anchored[one.Bucket], one)
		}
	}
	memberships := b.loadMemberships(b.ctx, &p, contacts, buckets)
	pasts := b.loadPasts(b.ctx, &p, contacts, buckets)
	for of, wanted := range anchored {
		queueAnchors(b.ctx, &p, of, wanted)
	}
	more := b.loadMore(b.ctx, &p, events)
	if err := b.conn.Send(b.ctx, &p); err != nil {
		return err
	}
	if err := memberships(); err != nil {
		return err
	}
	pasts()
	more()
	return nil
}

// queueAnchors reads the historical anchors of memberships to be made by a backfill
// (W-27).
func queueAnchors(ctx context.Context, p *store.Pipeline, b *decide.CompiledBucket, wanted []*cascade.Evaluation) {
	places, contacts := make([]int32, len(wanted)), make([]uuid.UUID, len(wanted))
	for i, one := range wanted {
		places[i], contacts[i] = int32(i), one.Contact.ID // bounded by the chunk
	}
	where := criteria.CompileWhere(b.Facts.Anchor.Where, 4)
	p.AddRows(ctx, fmt.Sprintf(anchors, where.SQL), append([]any{places, contacts, b.Facts.Anchor.Event}, where.Args...), func(rows pgx.Rows) error {
		var place int32
		var occurred time.Time
		_, err := pgx.ForEachRow(rows, []any{&place, &occurred}, func() error {
			wanted[place].Anchor = occurred.Add(b.Facts.Anchor.Plus)
			return nil
		})
		return err
	})
}

// anchors tells when each contact last did an event that criteria count (W-27).
const anchors = `select w.place, n.occurred_at
from unnest($1::int[], $2::uuid[]) w (place, contact_id)
cross join lateral (
	select e.occurred_at from events e
	where e.contact_id = w.contact_id and e.name = (select $3::text) and %s
	order by e.occurred_at desc limit 1
) n`

// Merge makes a merge true in the database and reads everything anew.
func (b backend) Merge(effects *decide.Effects, m *decide.Merge, at time.Time) error {
	var p store.Pipeline
	if err := b.write(b.ctx, &p, effects); err != nil {
		return err
	}
	b.queueMerge(b.ctx, &p, m, at)
	load := b.load(b.ctx, &p)
	if err := b.conn.Send(b.ctx, &p); err != nil {
		return err
	}
	if err := load(); err != nil {
		return err
	}
	if o := b.engine.cfg.Observer; o != nil {
		o.Merged(m, at)
	}
	return nil
}

func (t *transaction) queueMerge(ctx context.Context, p *store.Pipeline, m *decide.Merge, at time.Time) {
	into, from := m.Into.ID, m.From.ID
	aliases, journeys := t.catalog.index.Aliases()
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeContacts(ctx, m.FromWins, into, from) })
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeRedirect(ctx, into, at, from) })
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeKeys(ctx, into, from) })
	p.Add(func(q *storedb.Queries) error {
		return q.IngestMergeEnrollments(ctx, storedb.IngestMergeEnrollmentsParams{
			Survivor: into, Merged: from, Aliases: aliases, Journeys: journeys,
		})
	})
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeRest(ctx, into, from) })
	if len(t.catalog.buckets.All) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.BucketsMergeStays(ctx, into, at, from) })
		p.Add(func(q *storedb.Queries) error { return q.BucketsMergeBackfilled(ctx, from) })
	}
}
