package hogsend

// Polarity tells what a condition says of a contact that has no events, properties
// and mails (C-14).
type Polarity string

// The polarities. Unknown is that of anything but a well-formed leaf.
const (
	PolarityUnknown  Polarity = ""
	PolarityPositive Polarity = "positive" // false for such a contact
	PolarityNegative Polarity = "negative" // true for such a contact
	PolarityAbsence  Polarity = "absence"  // true, but of somebody who did it once (C-16)
)

// Leaves hands every leaf of a tree to visit, in order. negated tells that an odd
// number of nots is above it; a tree is read with each not pushed down to the leaves
// (C-13). Anything that is not a composite is a leaf, nil included.
func Leaves(tree Condition, visit func(leaf Condition, negated bool)) { leaves(tree, false, visit) }

func leaves(tree Condition, negated bool, visit func(leaf Condition, negated bool)) {
	n, ok := tree.(CompositeCondition)
	if !ok {
		visit(tree, negated)
		return
	}
	for _, child := range n.Conditions {
		leaves(child, negated != (n.Operator == OperatorNot), visit)
	}
}

// LeafPolarity is the polarity of a leaf below an even or an odd number of nots.
func LeafPolarity(leaf Condition, negated bool) Polarity {
	switch n := leaf.(type) {
	case PropertyCondition:
		switch n.Operator {
		case Eq, Gt, Gte, Lt, Lte, Contains, Exists:
			return polarity(!negated)
		case Neq, NotExists:
			return polarity(negated)
		}
	case EventCondition:
		return n.polarity(negated)
	case EmailCondition:
		switch n.Check {
		case EmailOpened, EmailClicked:
			return polarity(!negated)
		case EmailNotOpened, EmailNotClicked:
			return PolarityNegative // negated as well: it holds without any mail
		}
	}
	return PolarityUnknown
}

func polarity(positive bool) Polarity {
	if positive {
		return PolarityPositive
	}
	return PolarityNegative
}

func (n EventCondition) polarity(negated bool) Polarity {
	switch n.Check {
	case EventExists, EventNotExists:
		if (n.Check == EventExists) != negated {
			return PolarityPositive
		}
		if n.Within != nil {
			return PolarityAbsence
		}
		return PolarityNegative
	case EventCount:
		k, ok := CountValue(n.Value)
		if !ok {
			return PolarityUnknown
		}
		switch n.Operator {
		case Gt:
			return polarity(!negated)
		case Gte, Eq:
			return polarity((k > 0) != negated)
		case Lte:
			return polarity(negated)
		case Lt:
			return polarity((k == 0) != negated)
		}
	}
	return PolarityUnknown
}
