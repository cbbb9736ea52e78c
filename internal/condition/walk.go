package condition

import "slices"

// Polarity tells what a condition says of a contact that has no events, properties
// and mails (C-14).
type Polarity string

// The polarities. Unknown is that of anything but a well-formed leaf.
const (
	Unknown  Polarity = ""
	Positive Polarity = "positive" // false for such a contact
	Negative Polarity = "negative" // true for such a contact
	Absence  Polarity = "absence"  // true, but of somebody who did it once (C-16)
)

// Walk hands every leaf of a tree to visit, in order. negated tells that an odd
// number of nots is above it; a tree is read with each not pushed down to the leaves
// (C-13). Anything that is not a composite is a leaf, nil included.
func Walk(tree Condition, visit func(leaf Condition, negated bool)) { walk(tree, false, visit) }

// comparisons are the operators that compare numbers.
var comparisons = []Operator{Eq, Gt, Gte, Lt, Lte}

// Limit is what the number of events, their sum or the number of different values is
// compared with. ok is false where the value is not of the kind that the check takes.
func (n Event) Limit() (limit Number, ok bool) {
	limit, ok = NumberOf(n.Value)
	if n.Check != EventSum {
		_, ok = Count(n.Value)
	}
	return limit, ok && limit.writable()
}

func walk(tree Condition, negated bool, visit func(leaf Condition, negated bool)) {
	n, ok := tree.(Composite)
	if !ok {
		visit(tree, negated)
		return
	}
	for _, child := range n.Conditions {
		walk(child, negated != (n.Operator == Not), visit)
	}
}

// PolarityOf is the polarity of a leaf below an even or an odd number of nots.
func PolarityOf(leaf Condition, negated bool) Polarity {
	switch n := leaf.(type) {
	case Property:
		switch n.Operator {
		case Eq, Gt, Gte, Lt, Lte, Contains, Exists, InNext, InLast, Before, After:
			return polarity(!negated)
		case Neq, NotExists:
			return polarity(negated)
		}
	case Event:
		return n.polarity(negated)
	case InBucket:
		return polarity(!negated)
	case Email:
		switch n.Check {
		case EmailOpened, EmailClicked:
			return polarity(!negated)
		case EmailNotOpened, EmailNotClicked:
			return Negative // negated as well: it holds without any mail
		}
	}
	return Unknown
}

func polarity(positive bool) Polarity {
	if positive {
		return Positive
	}
	return Negative
}

func (n Event) polarity(negated bool) Polarity {
	switch n.Check {
	case EventExists, EventNotExists:
		if (n.Check == EventExists) != negated {
			return Positive
		}
		if n.Within != nil {
			return Absence
		}
		return Negative
	case EventCount, EventSum, EventDistinct:
		limit, ok := n.Limit()
		if !ok || !slices.Contains(comparisons, n.Operator) {
			return Unknown
		}
		// What it says of nothing: 0 compared with the value.
		return polarity(n.Operator.Compares(-limit.sign()) == negated)
	}
	return Unknown
}
