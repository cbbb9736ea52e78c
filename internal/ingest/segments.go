package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// segment is a bucket as it is in force, ready to be evaluated.
type segment struct {
	bucket.Definition
	generation int
	// on is false for a bucket that is frozen: switched off, disabled in code or not
	// registered (B-51, W-31).
	on bool
	// blank is what the criteria say of a contact that has nothing yet.
	blank     bool
	facts     criteria.Facts
	tree      hogsend.Condition
	reactions []*hogsend.Journey
	// settling is the backfill that has not come to all contacts yet; nil for none.
	settling *settling
}

// settling is a backfill under way, as it was when the buckets were read. Its
// position moves on; where that matters it is read again under the contact's lock.
type settling struct {
	id         uuid.UUID
	generation int
	at         time.Time
	mode       bucket.Mode
}

// segments are the buckets in force. They are read once per version.
type segments struct {
	version    int64
	all        []*segment // by id
	byID       map[string]*segment
	byEvent    map[string][]*segment
	byProperty map[string][]*segment
	byTemplate map[string][]*segment
	blank      []*segment // whose criteria hold for a blank contact
	settling   []*segment
	properties []string // that some bucket names
	statements sync.Map // *statement by what it evaluates
}

// evaluation is the statement that evaluates some buckets for rows of contacts. It
// gives only the rows for which there is something to do: the criteria say otherwise
// than the memberships, or a leave is held back. Of the others, most of them, nothing
// is read and nothing written. Rows that are always given are of contacts whom
// something else may move before: then it matters what the criteria say in any case.
const evaluation = `select w.place, h.holds, s.active, s.held from (
	select r.place, r.contact_id, r.now, r.always, %[1]s as properties
	from %[2]s
	left join contacts c on c.id = r.contact_id
) w
cross join lateral (select array[%[3]s] as holds offset 0) h
cross join lateral (
	select coalesce(array_agg(m.bucket_id), '{}') as active,
		coalesce(array_agg(m.bucket_id) filter (where m.leave_at is not null), '{}') as held
	from memberships m
	where m.contact_id = w.contact_id and m.bucket_id = any($1::text[]) and m.status = 'active'
) s
where w.always or h.holds <> array[%[4]s] or s.held <> '{}'`

// The rows of an evaluation, with or without properties that are about to be
// written: a null among those counts as missing, as it will be (C-3).
const (
	plainRows     = `unnest($2::int[], $3::uuid[], $4::timestamptz[], $5::bool[]) r (place, contact_id, now, always)`
	plainProperty = `coalesce(c.properties, '{}')`

	patchedRows     = `unnest($2::int[], $3::uuid[], $4::timestamptz[], $5::bool[], $6::jsonb[]) r (place, contact_id, now, always, patch)`
	patchedProperty = `coalesce(c.properties, '{}') || r.patch`
)

// statement evaluates one set of buckets.
type statement struct {
	sql  string
	ids  []string
	args []any // of the predicates
}

// statement makes the evaluation of buckets, once for each set of them: sets repeat
// with the names of events.
func (l *segments) statement(buckets []*segment, patched bool) *statement {
	key := strconv.FormatBool(patched)
	for _, g := range buckets {
		key += " " + g.ID
	}
	if made, ok := l.statements.Load(key); ok {
		return made.(*statement) //nolint:forcetypeassert // nothing else is stored
	}
	s := &statement{}
	first, property, rows := 6, plainProperty, plainRows
	if patched {
		first, property, rows = 7, patchedProperty, patchedRows
	}
	var holds, active []string
	for i, g := range buckets {
		predicate := criteria.Compile(g.tree, first+len(s.args))
		s.ids, s.args = append(s.ids, g.ID), append(s.args, predicate.Args...)
		holds = append(holds, predicate.SQL)
		active = append(active, "($1::text[])["+strconv.Itoa(i+1)+"] = any(s.active)")
	}
	s.sql = fmt.Sprintf(evaluation, property, rows, strings.Join(holds, ", "), strings.Join(active, ", "))
	l.statements.Store(key, s)
	return s
}

// loadSegments reads the buckets in force.
func loadSegments(ctx context.Context, s *store.Store) (*segments, error) {
	found := &segments{
		byID: map[string]*segment{}, byEvent: map[string][]*segment{},
		byProperty: map[string][]*segment{}, byTemplate: map[string][]*segment{},
	}
	err := pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return found.load(ctx, tx, s.WithTx(tx))
	})
	if err != nil {
		return nil, fmt.Errorf("read buckets in force: %w", err)
	}
	return found, nil
}

