// Package tree asks Postgres what a tree of conditions says of one contact (C-22).
package tree

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
)

// Tree is a tree of conditions as a statement about one contact (C-22).
type Tree struct {
	sql   string
	args  []any
	whole hogsend.Condition
	parts []hogsend.Condition
}

// contactTree asks what a tree says of one contact, and what its parts do.
const contactTree = `select %s, array[%s]::bool[] from (
	select c.id as contact_id, $2::timestamptz as now, c.properties from contacts c where c.id = $1::uuid and c.deleted_at is null
) w`

// Ask makes the statement of a valid tree.
func Ask(tree hogsend.Condition) *Tree { return ask(tree, criteria.Parts(tree)) }

func ask(tree hogsend.Condition, of []hogsend.Condition) *Tree {
	whole := criteria.Compile(tree, 3)
	t := &Tree{args: whole.Args, whole: tree, parts: of}
	var parts []string
	for _, one := range t.parts {
		part := criteria.CompilePart(one, 3+len(t.args))
		t.args, parts = append(t.args, part.Args...), append(parts, part.SQL)
	}
	t.sql = fmt.Sprintf(contactTree, whole.SQL, strings.Join(parts, ", "))
	return t
}

// Holds says whether a valid tree holds for a contact now, false for one that is deleted or
// gone.
func Holds(ctx context.Context, s *store.Store, contact uuid.UUID, tree hogsend.Condition) (holds bool, err error) {
	now, err := s.IngestClock(ctx)
	if err != nil {
		return false, err
	}
	var p store.Pipeline
	Ask(tree).Queue(ctx, &p, contact, now, func(answer bool, _ []hogsend.Condition) { holds = answer })
	err = s.Borrow(ctx, func(c *store.Conn) error { return c.Send(ctx, &p) })
	return holds, err
}

// Each says whether a valid tree holds for a contact now, and then of each of the parts
// whether it does; nothing for a contact that is deleted or gone.
func Each(ctx context.Context, s *store.Store, contact uuid.UUID, tree hogsend.Condition, parts []hogsend.Condition) (answers []bool, err error) {
	now, err := s.IngestClock(ctx)
	if err != nil {
		return nil, err
	}
	var p store.Pipeline
	t := ask(tree, parts)
	p.AddRows(ctx, t.sql, append([]any{contact, now}, t.args...), func(rows pgx.Rows) error {
		for rows.Next() {
			var holds bool
			var each []bool
			if err := rows.Scan(&holds, &each); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			answers = append([]bool{holds}, each...)
		}
		return rows.Err()
	})
	err = s.Borrow(ctx, func(c *store.Conn) error { return c.Send(ctx, &p) })
	return answers, err
}

// Queue asks about a contact as of an instant, within a transaction or without. answer is
// told whether the tree holds and, if not, what of it does not: of several parts that must
// all hold those that do not, else all of it. It is not called if there is no such contact, or
// only a deleted one.
func (t *Tree) Queue(ctx context.Context, p *store.Pipeline, contact uuid.UUID, at time.Time, answer func(holds bool, failed []hogsend.Condition)) {
	p.AddRows(ctx, t.sql, append([]any{contact, at}, t.args...), func(rows pgx.Rows) error {
		var holds bool
		var parts []bool
		for rows.Next() {
			if err := rows.Scan(&holds, &parts); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			answer(holds, t.failed(holds, parts))
		}
		return rows.Err()
	})
}

func (t *Tree) failed(holds bool, parts []bool) []hogsend.Condition {
	return criteria.FailedParts(t.whole, t.parts, holds, func(i int) bool { return parts[i] })
}
