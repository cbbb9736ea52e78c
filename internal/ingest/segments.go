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
	// sql evaluates the criteria for many contacts; args are its first arguments.
	sql       string
	args      []any
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
}

// evaluation wraps a predicate: it gives the places in the arrays of the rows for
// which the criteria hold. Properties that a transaction is about to write are given
// with the row; a null among them counts as missing anyway (C-3).
const evaluation = `select w.place from (
	select r.place, r.contact_id, r.now, 9223372036854775807::bigint as seq, coalesce(c.properties, '{}') || r.patch as properties
	from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::jsonb[]) r (place, contact_id, now, patch)
	left join contacts c on c.id = r.contact_id
) w where `

// evaluationArgs is the number of arguments before those of the predicate.
const evaluationArgs = 4

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
			held := []int32{}
			held, err = collectPlaces(tx.Query(ctx, g.sql, g.arguments([]int32{0}, []uuid.UUID{uuid.Nil}, []time.Time{time.Unix(0, 0)}, []json.RawMessage{emptyObject})...))
			if err != nil {
				return fmt.Errorf("evaluate bucket %s for a blank contact: %w", g.ID, err)
			}
			g.blank = len(held) > 0
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
	predicate := criteria.Compile(tree, evaluationArgs+1)
	g.sql, g.args = evaluation+predicate.SQL, predicate.Args
	for i := range g.Reactions {
		j, err := g.Reactions[i].Journey(g.ID)
		if err != nil {
			return nil, err
		}
		g.reactions = append(g.reactions, &j)
	}
	return g, nil
}

func (g *segment) arguments(places []int32, contacts []uuid.UUID, instants []time.Time, patches []json.RawMessage) []any {
	return append([]any{places, contacts, instants, patches}, g.args...)
}

func collectPlaces(rows pgx.Rows, err error) ([]int32, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int32])
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
