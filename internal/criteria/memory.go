package criteria

import (
	"cmp"
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// History is all that a tree sees of one contact, in memory: what Compile reads from
// tables. The zero value is a contact without anything.
type History struct {
	// Properties are the contact's, as ParseValues gives them.
	Properties Values
	// Events are the instants of the stored events of a name, in the order in which they
	// happened: whoever adds one uses Add.
	Events map[string][]time.Time
	// Mails are the newest mails that left, by template.
	Mails map[string]Mail
}

// Mail is the newest mail of a template that left, and what was done with it.
type Mail struct{ Opened, Clicked bool }

// Add notes an event; a late one goes to its place.
func (h *History) Add(name string, occurred time.Time) {
	if h.Events == nil {
		h.Events = map[string][]time.Time{}
	}
	instants := h.Events[name]
	place, _ := slices.BinarySearchFunc(instants, occurred, time.Time.Compare)
	h.Events[name] = slices.Insert(instants, place, occurred)
}

// Holds says what the predicate of Compile says of the same history at the same
// instant (C-22): floor included, and a node that validation would have refused is
// false.
func (h *History) Holds(tree condition.Condition, now time.Time) bool {
	return h.node(tree, false, now) && h.hasReason(tree, now)
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
		return propertyHolds(n, h.Properties) != negated
	case condition.Event:
		return h.event(n, now) != negated
	case condition.Email:
		return h.mail(n) != negated
	}
	return false
}

// event is the table of C-6.
func (h *History) event(n condition.Event, now time.Time) bool {
	count := len(h.Events[n.EventName])
	if n.Within != nil {
		first, _ := slices.BinarySearchFunc(h.Events[n.EventName], now.Add(-*n.Within), time.Time.Compare)
		count -= first // a window has a first instant and no last one (C-7)
	}
	switch n.Check {
	case condition.EventExists:
		return count > 0
	case condition.EventNotExists:
		return count == 0
	case condition.EventCount:
		k, ok := condition.Count(n.Value)
		return ok && compares(n.Operator, cmp.Compare(count, k))
	}
	return false
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
			absence, reason = true, reason || len(h.Events[n.EventName]) > 0
		}
	})
	return reason || !absence
}

// NextEdge is the first instant after another at which one of the contact's events
// leaves one of the windows: until then time alone changes nothing (W-2). The zero
// time is never.
func (h *History) NextEdge(windows []Window, after time.Time) time.Time {
	var next time.Time
	for _, w := range windows {
		instants := h.Events[w.Event]
		// Instants have whole microseconds: t + W + 1 µs is after another instant from
		// t = it - W on.
		i, _ := slices.BinarySearchFunc(instants, after.Add(-w.Within), time.Time.Compare)
		if i == len(instants) {
			continue
		}
		if edge := w.Edge(instants[i]); next.IsZero() || edge.Before(next) {
			next = edge
		}
	}
	return next
}

// Edge is the instant at which an event leaves the window (C-7).
func (w Window) Edge(occurred time.Time) time.Time { return occurred.Add(w.Within + time.Microsecond) }
