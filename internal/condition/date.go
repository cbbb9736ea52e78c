package condition

import (
	"time"

	"github.com/hogsend/hogsend/internal/zone"
)

// Relative reports whether the condition compares a date with now.
func (n Property) Relative() bool { return n.Operator == InNext || n.Operator == InLast }

// Dated reports whether the condition reads its property as a date (C-31).
func (n Property) Dated() bool { return n.Relative() || n.Operator == Before || n.Operator == After }

// Instant is what Before and After compare with. ok is false for what is no instant of RFC
// 3339.
func (n Property) Instant() (at time.Time, ok bool) {
	text, isText := n.Value.(string)
	date, isDate := zone.ParseDate(text)
	if !isText || !isDate || date.IsDay() {
		return time.Time{}, false
	}
	return date.Instant(time.UTC), true
}

// DateHolds is the table of C-31 for a date's instant.
func (n Property) DateHolds(x, now time.Time) bool {
	at, _ := n.Instant()
	switch {
	case n.Operator == InNext && n.Within != nil:
		return x.After(now) && !x.After(now.Add(*n.Within))
	case n.Operator == InLast && n.Within != nil:
		return !x.After(now) && !x.Before(now.Add(-*n.Within))
	case n.Operator == Before:
		return x.Before(at)
	case n.Operator == After:
		return x.After(at)
	}
	return false
}

// date checks a condition on a date.
func (c *checker) date(path string, n Property) {
	switch _, ok := n.Instant(); {
	case !n.Relative() && !ok:
		c.report(path+".value", "must be an instant such as 2026-01-01T00:00:00Z")
	case n.Relative() && n.Value != nil:
		c.report(path+".value", "is not taken by %s", n.Operator)
	case n.Relative() && c.counted:
		c.report(path+".operator", "%s is no condition on a property of past events", n.Operator)
	case n.Relative() && n.Within == nil:
		c.report(path+".within", "is required")
	case n.Relative():
		c.within(path, *n.Within)
	}
	if !c.criteria && !c.counted {
		c.report(path+".operator", "%s belongs to the criteria of buckets and to Audience", n.Operator)
	}
}
