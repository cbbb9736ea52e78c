package criteria

import (
	"encoding/json"
	"strconv"

	"github.com/hogsend/hogsend/internal/condition"
)

// RevisionOf is the revision that gave a tree the meaning it has, 0 if all of them read
// its leaves alike.
func RevisionOf(tree condition.Condition) int {
	found := 0
	condition.Walk(tree, func(leaf condition.Condition, _ bool) {
		n, isProperty := leaf.(condition.Property)
		value, _ := condition.PlainValue(n.Value)
		_, isNumber := value.(json.Number)
		switch {
		case !isProperty:
		case isNumber, n.Operator == condition.Exists, n.Operator == condition.NotExists, n.Operator == condition.Contains:
			found = condition.Revision
		}
	})
	return found
}

// RoundedHash is the hash that builds before revision 2 gave the JSON form of a tree: of
// its numbers rounded to what a float64 holds. It is "" for what is no tree.
func RoundedHash(raw json.RawMessage) string {
	tree, problems, err := UnmarshalTree(raw)
	if err != nil || len(problems) > 0 {
		return ""
	}
	n, err := encode(tree, inMilliseconds)
	if err != nil {
		return ""
	}
	rounded(&n)
	found, err := hash(n)
	if err != nil {
		return ""
	}
	return found
}

func rounded(n *node) {
	if number, ok := n.Value.(json.Number); ok {
		if f, err := strconv.ParseFloat(number.String(), 64); err == nil {
			n.Value, _ = condition.PlainValue(f)
		}
	}
	if n.Conditions != nil {
		for i := range *n.Conditions {
			rounded(&(*n.Conditions)[i])
		}
	}
}
