package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	blank bool
	facts criteria.Facts
	// sql says for many contacts what the criteria make of their memberships, patched
	// the same with properties that are about to be written; args are the arguments
	// behind those of the contacts.
	sql, patched string
	args         []any
	reactions    []*hogsend.Journey
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
}

// The statements that evaluate a bucket for rows of contacts. They give the places of
// the rows for which there is something to do: the criteria say otherwise than the
// membership, or a leave is held back. Most rows are not among them, and of those
// nothing is read and nothing written.
const (
	evaluation = `select w.place, (%[1]s) as holds from (
	select r.place, r.contact_id, r.now, 9223372036854775807::bigint as seq, %[2]s as properties
	from %[3]s
	left join contacts c on c.id = r.contact_id
) w
left join memberships m on m.contact_id = w.contact_id and m.bucket_id = $1 and m.status = 'active'
where (%[1]s) <> (m.id is not null) or m.leave_at is not null`

	plainRows      = `unnest($2::int[], $3::uuid[], $4::timestamptz[]) r (place, contact_id, now)`
	plainProperty  = `coalesce(c.properties, '{}')`
	plainArguments = 4

	// A null among the properties to be written counts as missing, as it will be (C-3).
	patchedRows      = `unnest($2::int[], $3::uuid[], $4::timestamptz[], $5::jsonb[]) r (place, contact_id, now, patch)`
	patchedProperty  = `coalesce(c.properties, '{}') || r.patch`
	patchedArguments = 5
)

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
			sql, args := g.statement(&rowsOf{places: []int32{0}, contacts: []uuid.UUID{uuid.Nil}, instants: []time.Time{time.Unix(0, 0)}})
			verdicts, err := collectVerdicts(tx.Query(ctx, sql, args...))
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
	g.Definition.ID = row.ID
	tree, problems, err := criteria.UnmarshalTree(g.Criteria)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Path, problems[0].Message)
	}
	g.facts = criteria.FactsOf(tree)
	plain, patched := criteria.Compile(tree, plainArguments+1), criteria.Compile(tree, patchedArguments+1)
	g.sql = fmt.Sprintf(evaluation, plain.SQL, plainProperty, plainRows)
	g.patched = fmt.Sprintf(evaluation, patched.SQL, patchedProperty, patchedRows)
	g.args = plain.Args
	for i := range g.Reactions {
		j, err := g.Reactions[i].Journey(g.ID)
		if err != nil {
			return nil, err
		}
		g.reactions = append(g.reactions, &j)
	}
	return g, nil
}

// rowsOf are the contacts that a bucket is evaluated for, in the columns of the
// statement. patches is nil when no properties are about to be written.
type rowsOf struct {
	places   []int32
	contacts []uuid.UUID
	instants []time.Time
	patches  []json.RawMessage
}

func (g *segment) statement(r *rowsOf) (sql string, args []any) {
	if r.patches == nil {
		return g.sql, append([]any{g.ID, r.places, r.contacts, r.instants}, g.args...)
	}
	return g.patched, append([]any{g.ID, r.places, r.contacts, r.instants, r.patches}, g.args...)
}

// pronouncement is what the criteria say of the row at a place.
type pronouncement struct {
	place int32
	holds bool
}

func collectVerdicts(rows pgx.Rows, err error) ([]pronouncement, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (v pronouncement, err error) {
		err = row.Scan(&v.place, &v.holds)
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
