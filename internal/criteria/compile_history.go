package criteria

import (
	"github.com/hogsend/hogsend/internal/condition"
)

// events selects something of those of a contact's events that a leaf counts, the newest
// first. What looks needless holds the planner to the index on (contact_id, name,
// occurred_at), whatever its statistics say: with the name behind a select it takes no
// name for rare, the order rules out a scan of the table, and in exists the offset a join
// with all events of the name. A contact pays for its own events only (I-7, C-30).
func (c *compiler) events(what string, n condition.Event) string {
	sql := "select " + what + " from events e where e.contact_id = w.contact_id and e.name = (select " + c.arg(n.EventName, "text") + ")"
	if n.Within != nil {
		sql += " and e.occurred_at >= w.now - " + c.arg(*n.Within, "interval") // no upper end (C-7)
	}
	for _, condition := range n.Where {
		sql += " and " + c.on(condition)
	}
	return sql + " order by e.occurred_at desc"
}

func exists(events string) string { return "(exists (" + events + " offset 0))" }

// all is a limit that is none, but not known to the planner: it expects to read a part of
// the events only, for which the index in their order is the cheapest way.
const all = " limit (select 9223372036854775807)"

// on is a condition on the properties of an event (C-28).
func (c *compiler) on(tree condition.Condition) string {
	switch n := tree.(type) {
	case condition.Property:
		return c.property(n, ofEvent)
	case condition.Composite:
		var parts []string
		for _, child := range n.Conditions {
			parts = append(parts, c.on(child))
		}
		switch {
		case n.Operator == condition.Not && len(parts) == 1:
			return "(not " + parts[0] + ")"
		case n.Operator == condition.And && len(parts) == 0:
			return "true"
		case n.Operator == condition.And:
			return joined(parts, " and ")
		case n.Operator == condition.Or && len(parts) > 0:
			return joined(parts, " or ")
		}
	}
	return "false"
}

// CompileWhere makes a list of conditions on the properties of the event e, as Compile
// does; an empty one is true.
func CompileWhere(where []condition.Condition, first int) Predicate {
	c := compiler{first: first}
	parts := []string{"true"}
	for _, condition := range where {
		parts = append(parts, c.on(condition))
	}
	return Predicate{SQL: joined(parts, " and "), Args: c.args}
}

// event is the table of C-6.
func (c *compiler) event(n condition.Event) string {
	limit, isLimit := n.Limit()
	symbol := symbols(n.Operator)
	switch n.Check {
	case condition.EventExists:
		return exists(c.events("1", n))
	case condition.EventNotExists:
		return "(not " + exists(c.events("1", n)) + ")"
	case condition.EventCount:
		k, _ := limit.Int()
		if isLimit && symbol != "" {
			// One more than k tells all that can be asked about k.
			events := c.events("1", n) + " limit " + c.arg(k+1, "bigint")
			return "((select count(*) from (" + events + ") n) " + symbol + " " + c.arg(k, "bigint") + ")"
		}
	case condition.EventSum:
		if isLimit && symbol != "" {
			v := c.stored(n.Property, ofEvent)
			events := c.events("case when jsonb_typeof("+v+") = 'number' then "+v+"::numeric end as v", n) + all
			return "(coalesce((select sum(n.v) from (" + events + ") n), 0) " + symbol + " " + c.arg(limit.String(), "numeric") + ")"
		}
	case condition.EventDistinct:
		k, _ := limit.Int()
		if isLimit && symbol != "" {
			v := c.stored(n.Property, ofEvent)
			events := c.events("case when jsonb_typeof("+v+") in ('string', 'number', 'boolean') then "+v+" end as v", n) + all
			return "((select count(distinct n.v) from (" + events + ") n) " + symbol + " " + c.arg(k, "bigint") + ")"
		}
	}
	return "false"
}

// email looks at the newest mail of a template that left; without one it is false
// (C-10).
func (c *compiler) email(n condition.Email) string {
	var test string
	switch n.Check {
	case condition.EmailOpened:
		test = "s.opened_at is not null"
	case condition.EmailClicked:
		test = "s.clicked_at is not null"
	case condition.EmailNotOpened:
		test = "s.opened_at is null"
	case condition.EmailNotClicked:
		test = "s.clicked_at is null"
	default:
		return "false"
	}
	return "coalesce((select " + test + " from sends s where s.contact_id = w.contact_id and s.template_key = " + c.arg(n.TemplateKey, "text") +
		" and s.sent_at is not null order by s.sent_at desc limit 1), false)"
}
