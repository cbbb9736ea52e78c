package hogsend

import (
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// EventHistory is the contact's events of one name, for the criteria of buckets; make one
// with [Event]. It is a value: any number of conditions can be made from one.
type EventHistory struct {
	name     string
	where    []Condition
	within   time.Duration
	windowed bool
}

// Event starts a condition on the contact's events of that exact name: all that ever
// occurred, unless [EventHistory.Where] and [EventHistory.Within] say otherwise.
func Event(name string) EventHistory { return EventHistory{name: name} }

// Where looks only at events whose own properties meet all the conditions, made with
// [Prop], [All], [Any] and [Not]. Called again it adds to them. Without Within such a
// condition reads all events of the name that a contact ever did.
func (e EventHistory) Where(conditions ...Condition) EventHistory {
	e.where = slices.Concat(e.where, conditions)
	return e
}

// Within looks only at events that occurred at most d ago, to the microsecond: in whole
// milliseconds, up to 3,650 days.
func (e EventHistory) Within(d time.Duration) EventHistory {
	e.within, e.windowed = d, true
	return e
}

func (e EventHistory) is(check condition.EventCheck, property string, op Operator, value any) Condition {
	n := condition.Event{EventName: e.name, Check: check, Property: property, Where: slices.Clone(e.where), Operator: op, Value: value}
	if e.windowed {
		n.Within = &e.within // of this copy
	}
	return n
}

// Exists holds when there is one.
func (e EventHistory) Exists() Condition { return e.is(condition.EventExists, "", "", nil) }

// NotExists holds when there is none. With Within it means that the contact stopped to do
// it: somebody who never did it, nor anything else that the criteria ask for, is not a
// member (C-16).
func (e EventHistory) NotExists() Condition { return e.is(condition.EventNotExists, "", "", nil) }

// Count compares how many there are with n, from 0 to 1,000,000.
func (e EventHistory) Count(op Operator, n int) Condition {
	return e.is(condition.EventCount, "", op, n)
}

// AtLeast is Count(Gte, n).
func (e EventHistory) AtLeast(n int) Condition { return e.Count(Gte, n) }

// MoreThan is Count(Gt, n).
func (e EventHistory) MoreThan(n int) Condition { return e.Count(Gt, n) }

// AtMost is Count(Lte, n).
func (e EventHistory) AtMost(n int) Condition { return e.Count(Lte, n) }

// LessThan is Count(Lt, n).
func (e EventHistory) LessThan(n int) Condition { return e.Count(Lt, n) }

// Exactly is Count(Eq, n).
func (e EventHistory) Exactly(n int) Condition { return e.Count(Eq, n) }

// Sum adds up a property of the events, exactly: values that are no numbers add nothing,
// and the sum of no events is 0.
func (e EventHistory) Sum(property string) EventTotal {
	return EventTotal{events: e, check: condition.EventSum, property: property}
}

// Distinct counts the different values that a property of the events has. Strings, numbers
// and booleans are values: 1 and 1.0 are one, 1 and "1" are two.
func (e EventHistory) Distinct(property string) EventTotal {
	return EventTotal{events: e, check: condition.EventDistinct, property: property}
}

// EventTotal is a number that the contact's events come to; [EventHistory.Sum] and
// [EventHistory.Distinct] make one.
type EventTotal struct {
	events   EventHistory
	check    condition.EventCheck
	property string
}

func (t EventTotal) is(op Operator, value any) Condition {
	return t.events.is(t.check, t.property, op, value)
}

// Eq holds when the total is value: a number, for Distinct a whole one from 0 to 1,000,000.
func (t EventTotal) Eq(value any) Condition { return t.is(condition.Eq, value) }

// Gt holds when the total is greater than value.
func (t EventTotal) Gt(value any) Condition { return t.is(condition.Gt, value) }

// Gte holds when the total is greater than value or equal to it.
func (t EventTotal) Gte(value any) Condition { return t.is(condition.Gte, value) }

// Lt holds when the total is less than value.
func (t EventTotal) Lt(value any) Condition { return t.is(condition.Lt, value) }

// Lte holds when the total is less than value or equal to it.
func (t EventTotal) Lte(value any) Condition { return t.is(condition.Lte, value) }
