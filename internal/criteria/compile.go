package criteria

import (
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/condition"
)

// Predicate is a tree as one boolean expression of SQL, in parentheses and never
// null. It stands over a relation w of contacts with the columns
//
//	w.contact_id uuid, w.now timestamptz, w.properties jsonb
//
// and reads the stored events and the newest sends; windows end at w.now - W. Names
// of tables are unqualified: a simulation puts its own first. Names and values are
// always arguments, so that trees of one shape share their text (C-22, C-23).
type Predicate struct {
	SQL  string
	Args []any
}

// Compile makes the predicate of a valid tree, floor included (C-16). Its arguments
// are numbered from $first on. A node that validation would have refused is false.
func Compile(tree condition.Condition, first int) Predicate {
	c := compiler{first: first}
	sql := c.node(tree, false)
	if len(c.everDone) > 0 {
		sql = "(" + sql + " and " + joined(append(c.everDone, c.positives...), " or ") + ")"
	}
	return Predicate{SQL: sql, Args: c.args}
}

// CompilePart is Compile for a part of a tree, without the floor, which is one of the whole.
func CompilePart(tree condition.Condition, first int) Predicate {
	c := compiler{first: first, part: true}
	return Predicate{SQL: c.node(tree, false), Args: c.args}
}

type compiler struct {
	first int
	part  bool
	args  []any
	// What the floor asks for: one of the events of absence leaves at any time, or a
	// positive leaf that is true.
	everDone, positives []string
}

func (c *compiler) arg(value any, sqlType string) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(c.first+len(c.args)-1) + "::" + sqlType
}

func joined(parts []string, by string) string { return "(" + strings.Join(parts, by) + ")" }

func (c *compiler) node(tree condition.Condition, negated bool) string {
	n, ok := tree.(condition.Composite)
	if !ok {
		return c.leaf(tree, negated)
	}
	switch n.Operator {
	case condition.Not:
		if len(n.Conditions) == 1 {
			return c.node(n.Conditions[0], !negated)
		}
	case condition.And, condition.Or:
		// By De Morgan: the floor reads trees with each not at the leaves (C-13).
		and := (n.Operator == condition.And) != negated
		if len(n.Conditions) == 0 {
			return strconv.FormatBool(and)
		}
		parts := make([]string, len(n.Conditions))
		for i, child := range n.Conditions {
			parts[i] = c.node(child, negated)
		}
		if and {
			return joined(parts, " and ")
		}
		return joined(parts, " or ")
	}
	return "false"
}

func (c *compiler) leaf(leaf condition.Condition, negated bool) string {
	var sql string
	switch n := leaf.(type) {
	case condition.Property:
		sql = c.property(n, ofContact)
	case condition.Event:
		sql = c.event(n)
	case condition.Email:
		sql = c.email(n)
	case condition.InBucket:
		sql = "(exists (select from memberships m where m.contact_id = w.contact_id and m.status = 'active' and m.bucket_id = " + c.arg(n.BucketID, "text") + "))"
	default:
		return "false"
	}
	if negated {
		sql = "(not " + sql + ")"
	}
	if c.part {
		return sql
	}
	switch condition.PolarityOf(leaf, negated) {
	case condition.Positive:
		c.positives = append(c.positives, sql)
	case condition.Absence:
		n, _ := leaf.(condition.Event)
		n.Within = nil
		c.everDone = append(c.everDone, exists(c.events("1", n)))
	}
	return sql
}
