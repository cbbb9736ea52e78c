package criteria

import (
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/zone"
)

// History is all that a tree sees of one contact, in memory: what Compile reads from
// tables. The zero value is a contact without anything.
type History struct {
	// Properties are the contact's, as ParseValues gives them.
	Properties Values
	// Events are the stored events of a name, in the order in which they happened: whoever
	// adds one uses Add.
	Events map[string][]Happened
	// Buckets are those that the contact is a member of.
	Buckets map[string]bool
	// Mails are the newest mails that left, by template.
	Mails map[string]Mail
	// Timezone is the contact's own, Fallback that of contacts whose zone is not known.
	Timezone, Fallback string
}

// Happened is an event: when it occurred, and its properties, where criteria look at them.
type Happened struct {
	At     time.Time
	Values Values
}

// Mail is the newest mail of a template that left, and what was done with it.
type Mail struct{ Opened, Clicked bool }

// Add notes an event; a late one goes to its place.
func (h *History) Add(name string, occurred time.Time, properties Values) {
	if h.Events == nil {
		h.Events = map[string][]Happened{}
	}
	h.Events[name] = slices.Insert(h.Events[name], from(h.Events[name], occurred), Happened{At: occurred, Values: properties})
}

// from is the place of the first event that did not happen before an instant.
func from(events []Happened, at time.Time) int {
	place, _ := slices.BinarySearchFunc(events, at, func(e Happened, at time.Time) int { return e.At.Compare(at) })
	return place
}

// Holds says what the predicate of Compile says of the same history at the same
// instant (C-22): floor included, and a node that validation would have refused is
// false.
func (h *History) Holds(tree condition.Condition, now time.Time) bool {
	return h.node(tree, false, now) && h.hasReason(tree, now)
}

// HoldsPart says what the predicate of CompilePart says.
func (h *History) HoldsPart(tree condition.Condition, now time.Time) bool {
	return h.node(tree, false, now)
}

func (h *History) node(tree condition.Condition, negated bool, now time.Time) bool {
	n, ok := tree.(condition.Composite)
	if !ok {
		return h.leaf(tree, negated, now)
	}
	holds := func(child condition.Condition) bool { return h.node(child, negated, now) }
	fails := func(child condition.Condition) bool { return !holds(child) }
	switch n.Operator {
	case condition.Not:
		return len(n.Conditions) == 1 && h.node(n.Conditions[0], !negated, now)
	case condition.And, condition.Or:
		if (n.Operator == condition.And) != negated { // De Morgan, as Compile does
			return !slices.ContainsFunc(n.Conditions, fails)
		}
		return slices.ContainsFunc(n.Conditions, holds)
	}
	return false
}

func (h *History) leaf(leaf condition.Condition, negated bool, now time.Time) bool {
	switch n := leaf.(type) {
	case condition.Property:
		return h.property(n, now) != negated
	case condition.Event:
		return h.event(n, now) != negated
	case condition.Email:
		return h.mail(n) != negated
	case condition.InBucket:
		return h.Buckets[n.BucketID] != negated
	}
	return false
}

// counted are the events that a leaf counts (C-6).
func (h *History) counted(n condition.Event, now time.Time) []Happened {
	events := h.Events[n.EventName]
	if n.Within != nil {
		events = events[from(events, now.Add(-*n.Within)):] // a window has a first instant and no last one (C-7)
	}
	if len(n.Where) == 0 {
		return events
	}
	var found []Happened
	for _, e := range events {
		if h.matches(n.Where, e.Values) {
			found = append(found, e)
		}
	}
	return found
}

// event is the table of C-6.
func (h *History) event(n condition.Event, now time.Time) bool {
	counted := h.counted(n, now)
	limit, ok := n.Limit()
	switch n.Check {
	case condition.EventExists:
		return len(counted) > 0
	case condition.EventNotExists:
		return len(counted) == 0
	case condition.EventCount:
		number, _ := condition.NumberOf(len(counted))
		return ok && n.Operator.Compares(number.Compare(limit))
	case condition.EventSum:
		return ok && n.Operator.Compares(sumOf(counted, n.Property).Compare(limit))
	case condition.EventDistinct:
		number, _ := condition.NumberOf(distinctOf(counted, n.Property))
		return ok && n.Operator.Compares(number.Compare(limit))
	}
	return false
}

