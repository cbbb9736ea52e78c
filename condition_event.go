package hogsend

import "time"

// EventCheck is what an event condition asks of the contact's events (C-6).
type EventCheck string

// The checks of an event condition.
const (
	EventExists    EventCheck = "exists"
	EventNotExists EventCheck = "not_exists"
	EventCount     EventCheck = "count"
)

// EventCondition asks how often the contact did an event of exactly that name; late
// events count, properties of the event are not looked at (C-6, C-9). It belongs to
// the criteria of buckets.
type EventCondition struct {
	EventName string
	Check     EventCheck
	// Operator and Value belong to EventCount: Eq, Gt, Gte, Lt or Lte, and a whole
	// number from 0 to 1,000,000. Value is nil for the other checks.
	Operator PropertyOperator
	Value    any
	// Within limits to events that occurred at most that long ago, in whole
	// milliseconds from 1 ms to 3,650 days; nil is all time (C-7).
	Within *time.Duration
}

// EmailCheck is what an e-mail condition asks of a mail (C-10).
type EmailCheck string

// The checks of an e-mail condition. Opens and clicks by machines do not count.
const (
	EmailOpened     EmailCheck = "opened"
	EmailClicked    EmailCheck = "clicked"
	EmailNotOpened  EmailCheck = "not_opened"
	EmailNotClicked EmailCheck = "not_clicked"
)

// EmailCondition asks what became of the contact's newest mail of a template; with no
// such mail every check is false (C-10). It belongs to the criteria of buckets.
type EmailCondition struct {
	TemplateKey string
	Check       EmailCheck
}

func (EventCondition) condition() {}
func (EmailCondition) condition() {}

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

func (e EventHistory) is(check EventCheck, op PropertyOperator, value any) Condition {
	n := EventCondition{EventName: e.name, Check: check, Operator: op, Value: value}
	if e.windowed {
		n.Within = &e.within // of this copy
	}
	return n
}

// Exists holds when the contact did it.
func (e EventHistory) Exists() Condition { return e.is(EventExists, "", nil) }

// NotExists holds when the contact did not. Within a window it is an absence: a
// contact that never did anything of what the criteria name is not absent (C-16).
func (e EventHistory) NotExists() Condition { return e.is(EventNotExists, "", nil) }

// Count compares how often the contact did it, 0 for a contact that never did, with
// Eq, Gt, Gte, Lt or Lte.
func (e EventHistory) Count(op PropertyOperator, n int) Condition { return e.is(EventCount, op, n) }

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

func (e Engagement) is(check EmailCheck) Condition {
	return EmailCondition{TemplateKey: e.template, Check: check}
}

// Opened holds when a person opened it.
func (e Engagement) Opened() Condition { return e.is(EmailOpened) }

// Clicked holds when a person followed a link of it.
func (e Engagement) Clicked() Condition { return e.is(EmailClicked) }

// NotOpened holds when there is one and nobody opened it.
func (e Engagement) NotOpened() Condition { return e.is(EmailNotOpened) }

// NotClicked holds when there is one and nobody followed a link of it.
func (e Engagement) NotClicked() Condition { return e.is(EmailNotClicked) }
