// Package condition is a tree of conditions as plain data: its nodes, what makes one
// valid, and what can be said of it without evaluating it. Authors build trees with the
// functions of the root package; package criteria gives them their meaning.
package condition

import "time"

// Revision numbers the meaning of criteria. Builds of revision 2 look into arrays and
// compare numbers exactly; earlier ones took arrays for missing and rounded numbers
// (W-37).
const Revision = 2

// Condition is one node of a tree. The set of node types is closed (C-1).
type Condition interface{ condition() }

// Operator compares a stored value with the value of a condition (C-3).
type Operator string

// The operators. Nothing is coerced: "5" is not 5.
const (
	Eq        Operator = "eq"
	Neq       Operator = "neq"
	Gt        Operator = "gt"
	Gte       Operator = "gte"
	Lt        Operator = "lt"
	Lte       Operator = "lte"
	Exists    Operator = "exists"
	NotExists Operator = "not_exists"
	Contains  Operator = "contains"
	// These read a string as a date and compare its instant with now or with another one
	// (C-31).
	InNext Operator = "in_next"
	InLast Operator = "in_last"
	Before Operator = "before"
	After  Operator = "after"
)

// Compares is for the operators that compare numbers, of which order tells which is
// greater, as cmp.Compare does; any other operator is false.
func (op Operator) Compares(order int) bool {
	switch op {
	case Eq:
		return order == 0
	case Gt:
		return order > 0
	case Gte:
		return order >= 0
	case Lt:
		return order < 0
	case Lte:
		return order <= 0
	}
	return false
}

// Property compares one top-level property: strings, numbers and booleans, for Contains
// arrays as well. An object or array exists and equals nothing; null counts as missing
// (C-2).
type Property struct {
	Property string
	Operator Operator
	// Value is a string, a number or a bool as the operator asks, for Before and After an
	// instant of RFC 3339; nil for Exists, NotExists, InNext and InLast.
	Value any
	// Within is how near the date is, of InNext and InLast; nil for the others.
	Within *time.Duration
}

// Join is how a composite joins its conditions (C-12).
type Join string

// The joins.
const (
	And Join = "and"
	Or  Join = "or"
	Not Join = "not"
)

// Composite joins conditions. An empty And is true, an empty Or is false, Not has
// exactly one child (C-12).
type Composite struct {
	Operator   Join
	Conditions []Condition
}

// EventCheck is what an event condition asks of the contact's events (C-6).
type EventCheck string

// The checks of an event condition.
const (
	EventExists    EventCheck = "exists"
	EventNotExists EventCheck = "not_exists"
	EventCount     EventCheck = "count"
	EventSum       EventCheck = "sum"
	EventDistinct  EventCheck = "distinct"
)

// Event asks what the contact did of an event of exactly that name (C-6). It belongs to
// the criteria of buckets.
type Event struct {
	EventName string
	Check     EventCheck
	// Property is what EventSum adds up and of which EventDistinct counts the different
	// values, "" for the other checks.
	Property string
	// Where are conditions on the event's own properties: it counts if all of them hold
	// (C-28).
	Where []Condition
	// Operator and Value belong to EventCount, EventSum and EventDistinct: Eq, Gt, Gte, Lt
	// or Lte, and a whole number from 0 to 1,000,000, for a sum any number. Value is nil for
	// the other checks.
	Operator Operator
	Value    any
	// Within limits to events that occurred at most that long ago, in whole milliseconds
	// from 1 ms to 3,650 days; nil is all time (C-7).
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

// Email asks what became of the contact's newest mail of a template; with no such mail
// every check is false (C-10). It belongs to the criteria of buckets.
type Email struct {
	TemplateKey string
	Check       EmailCheck
}

func (Property) condition()  {}
func (Composite) condition() {}
func (Event) condition()     {}
func (Email) condition()     {}