// sumOf adds up those values of a property that are numbers, exactly.
func sumOf(events []Happened, property string) (sum condition.Number) {
	for _, e := range events {
		if number, ok := e.Values[property].(condition.Number); ok {
			sum = sum.Plus(number)
		}
	}
	return sum
}

// distinctOf counts the different strings, numbers and booleans that a property has.
func distinctOf(events []Happened, property string) int {
	found := map[any]bool{}
	for _, e := range events {
		switch value := e.Values[property].(type) {
		case string, bool, condition.Number:
			found[value] = true
		}
	}
	return len(found)
}

// mail is false without a mail that left, whatever the check (C-10).
func (h *History) mail(n condition.Email) bool {
	m, left := h.Mails[n.TemplateKey]
	switch n.Check {
	case condition.EmailOpened:
		return left && m.Opened
	case condition.EmailClicked:
		return left && m.Clicked
	case condition.EmailNotOpened:
		return left && !m.Opened
	case condition.EmailNotClicked:
		return left && !m.Clicked
	}
	return false
}

// hasReason is the floor: somebody whom only absence describes must have done the
// event of one of the absence leaves, or meet a positive leaf (C-16).
func (h *History) hasReason(tree condition.Condition, now time.Time) bool {
	absence, reason := false, false
	condition.Walk(tree, func(leaf condition.Condition, negated bool) {
		switch condition.PolarityOf(leaf, negated) {
		case condition.Positive:
			reason = reason || h.leaf(leaf, negated, now)
		case condition.Absence:
			n, _ := leaf.(condition.Event)
			n.Within = nil
			absence, reason = true, reason || len(h.counted(n, now)) > 0
		}
	})
	return reason || !absence
}

// place is the contact's time zone: the first that is one (S-1).
func (h *History) place() *time.Location {
	names := []any{h.Timezone}
	for _, property := range ZoneProperties() {
		names = append(names, h.Properties[property])
	}
	for _, said := range append(names, h.Fallback) {
		if name, isText := said.(string); isText {
			if loc, err := zone.Load(name); err == nil {
				return loc
			}
		}
	}
	return time.UTC
}

// property is the truth of a leaf on a property of the contact.
func (h *History) property(n condition.Property, now time.Time) bool {
	if !n.Dated() {
		return propertyHolds(n, h.Properties)
	}
	x, ok := instantOf(h.Properties, n.Property, h.place)
	return ok && n.DateHolds(x, now)
}

// matches is Match for the properties of one of the contact's events, which may be dates.
func (h *History) matches(where []condition.Condition, v Values) bool {
	return matcher{place: h.place}.all(where, v)
}

// NextEdge is the first instant after another at which one of the contact's events
// leaves one of the windows: until then time alone changes nothing (W-2). The zero
// time is never.
func (h *History) NextEdge(windows []Window, after time.Time) time.Time {
	var next time.Time
	for _, w := range windows {
		if w.Property != "" {
			if x, ok := instantOf(h.Properties, w.Property, h.place); ok {
				if edge := w.Edge(x); edge.After(after) && (next.IsZero() || edge.Before(next)) {
					next = edge
				}
			}
			continue
		}
		events := h.Events[w.Event]
		// Instants have whole microseconds: t + W + 1 µs is after another instant from
		// t = it - W on.
		i := from(events, after.Add(-w.Within))
		if i == len(events) {
			continue
		}
		if edge := w.Edge(events[i].At); next.IsZero() || edge.Before(next) {
			next = edge
		}
	}
	return next
}

// Edge is the instant at which an event leaves the window (C-7).
func (w Window) Edge(occurred time.Time) time.Time { return occurred.Add(w.Within + time.Microsecond) }
