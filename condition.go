package hogsend

import (
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// Condition is a question about a contact or an event that is true or false. Make one
// with [Prop], [Event] or [EmailEngagement] and join several with [All], [Any] and
// [Not]. It is plain data: Studio prints it and the API serves it as JSON.
//
// The criteria of a bucket take every condition. Triggers, exits and waits look at one
// event and take conditions on its properties only.
type Condition = condition.Condition

// Operator says how [EventHistory.Count] compares two numbers.
type Operator = condition.Operator

// The operators.
const (
	Eq  Operator = condition.Eq
	Gt  Operator = condition.Gt
	Gte Operator = condition.Gte
	Lt  Operator = condition.Lt
	Lte Operator = condition.Lte
)

// Property is a property to compare; make one with [Prop]. Of an event it is the event's
// own property, in the criteria of a bucket the contact's. Only strings, numbers and
// booleans can be compared: null, objects and arrays count as missing. Values of different
// types are never equal: "5" is not 5.
type Property struct{ name string }

// Prop starts a condition on a top-level property. "a.b" is the name "a.b" and no path.
func Prop(name string) Property { return Property{name: name} }

func (p Property) is(op Operator, value any) Condition {
	return condition.Property{Property: p.name, Operator: op, Value: value}
}

// Eq holds when the property has this value: a string, a number or a bool.
func (p Property) Eq(value any) Condition { return p.is(condition.Eq, value) }

// Neq holds when Eq does not, also when the property is missing.
func (p Property) Neq(value any) Condition { return p.is(condition.Neq, value) }

// Gt holds when the property is a number greater than value, which is a number.
func (p Property) Gt(value any) Condition { return p.is(condition.Gt, value) }

// Gte holds when the property is a number greater than value or equal to it.
func (p Property) Gte(value any) Condition { return p.is(condition.Gte, value) }

// Lt holds when the property is a number less than value.
func (p Property) Lt(value any) Condition { return p.is(condition.Lt, value) }

// Lte holds when the property is a number less than value or equal to it.
func (p Property) Lte(value any) Condition { return p.is(condition.Lte, value) }

// Exists holds when the property is a string, a number or a boolean; "" and 0 are.
func (p Property) Exists() Condition { return p.is(condition.Exists, nil) }

// NotExists holds when Exists does not.
func (p Property) NotExists() Condition { return p.is(condition.NotExists, nil) }

// Contains holds when the property is a string in which value occurs, in exact case.
func (p Property) Contains(value string) Condition { return p.is(condition.Contains, value) }

// All holds when every condition does; with none it holds.
func All(conditions ...Condition) Condition {
	return condition.Composite{Operator: condition.And, Conditions: conditions}
}

// Any holds when at least one condition does; with none it does not.
func Any(conditions ...Condition) Condition {
	return condition.Composite{Operator: condition.Or, Conditions: conditions}
}

// Not holds when the condition does not: that "orders" is not greater than 5 also holds
// for who has no such property, that a mail was not opened also for who never got it.
func Not(c Condition) Condition {
	return condition.Composite{Operator: condition.Not, Conditions: []Condition{c}}
}

// EventHistory is the contact's events of one name, for the criteria of buckets; make one
// with [Event]. It is a value: any number of conditions can be made from one.
type EventHistory struct {
	name     string
	within   time.Duration
	windowed bool
}

// Event starts a condition on the contact's events of that exact name, at any time unless
// [EventHistory.Within] says otherwise.
func Event(name string) EventHistory { return EventHistory{name: name} }

// Within looks only at events that occurred at most d ago, to the microsecond: in whole
// milliseconds, up to 3,650 days.
func (e EventHistory) Within(d time.Duration) EventHistory {
	e.within, e.windowed = d, true
	return e
}

func (e EventHistory) is(check condition.EventCheck, op Operator, value any) Condition {
	n := condition.Event{EventName: e.name, Check: check, Operator: op, Value: value}
	if e.windowed {
		n.Within = &e.within // of this copy
	}
	return n
}

// Exists holds when there is one.
func (e EventHistory) Exists() Condition { return e.is(condition.EventExists, "", nil) }

// NotExists holds when there is none. With Within it means that the contact stopped to do
// it: somebody who never did it, nor anything else that the criteria ask for, is not a
// member (C-16).
func (e EventHistory) NotExists() Condition { return e.is(condition.EventNotExists, "", nil) }

// Count compares how many there are with n, from 0 to 1,000,000.
func (e EventHistory) Count(op Operator, n int) Condition { return e.is(condition.EventCount, op, n) }

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

// Engagement is the contact's newest mail of one template, for the criteria of buckets;
// make one with [EmailEngagement]. Opens and clicks by machines do not count.
type Engagement struct{ template string }

// EmailEngagement starts a condition on the newest mail of the template that was sent to
// the contact. Who got none meets none of the conditions.
func EmailEngagement(template string) Engagement { return Engagement{template: template} }

func (e Engagement) is(check condition.EmailCheck) Condition {
	return condition.Email{TemplateKey: e.template, Check: check}
}

// Opened holds when it was opened.
func (e Engagement) Opened() Condition { return e.is(condition.EmailOpened) }

// Clicked holds when a link in it was followed.
func (e Engagement) Clicked() Condition { return e.is(condition.EmailClicked) }

// NotOpened holds when it was sent and not opened.
func (e Engagement) NotOpened() Condition { return e.is(condition.EmailNotOpened) }

// NotClicked holds when it was sent and no link in it was followed.
func (e Engagement) NotClicked() Condition { return e.is(condition.EmailNotClicked) }
