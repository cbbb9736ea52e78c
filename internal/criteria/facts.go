package criteria

import (
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// Facts are what must be known of a tree without evaluating it. Lists are in the
// order of first appearance, without repetition.
type Facts struct {
	// Events, Properties and Templates are what its leaves name.
	Events, Properties, Templates []string
	// Detailed are the events of which it looks at the properties.
	Detailed []string
	// Windows are the pairs of event and window whose edges can change it (W-2).
	Windows []Window
	// Dates are the properties whose dates it compares with now. Zoned says that it reads
	// dates, of which days begin at the contact's midnight: then Properties has those that say
	// where it is.
	Dates []string
	Zoned bool
	// Expiring is set for a tree that is one windowed exists, count gte k or count gt
	// k: it turns false at the edge of the K-th newest event that satisfies ExpiringWhere,
	// counted from 1 (B-16).
	Expiring      *Window
	ExpiringWhere []condition.Condition
	K             int
	// Anchor is the historical anchor of whoever matches.
	Anchor Anchor
}

// Window is an event with a window in use, or a property whose date counts like an event:
// what changes at the instant of the date or so long after it changes at an edge, too. Within
// is negative for what changes before the date.
type Window struct {
	Event, Property string
	Within          time.Duration
}

// DatePrefix begins the names under which windows of properties are kept. No event has such a
// name.
const DatePrefix = "hogsend:date-of:"

// Name is under which the window is kept.
func (w Window) Name() string {
	if w.Property != "" {
		return DatePrefix + w.Property
	}
	return w.Event
}

// dateWindows are those at whose edges a condition on a date changes by time alone (W-2).
func dateWindows(n condition.Property) []Window {
	if !n.Relative() || n.Within == nil {
		return nil
	}
	comes := Window{Property: n.Property, Within: -time.Microsecond} // its edge is the date
	if n.Operator == condition.InNext {
		return []Window{{Property: n.Property, Within: -*n.Within - time.Microsecond}, comes}
	}
	return []Window{comes, {Property: n.Property, Within: *n.Within}}
}

// Anchor says since when somebody has matched: Plus after the newest Event that satisfies
// Where. With Event "" the history does not tell (W-27).
type Anchor struct {
	Event string
	Where []condition.Condition
	Plus  time.Duration
}

// FactsOf are the facts of a valid tree.
func FactsOf(tree condition.Condition) Facts {
	var f Facts
	condition.Walk(tree, func(leaf condition.Condition, _ bool) {
		switch n := leaf.(type) {
		case condition.Property:
			f.Properties = with(f.Properties, n.Property)
			if n.Dated() {
				f.dated()
			}
			for _, w := range dateWindows(n) {
				f.Dates, f.Windows = with(f.Dates, n.Property), with(f.Windows, w)
			}
		case condition.Event:
			f.Events = with(f.Events, n.EventName)
			if len(n.Where) > 0 || n.Property != "" {
				f.Detailed = with(f.Detailed, n.EventName)
			}
			if asksDates(n.Where) {
				f.dated()
			}
			if n.Within != nil {
				f.Windows = with(f.Windows, Window{Event: n.EventName, Within: *n.Within})
			}
		case condition.Email:
			f.Templates = with(f.Templates, n.TemplateKey)
		}
	})
	all := conjuncts(tree, false)
	f.expiring(all)
	f.Anchor = anchor(all)
	return f
}

func (f *Facts) dated() {
	f.Zoned = true
	for _, property := range ZoneProperties() {
		f.Properties = with(f.Properties, property)
	}
}

// asksDates reports whether a list of conditions reads properties as dates.
func asksDates(where []condition.Condition) (asks bool) {
	condition.Walk(condition.Composite{Operator: condition.And, Conditions: where}, func(leaf condition.Condition, _ bool) {
		n, isProperty := leaf.(condition.Property)
		asks = asks || isProperty && n.Dated()
	})
	return asks
}

func with[T comparable](list []T, value T) []T {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

// conjuncts are the event leaves whose conjunction a tree is, without nots; nil for
// any other tree.
func conjuncts(tree condition.Condition, negated bool) []condition.Event {
	switch n := tree.(type) {
	case condition.Event:
		if leaf, ok := complemented(n, negated); ok {
			return []condition.Event{leaf}
		}
	case condition.Composite:
		if n.Operator == condition.Not {
			negated = !negated
		}
		isAnd := (n.Operator == condition.And) != negated
		if len(n.Conditions) != 1 && !isAnd {
			return nil
		}
		var all []condition.Event
		for _, child := range n.Conditions {
			leaves := conjuncts(child, negated)
			if leaves == nil {
				return nil
			}
			all = append(all, leaves...)
		}
		return all
	}
	return nil
}

// complemented is the leaf, or for a negated one the leaf that means its complement
// (C-13). There is none for an exact count.
func complemented(n condition.Event, negated bool) (leaf condition.Event, ok bool) {
	if !negated {
		return n, true
	}
	switch n.Check {
	case condition.EventExists:
		n.Check = condition.EventNotExists
		return n, true
	case condition.EventNotExists:
		n.Check = condition.EventExists
		return n, true
	}
	if n.Check != condition.EventCount {
		return n, false
	}
	switch n.Operator {
	case condition.Gt:
		n.Operator = condition.Lte
	case condition.Gte:
		n.Operator = condition.Lt
	case condition.Lt:
		n.Operator = condition.Gte
	case condition.Lte:
		n.Operator = condition.Gt
	default:
		return n, false
	}
	return n, true
}

func (f *Facts) expiring(all []condition.Event) {
	if len(all) != 1 || all[0].Within == nil {
		return
	}
	n, k := all[0], 0
	switch {
	case n.Check == condition.EventExists:
		k = 1
	case n.Check == condition.EventCount && n.Operator == condition.Gte:
		k, _ = condition.Count(n.Value)
	case n.Check == condition.EventCount && n.Operator == condition.Gt:
		k, _ = condition.Count(n.Value)
		k++
	}
	if k > 0 {
		f.Expiring, f.ExpiringWhere, f.K = &Window{Event: n.EventName, Within: *n.Within}, n.Where, k
	}
}

// anchor is the table of W-27.
func anchor(all []condition.Event) Anchor {
	switch len(all) {
	case 1:
		n := all[0]
		if n.Within == nil || n.Check == condition.EventSum || n.Check == condition.EventDistinct {
			return Anchor{}
		}
		switch condition.PolarityOf(n, false) {
		case condition.Positive:
			return Anchor{Event: n.EventName, Where: n.Where}
		case condition.Absence:
			return Anchor{Event: n.EventName, Where: n.Where, Plus: *n.Within}
		}
	case 2:
		did, absent := all[0], all[1]
		if did.Check == condition.EventNotExists {
			did, absent = absent, did
		}
		if did.Check == condition.EventExists && absent.Check == condition.EventNotExists && absent.Within != nil && sameEvents(did, absent) {
			return Anchor{Event: absent.EventName, Where: absent.Where, Plus: *absent.Within}
		}
	}
	return Anchor{}
}

// sameEvents reports whether two leaves count the same events, but for their windows.
func sameEvents(a, b condition.Event) bool {
	return a.EventName == b.EventName && reflect.DeepEqual(condition.Plain(a.Where), condition.Plain(b.Where))
}

// Unbounded are the paths of the leaves that read all events of a name that a contact
// ever did: what they cost grows with the history (C-30).
func Unbounded(path string, tree condition.Condition) []string {
	switch n := tree.(type) {
	case condition.Event:
		if n.Within == nil && (len(n.Where) > 0 || n.Property != "") {
			return []string{path}
		}
	case condition.Composite:
		var found []string
		for i, child := range n.Conditions {
			found = append(found, Unbounded(path+".conditions."+strconv.Itoa(i), child)...)
		}
		return found
	}
	return nil
}
