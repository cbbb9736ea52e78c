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

// Operator says how two values are compared. The conditions have a method for each;
// the names are needed for [EventHistory.Count] only.
type Operator = condition.Operator

// The operators.
const (
	Eq  Operator = condition.Eq
	Gt  Operator = condition.Gt
	Gte Operator = condition.Gte
	Lt  Operator = condition.Lt
	Lte Operator = condition.Lte
)

// Property starts a condition on one property; see Prop.
type Property struct{ name string }

// Prop starts a condition on the named top-level property. "a.b" is the key
// "a.b", not a path (C-2).
func Prop(name string) Property { return Property{name: name} }

func (p Property) is(op Operator, value any) Condition {
	return condition.Property{Property: p.name, Operator: op, Value: value}
}

// Eq holds when the property has the same type and value.
func (p Property) Eq(value any) Condition { return p.is(condition.Eq, value) }

// Neq is the complement of Eq: it also holds when the property is missing.
func (p Property) Neq(value any) Condition { return p.is(condition.Neq, value) }

// Gt holds when both sides are numbers and the property is greater.
func (p Property) Gt(value any) Condition { return p.is(condition.Gt, value) }

// Gte holds when both sides are numbers and the property is not less.
func (p Property) Gte(value any) Condition { return p.is(condition.Gte, value) }

// Lt holds when both sides are numbers and the property is less.
func (p Property) Lt(value any) Condition { return p.is(condition.Lt, value) }

// Lte holds when both sides are numbers and the property is not greater.
func (p Property) Lte(value any) Condition { return p.is(condition.Lte, value) }

// Exists holds when the property is present and not null, "" and 0 included.
func (p Property) Exists() Condition { return p.is(condition.Exists, nil) }

// NotExists holds when the property is missing or null.
func (p Property) NotExists() Condition { return p.is(condition.NotExists, nil) }

// Contains holds when both sides are strings and value occurs in the property,
// case-sensitively.
func (p Property) Contains(value string) Condition { return p.is(condition.Contains, value) }

// All holds when every condition does; with none it is true.
func All(conditions ...Condition) Condition {
	return condition.Composite{Operator: condition.And, Conditions: conditions}
}

// Any holds when at least one condition does; with none it is false.
func Any(conditions ...Condition) Condition {
	return condition.Composite{Operator: condition.Or, Conditions: conditions}
}

// Not holds when the condition does not: not(gt 5) also where there is no number,
// not(opened) also where there is no mail (C-13).
func Not(c Condition) Condition {
	return condition.Composite{Operator: condition.Not, Conditions: []Condition{c}}
}

// EventHistory starts a condition on the contact's events; see Event. It is a value:
// any number of conditions can be made of one.
type EventHistory struct {
	name     string
	within   time.Duration
	windowed bool
}

// Event starts a condition on the contact's events of exactly that name.
func Event(name string) EventHistory { return EventHistory{name: name} }

// Within limits to events that occurred at most d ago, inclusively (C-7).
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

// Exists holds when the contact did it.
func (e EventHistory) Exists() Condition { return e.is(condition.EventExists, "", nil) }

// NotExists holds when the contact did not. Within a window it is an absence: a
// contact that never did anything of what the criteria name is not absent (C-16).
func (e EventHistory) NotExists() Condition { return e.is(condition.EventNotExists, "", nil) }

// Count compares how often the contact did it, 0 for a contact that never did, with
// Eq, Gt, Gte, Lt or Lte.
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

// Engagement starts a condition on the contact's newest mail of a template; see
// EmailEngagement.
type Engagement struct{ template string }

// EmailEngagement starts a condition on the contact's newest mail of the template
// that was handed to the provider (C-10).
func EmailEngagement(template string) Engagement { return Engagement{template: template} }

func (e Engagement) is(check condition.EmailCheck) Condition {
	return condition.Email{TemplateKey: e.template, Check: check}
}

// Opened holds when a person opened it.
func (e Engagement) Opened() Condition { return e.is(condition.EmailOpened) }

// Clicked holds when a person followed a link of it.
func (e Engagement) Clicked() Condition { return e.is(condition.EmailClicked) }

// NotOpened holds when there is one and nobody opened it.
func (e Engagement) NotOpened() Condition { return e.is(condition.EmailNotOpened) }

// NotClicked holds when there is one and nobody followed a link of it.
func (e Engagement) NotClicked() Condition { return e.is(condition.EmailNotClicked) }
