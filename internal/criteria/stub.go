// This file holds the place of the compiler that is being written beside it: delete
// it as soon as these names exist.
package criteria

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
)

type Window struct {
	Event  string
	Within time.Duration
}
type Anchor struct {
	Event string
	Plus  time.Duration
}
type Facts struct {
	Events, Properties, Templates []string
	Windows                       []Window
	Anchor                        Anchor
}
type Predicate struct {
	SQL  string
	Args []any
}

func FactsOf(tree hogsend.Condition) Facts {
	var f Facts
	var walk func(c hogsend.Condition)
	walk = func(c hogsend.Condition) {
		switch n := c.(type) {
		case hogsend.PropertyCondition:
			f.Properties = append(f.Properties, n.Property)
		case hogsend.EventCondition:
			f.Events = append(f.Events, n.EventName)
			if n.Within != nil {
				f.Windows = append(f.Windows, Window{n.EventName, *n.Within})
			}
		case hogsend.EmailCondition:
			f.Templates = append(f.Templates, n.TemplateKey)
		case hogsend.CompositeCondition:
			for _, child := range n.Conditions {
				walk(child)
			}
		}
	}
	walk(tree)
	return f
}

type compiler struct {
	first    int
	args     []any
	absent   []string
	positive []string
}

func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(c.first+len(c.args)-1)
}

func Compile(tree hogsend.Condition, first int) Predicate {
	c := &compiler{first: first}
	sql := c.node(tree, false)
	if len(c.absent) > 0 {
		sql = "(" + sql + ") and (" + strings.Join(append(c.absent, c.positive...), " or ") + ")"
	}
	return Predicate{SQL: sql, Args: c.args}
}

func (c *compiler) node(tree hogsend.Condition, negated bool) string {
	switch n := tree.(type) {
	case hogsend.CompositeCondition:
		if n.Operator == hogsend.Not {
			return c.node(n.Conditions[0], !negated)
		}
		and := (n.Operator == hogsend.And) != negated
		if len(n.Conditions) == 0 {
			return strconv.FormatBool(and)
		}
		var parts []string
		for _, child := range n.Conditions {
			parts = append(parts, "("+c.node(child, negated)+")")
		}
		if and {
			return strings.Join(parts, " and ")
		}
		return strings.Join(parts, " or ")
	case hogsend.PropertyCondition:
		sql := c.property(n)
		positive := n.Operator != hogsend.Neq && n.Operator != hogsend.NotExists
		if negated {
			sql, positive = "not ("+sql+")", !positive && (n.Operator == hogsend.Neq || n.Operator == hogsend.NotExists)
		}
		if positive {
			c.positive = append(c.positive, sql)
		}
		return sql
	case hogsend.EventCondition:
		return c.event(n, negated)
	}
	panic(fmt.Sprint(tree))
}

func (c *compiler) property(n hogsend.PropertyCondition) string {
	v := "(w.properties -> " + c.arg(n.Property) + "::text)"
	scalar := "coalesce(jsonb_typeof(" + v + ") in ('string', 'number', 'boolean'), false)"
	value, _ := hogsend.ConditionValue(n.Value)
	switch n.Operator {
	case hogsend.Exists:
		return scalar
	case hogsend.NotExists:
		return "not " + scalar
	case hogsend.Contains:
		return "case when jsonb_typeof(" + v + ") = 'string' then strpos(" + v + " #>> '{}', " + c.arg(value) + "::text) > 0 else false end"
	case hogsend.Eq, hogsend.Neq:
		raw, _ := json.Marshal(value)
		eq := "coalesce(" + v + " = " + c.arg(string(raw)) + "::jsonb, false)"
		if n.Operator == hogsend.Neq {
			return "not " + eq
		}
		return eq
	}
	op := map[hogsend.PropertyOperator]string{hogsend.Gt: ">", hogsend.Gte: ">=", hogsend.Lt: "<", hogsend.Lte: "<="}[n.Operator]
	return "case when jsonb_typeof(" + v + ") = 'number' then " + v + "::numeric " + op + " " + c.arg(strconv.FormatFloat(value.(float64), 'g', -1, 64)) + "::text::numeric else false end"
}

