package hogsend

import (
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// Condition is a question about a contact or an event that is true or false. Make one
// with [Prop], [Event], [EmailEngagement], [InBucket] or [SameAsTrigger] and join several with [All], [Any] and
// [Not]. It is plain data: Studio prints it and the API serves it as JSON.
//
// The criteria of a bucket and the audience of a journey take every condition. Triggers,
// exits and waits look at one event and take conditions on its properties only.
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
// own property, in the criteria of a bucket the contact's. Strings, numbers and booleans
// can be compared, arrays be looked into: an object or an array exists and equals nothing.
// Null counts as missing. Values of different types are never equal: "5" is not 5.
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

// Exists holds when the property has a value that is not null; "", 0 and [] are values.
func (p Property) Exists() Condition { return p.is(condition.Exists, nil) }

// NotExists holds when Exists does not.
func (p Property) NotExists() Condition { return p.is(condition.NotExists, nil) }

// Contains holds when the property is a string in which value, a string, occurs in exact
// case, or an array one of whose elements is value: a string, a number or a bool.
func (p Property) Contains(value any) Condition { return p.is(condition.Contains, value) }

// InNext holds when the property is a date that comes within d from now on, and not when it
// has come: from d before it until just before it. A date is a string, an instant of RFC 3339
// or a day such as "2026-03-01", which begins at its midnight in the contact's time zone. d is
// in whole milliseconds, up to 3,650 days.
func (p Property) InNext(d time.Duration) Condition {
	return condition.Property{Property: p.name, Operator: condition.InNext, Within: &d}
}

// InLast holds when the property is a date, as of InNext, that came within d until now: from
// it until d after it.
func (p Property) InLast(d time.Duration) Condition {
	return condition.Property{Property: p.name, Operator: condition.InLast, Within: &d}
}

// Before holds when the property is a date, as of InNext, before an instant.
func (p Property) Before(t time.Time) Condition {
	return p.is(condition.Before, t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
}

// After holds when the property is a date, as of InNext, after an instant.
func (p Property) After(t time.Time) Condition {
	return p.is(condition.After, t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
}

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

// SameAsTrigger holds when the event has the same value as the event that started the
// journey: both a string, a number or a boolean, of one type and equal. The other event's
// property has the same name unless one is given. It goes into [Exit], [Wait] and [Digest]:
//
//	ExitOn: []hogsend.Exit{{Event: "invoice.paid", Where: []hogsend.Condition{hogsend.SameAsTrigger("invoiceId")}}}
//
// What the trigger's event does not have, is never the same (J-155).
func SameAsTrigger(property string, triggerProperty ...string) Condition {
	n := condition.SameAsTrigger{Property: property}
	if len(triggerProperty) > 0 {
		n.TriggerProperty = triggerProperty[0]
	}
	return n
}

// InBucket holds while the contact is a member of the bucket. It goes into
// [Journey.Audience] and [Run.Matches]; the criteria of a bucket cannot ask for another one (C-32).
func InBucket(id string) Condition { return condition.InBucket{BucketID: id} }

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
