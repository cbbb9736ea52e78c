package criteria

import (
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// events selects a contact's events of a name, the newest first. What looks needless
// holds the planner to the index on (contact_id, name, occurred_at), whatever its
// statistics say: with the name behind a select it takes no name for rare, the order
// rules out a scan of the table, and in exists the offset a join with all events of
// the name. A contact pays for its own events only (I-7).
func (c *compiler) events(name string, within *time.Duration) string {
	sql := "select 1 from events e where e.contact_id = w.contact_id and e.name = (select " + c.arg(name, "text") + ")"
	if within != nil {
		sql += " and e.occurred_at >= w.now - " + c.arg(*within, "interval") // no upper end (C-7)
	}
	return sql + " order by e.occurred_at desc"
}

func exists(events string) string { return "(exists (" + events + " offset 0))" }

// event is the table of C-6.
func (c *compiler) event(n condition.Event) string {
	switch n.Check {
	case condition.EventExists:
		return exists(c.events(n.EventName, n.Within))
	case condition.EventNotExists:
		return "(not " + exists(c.events(n.EventName, n.Within)) + ")"
	case condition.EventCount:
		k, ok := condition.Count(n.Value)
		if symbol := symbols(n.Operator); ok && symbol != "" {
			// One more than k tells all that can be asked about k.
			events := c.events(n.EventName, n.Within) + " limit " + c.arg(int64(k)+1, "bigint")
			return "((select count(*) from (" + events + ") n) " + symbol + " " + c.arg(int64(k), "bigint") + ")"
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