func (l *segments) load(ctx context.Context, tx pgx.Tx, q *storedb.Queries) (err error) {
	if l.version, err = q.BucketsVersion(ctx); err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	rows, err := q.BucketsInForce(ctx)
	if err != nil {
		return fmt.Errorf("read definitions: %w", err)
	}
	backfills, err := q.BucketsBackfills(ctx)
	if err != nil {
		return fmt.Errorf("read backfills: %w", err)
	}
	for _, row := range rows {
		g, err := newSegment(row)
		if err != nil {
			return fmt.Errorf("read bucket %s: %w", row.ID, err)
		}
		for i := range backfills {
			if f := &backfills[i]; f.BucketID == g.ID && int(f.Generation) == g.generation {
				g.settling = &settling{id: f.ID, generation: g.generation, at: f.SettleAt, mode: settlingMode(f.Policy)}
			}
		}
		if g.on {
			s := l.statement([]*segment{g}, false)
			verdicts, err := collectVerdicts(tx.Query(ctx, s.sql,
				s.arguments(&rowsOf{places: []int32{0}, contacts: []uuid.UUID{uuid.Nil}, instants: []time.Time{time.Unix(0, 0)}, always: []bool{false}})...))
			if err != nil {
				return fmt.Errorf("evaluate bucket %s for a blank contact: %w", g.ID, err)
			}
			g.blank = len(verdicts) > 0
		}
		l.add(g)
	}
	return nil
}

func newSegment(row storedb.BucketsInForceRow) (*segment, error) {
	g := &segment{generation: int(row.Generation), on: row.Registered && row.Enabled && !row.Disabled}
	if err := json.Unmarshal(row.Definition, &g.Definition); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	g.ID = row.ID
	tree, problems, err := criteria.UnmarshalTree(g.Criteria)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Path, problems[0].Message)
	}
	g.facts = criteria.FactsOf(tree)
	g.tree = tree
	for i := range g.Reactions {
		j, err := g.Reactions[i].Journey(g.ID)
		if err != nil {
			return nil, err
		}
		g.reactions = append(g.reactions, &j)
	}
	return g, nil
}

// rowsOf are the contacts that buckets are evaluated for, in the columns of the
// statement. patches is nil when no properties are about to be written.
type rowsOf struct {
	places   []int32
	contacts []uuid.UUID
	instants []time.Time
	always   []bool
	patches  []json.RawMessage
}

func (s *statement) arguments(r *rowsOf) []any {
	args := []any{s.ids, r.places, r.contacts, r.instants, r.always}
	if r.patches != nil {
		args = append(args, r.patches)
	}
	return append(args, s.args...)
}

// pronouncement is what there is to do in the row at a place: what the criteria say
// by bucket, and the buckets of which the contact is a member, or still is one.
type pronouncement struct {
	place        int32
	holds        []bool
	active, held []string
}

func collectVerdicts(rows pgx.Rows, err error) ([]pronouncement, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (v pronouncement, err error) {
		err = row.Scan(&v.place, &v.holds, &v.active, &v.held)
		return v, err
	})
}

func (l *segments) add(g *segment) {
	l.all, l.byID[g.ID] = append(l.all, g), g
	if !g.on {
		return
	}
	for _, name := range g.facts.Events {
		l.byEvent[name] = append(l.byEvent[name], g)
	}
	for _, name := range g.facts.Properties {
		l.byProperty[name] = append(l.byProperty[name], g)
		if !slices.Contains(l.properties, name) {
			l.properties = append(l.properties, name)
		}
	}
	for _, key := range g.facts.Templates {
		l.byTemplate[key] = append(l.byTemplate[key], g)
	}
	if g.blank {
		l.blank = append(l.blank, g)
	}
	if g.settling != nil {
		l.settling = append(l.settling, g)
	}
}

// settlingMode is how the joins and leaves of a backfill show (W-23).
func settlingMode(policy string) bucket.Mode {
	m := bucket.Mode{Source: bucket.SourceBackfill, SilentJoins: true, SilentLeaves: true}
	switch {
	case policy == policyDefault:
		m.SilentLeaves = false
	case policy == string(hogsend.React) || hogsend.ChangePolicy(policy).Rate() > 0:
		m.SilentJoins, m.SilentLeaves = false, false
	}
	return m
}

// policyDefault makes joins silent and emits leaves (W-23).
const policyDefault = "default"
