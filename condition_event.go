// This file holds the place of the criteria builder and validation that are being
// written beside it: replace it as soon as they exist.
package hogsend

import "time"

// EventCheck is what an event leaf asks of the contact's events (C-6).
type EventCheck string

// The checks of an event leaf.
const (
	EventExists    EventCheck = "exists"
	EventNotExists EventCheck = "not_exists"
	EventCount     EventCheck = "count"
)

// EventCondition asks how often the contact did an event (C-6).
type EventCondition struct {
	EventName string
	Check     EventCheck
	// Operator and Value belong to EventCount: Eq, Gt, Gte, Lt or Lte, and a whole number.
	Operator PropertyOperator
	Value    any
	// Within limits to events that occurred at most that long ago; nil is all time.
	Within *time.Duration
}

// EmailCheck is what an e-mail leaf asks of the newest mail of a template (C-10).
type EmailCheck string

// The checks of an e-mail leaf.
const (
	EmailOpened     EmailCheck = "opened"
	EmailClicked    EmailCheck = "clicked"
	EmailNotOpened  EmailCheck = "not_opened"
	EmailNotClicked EmailCheck = "not_clicked"
)

// EmailCondition asks what became of the contact's newest mail of a template.
type EmailCondition struct {
	TemplateKey string
	Check       EmailCheck
}

func (EventCondition) condition() {}
func (EmailCondition) condition() {}

// EventBuilder starts a condition on the contact's events; see Event.
type EventBuilder struct {
	name   string
	within *time.Duration
}

// Event starts a condition on the contact's events of exactly that name.
func Event(name string) EventBuilder { return EventBuilder{name: name} }

// Within limits to events that occurred at most d ago, inclusively (C-7).
func (e EventBuilder) Within(d time.Duration) EventBuilder {
	e.within = &d
	return e
}

// Exists holds when the contact did it.
func (e EventBuilder) Exists() Condition {
	return EventCondition{EventName: e.name, Check: EventExists, Within: e.within}
}

// NotExists holds when the contact did not.
func (e EventBuilder) NotExists() Condition {
	return EventCondition{EventName: e.name, Check: EventNotExists, Within: e.within}
}

// Count compares how often the contact did it.
func (e EventBuilder) Count(op PropertyOperator, n int) Condition {
	return EventCondition{EventName: e.name, Check: EventCount, Operator: op, Value: n, Within: e.within}
}

// AtLeast is Count(Gte, n).
func (e EventBuilder) AtLeast(n int) Condition { return e.Count(Gte, n) }

// CheckCriteria reports the problems of a bucket's criteria.
func CheckCriteria(tree Condition, _ func(template string) bool) []ConditionProblem {
	if tree == nil {
		return []ConditionProblem{{Path: "criteria", Message: "is missing"}}
	}
	return nil
}
