package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Admit implements cascade.Backend.
func (b backend) Admit(effects *decide.Effects, a *cascade.Admission) error {
	var p store.Pipeline
	if err := b.write(b.ctx, &p, effects); err != nil {
		return err
	}
	if a.Audience {
		AskTree(a.Journey.Audience).Queue(b.ctx, &p, a.Contact.ID, a.At, func(holds bool, failed []hogsend.Condition) { a.Holds, a.Failed = holds, failed })
	}
	if a.History {
		ids := b.catalog.index.IDs(a.Journey.ID)
		p.Add(func(q *storedb.Queries) error {
			row, err := q.IngestKeyHistory(b.ctx, a.Contact.ID, ids, a.Key)
			a.Ended, a.NewestEnded = row.Ended > 0, row.NewestEndedAt
			return err
		})
	}
	return b.conn.Send(b.ctx, &p)
}

// Tree is a tree of conditions as a statement about one contact (C-22).
type Tree struct {
	sql   string
	args  []any
	whole hogsend.Condition
	parts []hogsend.Condition
}

// contactTree asks what a tree says of one contact, and what its parts do.
const contactTree = `select %s, array[%s]::bool[] from (
	select c.id as contact_id, $2::timestamptz as now, c.properties from contacts c where c.id = $1::uuid
) w`

// AskTree makes the statement of a valid tree.
func AskTree(tree hogsend.Condition) *Tree {
	whole := criteria.Compile(tree, 3)
	t := &Tree{args: whole.Args, whole: tree, parts: criteria.Parts(tree)}
	var parts []string
	for _, one := range t.parts {
		part := criteria.CompilePart(one, 3+len(t.args))
		t.args, parts = append(t.args, part.Args...), append(parts, part.SQL)
	}
	t.sql = fmt.Sprintf(contactTree, whole.SQL, strings.Join(parts, ", "))
	return t
}

// Queue asks about a contact as of an instant, within a transaction or without. answer is
// told whether the tree holds and, if not, what of it does not: of several parts that must
// all hold those that do not, else all of it. It is not called if there is no such contact.
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
