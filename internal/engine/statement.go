package engine

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/registry"
)

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

// catalog is what is in force, with the statements that evaluate it.
type catalog struct {
	index      *registry.Index
	buckets    *decide.Buckets
	dates      []*steps.DateRule // journeys that dates trigger
	statements statements
}

// decider decides what a transaction does that began at an instant.
func (c *catalog) decider(cfg decide.Config, began time.Time) cascade.Decider {
	return cascade.Decider{Recorder: decide.Recorder{Config: cfg, Began: began}, Index: c.index, Buckets: c.buckets}
}

// statements are made once for each set of buckets: sets repeat with the names of
// events.
type statements struct{ made sync.Map } // *statement by what it evaluates

// statement evaluates one set of buckets.
type statement struct {
	sql  string
	ids  []string
	args []any // of the predicates
}

func (c *catalog) statement(buckets []*decide.CompiledBucket, patched bool) *statement {
	return c.statements.of(buckets, patched)
}

func (s *statements) of(buckets []*decide.CompiledBucket, patched bool) *statement {
	key := strconv.FormatBool(patched)
	for _, b := range buckets {
		key += " " + b.ID
	}
	if made, ok := s.made.Load(key); ok {
		return made.(*statement) // nothing else is stored
	}
	made := newStatement(buckets, patched)
	s.made.Store(key, made)
	return made
}

func newStatement(buckets []*decide.CompiledBucket, patched bool) *statement {
	s := &statement{}
	first, property, rows := 6, plainProperty, plainRows
	if patched {
		first, property, rows = 7, patchedProperty, patchedRows
	}
	var holds, active []string
	for i, b := range buckets {
		predicate := criteria.Compile(b.Tree, first+len(s.args))
		s.ids, s.args = append(s.ids, b.ID), append(s.args, predicate.Args...)
		holds = append(holds, predicate.SQL)
		active = append(active, "($1::text[])["+strconv.Itoa(i+1)+"] = any(s.active)")
	}
	s.sql = fmt.Sprintf(evaluation, property, rows, strings.Join(holds, ", "), strings.Join(active, ", "))
	return s
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

// answer is what there is to do in the row at a place: what the criteria say by
// bucket, and the buckets of which the contact is a member, or still is one.
type answer struct {
	place        int32
	holds        []bool
	active, held []string
}

func collectAnswers(rows pgx.Rows, err error) ([]answer, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a answer, err error) {
		err = row.Scan(&a.place, &a.holds, &a.active, &a.held)
		return a, err
	})
}
