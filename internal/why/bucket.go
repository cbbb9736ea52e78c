package why

import (
	"fmt"
	"strings"
)

// OfBucket says whether and why somebody is in a bucket.
func (q Question) OfBucket(b Bucket) Answer {
	a := Answer{Verdict: No, Next: []Ref{{KindBucket, b.ID, "Look at " + b.Name}}}
	for _, l := range b.Leaves {
		word := "does not hold: "
		if l.Holds {
			word = "holds: "
		}
		a.Facts = append(a.Facts, Fact{Text: word + l.Words})
	}
	stay := b.Stay
	switch {
	case stay != nil && stay.Left == nil:
		a.Verdict, a.Sentence = Yes, fmt.Sprintf("%s is in %s since %s%s.", q.Person, b.Name, q.When(stay.Entered), q.until(b))
	case b.Off:
		a.Sentence = fmt.Sprintf("%s is off: it takes nobody and lets nobody go.", b.Name)
	case b.Holds && b.Building:
		a.Verdict, a.Sentence = NotYet, fmt.Sprintf("All that %s asks for holds; it is being built, and has not come to %s yet.", b.Name, q.Person)
	case b.Holds && stay != nil && b.Once:
		a.Sentence = fmt.Sprintf("All that %s asks for holds, but %s was in it from %s to %s, and it takes each person once.", b.Name, q.Person, q.When(stay.Entered), q.when(stay.Left))
	case b.Holds && stay != nil:
		a.Verdict, a.Sentence = Unknown, fmt.Sprintf("All that %s asks for holds, and %s left it on %s. How often it takes somebody may keep %s out; else it takes them in when something of theirs changes.", b.Name, q.Person, q.when(stay.Left), q.Person)
	case b.Holds:
		a.Verdict, a.Sentence = Unknown, fmt.Sprintf("All that %s asks for holds at this moment; it takes %s in when something of theirs changes.", b.Name, q.Person)
	default:
		a.Sentence = fmt.Sprintf("%s is not in %s: %s.", q.Person, b.Name, failing(b.Leaves))
		if stay != nil {
			a.Sentence = fmt.Sprintf("%s left %s on %s%s. Now: %s.", q.Person, b.Name, q.when(stay.Left), left(stay.Reason), failing(b.Leaves))
		}
	}
	return a
}

// until is how long a stay goes on.
func (q Question) until(b Bucket) string {
	switch {
	case b.Stay.Leave != nil:
		return "; the criteria no longer hold, and it ends on " + q.when(b.Stay.Leave)
	case !b.Holds:
		return "; the criteria do not hold at this moment"
	case b.Stay.Most != nil:
		return ", at the latest until " + q.when(b.Stay.Most)
	}
	return ""
}

func left(reason string) string {
	switch reason {
	case "":
		return ""
	case "criteria":
		return ", when the criteria no longer held"
	case "maxDwell":
		return ", when it had lasted as long as it may"
	}
	return " (" + reason + ")"
}

// failing are the parts that do not hold; of criteria whose parts all do, it is what joins
// them that does not.
func failing(leaves []Leaf) string {
	var parts []string
	for _, l := range leaves {
		if !l.Holds {
			parts = append(parts, "“"+l.Words+"” does not hold")
		}
	}
	if len(parts) == 0 {
		return "what it asks not to hold holds"
	}
	return strings.Join(parts, ", and ")
}
