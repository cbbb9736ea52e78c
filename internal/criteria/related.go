package criteria

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/condition"
)

// maxKey is how many characters the key of an enrollment has at most (J-153).
const maxKey = 200

// KeyOf is the key that an event with these values has in a property: a string as it is,
// a number in canonical form. ok is false without a valid one (J-153).
func KeyOf(v Values, property string) (key string, ok bool) {
	switch value := v[property].(type) {
	case string:
		key = value
	case condition.Number:
		key = value.String()
	}
	return key, strings.TrimSpace(key) != "" && utf8.RuneCountInString(key) <= maxKey
}

// UnmarshalFailed reads the conditions of any kind that a decision was made by, as Marshal
// writes them: they were checked when their journey was defined.
func UnmarshalFailed(raw json.RawMessage) ([]condition.Condition, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode conditions: %w", err)
	}
	d := decoder{judged: map[string]bool{}}
	conditions := make([]condition.Condition, len(list))
	for i, item := range list {
		conditions[i] = d.node(strconv.Itoa(i), item, 1)
	}
	if len(d.problems) > 0 {
		return nil, fmt.Errorf("decode conditions: %s: %s", d.problems[0].Path, d.problems[0].Message)
	}
	return conditions, nil
}

// Parts are the conditions that a tree joins so that all must hold; none for any other tree.
func Parts(tree condition.Condition) []condition.Condition {
	if all, ok := tree.(condition.Composite); ok && all.Operator == condition.And {
		return all.Conditions
	}
	return nil
}

// FailedParts says what of a tree does not hold: of the parts that must all hold those that
// do not, else all of it; nothing if it holds (J-151).
func FailedParts(tree condition.Condition, parts []condition.Condition, holds bool, part func(i int) bool) []condition.Condition {
	if holds {
		return nil
	}
	var failed []condition.Condition
	for i := range parts {
		if !part(i) {
			failed = append(failed, parts[i])
		}
	}
	if failed == nil {
		return []condition.Condition{tree}
	}
	return failed
}

// AsksBuckets reports whether a tree asks for memberships.
func AsksBuckets(tree condition.Condition) (asks bool) {
	condition.Walk(tree, func(leaf condition.Condition, _ bool) {
		_, is := leaf.(condition.InBucket)
		asks = asks || is
	})
	return asks
}

// Relates reports whether conditions ask for the trigger of an enrollment.
func Relates(conditions []condition.Condition) bool {
	return slices.ContainsFunc(conditions, func(c condition.Condition) bool {
		switch n := c.(type) {
		case condition.SameAsTrigger:
			return true
		case condition.Composite:
			return Relates(n.Conditions)
		}
		return false
	})
}

// Resolve makes conditions that ask for the trigger of an enrollment plain ones, by the
// values of the trigger's event. What that does not have, no event has (J-155).
func Resolve(conditions []condition.Condition, trigger Values) []condition.Condition {
	if !Relates(conditions) {
		return conditions
	}
	conditions = slices.Clone(conditions)
	for i, c := range conditions {
		switch n := c.(type) {
		case condition.SameAsTrigger:
			conditions[i] = resolve(n, trigger)
		case condition.Composite:
			n.Conditions = Resolve(n.Conditions, trigger)
			conditions[i] = n
		}
	}
	return conditions
}

func resolve(n condition.SameAsTrigger, trigger Values) condition.Condition {
	value := trigger[n.OfTrigger()]
	if number, ok := value.(condition.Number); ok {
		value = json.Number(number.String())
	}
	if plain, ok := condition.PlainValue(value); ok {
		return condition.Property{Property: n.Property, Operator: condition.Eq, Value: plain}
	}
	return condition.Composite{Operator: condition.Or} // never
}