func (c *compiler) event(n hogsend.EventCondition, negated bool) string {
	name := c.arg(n.EventName)
	ever := "exists (select 1 from events e where e.contact_id = w.contact_id and e.name = " + name + "::text and e.seq <= w.seq)"
	where := "e.contact_id = w.contact_id and e.name = " + name + "::text and e.seq <= w.seq"
	if n.Within != nil {
		where += " and e.occurred_at >= w.now - " + c.arg(n.Within.Microseconds()) + "::bigint * interval '1 microsecond'"
	}
	exists := "exists (select 1 from events e where " + where + ")"
	if n.Check != hogsend.EventCount {
		there := (n.Check == hogsend.EventExists) != negated
		if there {
			c.positive = append(c.positive, exists)
			return exists
		}
		if n.Within != nil {
			c.absent = append(c.absent, ever)
		}
		return "not " + exists
	}
	k := n.Value.(int)
	op := map[hogsend.PropertyOperator]string{hogsend.Eq: "=", hogsend.Gt: ">", hogsend.Gte: ">=", hogsend.Lt: "<", hogsend.Lte: "<="}[n.Operator]
	sql := "(select count(*) from (select 1 from events e where " + where + " limit " + c.arg(k+1) + "::bigint) n) " + op + " " + c.arg(k) + "::bigint"
	zero := map[hogsend.PropertyOperator]bool{hogsend.Eq: k == 0, hogsend.Gt: false, hogsend.Gte: k == 0, hogsend.Lt: k > 0, hogsend.Lte: true}[n.Operator]
	if negated {
		sql, zero = "not ("+sql+")", !zero
	}
	if !zero {
		c.positive = append(c.positive, sql)
	}
	return sql
}

type treeNode struct {
	Type, Property, Operator, EventName, Check string
	Value                                      any
	WithinMS                                   *int64
	Conditions                                 []treeNode
}

func toTree(c hogsend.Condition) treeNode {
	switch n := c.(type) {
	case hogsend.PropertyCondition:
		return treeNode{Type: "property", Property: n.Property, Operator: string(n.Operator), Value: n.Value}
	case hogsend.EventCondition:
		t := treeNode{Type: "event", EventName: n.EventName, Check: string(n.Check), Operator: string(n.Operator), Value: n.Value}
		if n.Within != nil {
			ms := n.Within.Milliseconds()
			t.WithinMS = &ms
		}
		return t
	case hogsend.CompositeCondition:
		t := treeNode{Type: "composite", Operator: string(n.Operator)}
		for _, child := range n.Conditions {
			t.Conditions = append(t.Conditions, toTree(child))
		}
		return t
	}
	panic(fmt.Sprint(c))
}

func fromTree(t treeNode) hogsend.Condition {
	switch t.Type {
	case "property":
		return hogsend.PropertyCondition{Property: t.Property, Operator: hogsend.PropertyOperator(t.Operator), Value: t.Value}
	case "event":
		n := hogsend.EventCondition{EventName: t.EventName, Check: hogsend.EventCheck(t.Check), Operator: hogsend.PropertyOperator(t.Operator)}
		if f, ok := t.Value.(float64); ok {
			n.Value = int(f)
		}
		if t.WithinMS != nil {
			d := time.Duration(*t.WithinMS) * time.Millisecond
			n.Within = &d
		}
		return n
	}
	n := hogsend.CompositeCondition{Operator: hogsend.CompositeOperator(t.Operator)}
	for _, child := range t.Conditions {
		n.Conditions = append(n.Conditions, fromTree(child))
	}
	return n
}

func MarshalTree(c hogsend.Condition) (json.RawMessage, error) { return json.Marshal(toTree(c)) }
func HashTree(c hogsend.Condition) (string, error) {
	raw, err := MarshalTree(c)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}
func UnmarshalTree(raw json.RawMessage) (hogsend.Condition, []hogsend.ConditionProblem, error) {
	var t treeNode
	err := json.Unmarshal(raw, &t)
	return fromTree(t), nil, err
}
