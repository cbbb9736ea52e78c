package criteria

import (
	"github.com/hogsend/hogsend/internal/condition"
)

// compareDate is the table of C-31. The instant of a date is computed by a function of the database,
// which finds the contact's zone where it matters.
func (c *compiler) compareDate(n condition.Property, of source) string {
	contact, properties := "w.contact_id", string(ofContact)
	if of == ofEvent {
		contact, properties = "e.contact_id", "null" // there may be no w
	}
	var test string
	switch at, ok := n.Instant(); {
	case n.Operator == condition.InNext && n.Within != nil:
		test = "d.x > w.now and d.x <= w.now + " + c.arg(*n.Within, "interval")
	case n.Operator == condition.InLast && n.Within != nil:
		test = "d.x <= w.now and d.x >= w.now - " + c.arg(*n.Within, "interval")
	case n.Operator == condition.Before && ok:
		test = "d.x < " + c.arg(at, "timestamptz")
	case n.Operator == condition.After && ok:
		test = "d.x > " + c.arg(at, "timestamptz")
	default:
		return "false"
	}
	return "coalesce((select " + test + " from (select hogsend_date(" + c.stored(n.Property, of) + ", " + contact + ", " + properties + ") as x offset 0) d), false)"
}
