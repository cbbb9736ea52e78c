// Package criteria gives conditions their meaning, once for each place where they are
// asked: on the properties of one event (Match), as SQL over the tables (Compile) and on
// a history in memory (History). It also holds their JSON form and their hash.
package criteria

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/condition"
)

// Values are what exists for conditions: top-level strings, float64 numbers and
// booleans. Everything else, null included, counts as missing (C-2, J-18).
type Values map[string]any

// ParseValues takes the values out of a JSON object; empty input is an empty object.
func ParseValues(raw json.RawMessage) (Values, error) {
	if len(raw) == 0 {
		return Values{}, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("parse properties: %w", err)
	}
	values := make(Values, len(object))
	for key, field := range object {
		switch field[0] {
		case '{', '[', 'n':
		case 't', 'f':
			values[key] = field[0] == 't'
		case '"':
			var text string
			if err := json.Unmarshal(field, &text); err != nil {
				return nil, fmt.Errorf("parse property %q: %w", key, err)
			}
			values[key] = text
		default:
			// A number beyond float64 is infinite, which compares as it should (C-17).
			number, err := strconv.ParseFloat(string(field), 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return nil, fmt.Errorf("parse property %q: %w", key, err)
			}
			values[key] = number
		}
	}
	return values, nil
}

// Match reports whether every condition holds; an empty list is true (J-19, C-5).
func Match(conditions []condition.Condition, v Values) bool {
	for _, c := range conditions {
		if !holds(c, v) {
			return false
		}
	}
	return true
}

// Failed are the conditions of the list that do not hold.
func Failed(conditions []condition.Condition, v Values) []condition.Condition {
	var failed []condition.Condition
	for _, c := range conditions {
		if !holds(c, v) {
			failed = append(failed, c)
		}
	}
	return failed
}

// holds decides one node. A node that validation would have refused is false.
func holds(c condition.Condition, v Values) bool {
	switch n := c.(type) {
	case condition.Property:
		return propertyHolds(n, v)
	case condition.Composite:
		return compositeHolds(n, v)
	}
	return false
}

func compositeHolds(n condition.Composite, v Values) bool {
	switch n.Operator {
	case condition.And:
		return Match(n.Conditions, v)
	case condition.Or:
		for _, child := range n.Conditions {
			if holds(child, v) {
				return true
			}
		}
	case condition.Not:
		return len(n.Conditions) == 1 && !holds(n.Conditions[0], v)
	}
	return false
}

// propertyHolds is the truth table of C-3.
func propertyHolds(n condition.Property, v Values) bool {
	stored, present := v[n.Property]
	want, _ := condition.PlainValue(n.Value)
	switch n.Operator {
	case condition.Exists:
		return present
	case condition.NotExists:
		return !present
	case condition.Eq:
		return present && stored == want
	case condition.Neq:
		return !present || stored != want
	case condition.Contains:
		text, isText := stored.(string)
		part, isPart := want.(string)
		return isText && isPart && strings.Contains(text, part)
	}
	number, isNumber := stored.(float64)
	limit, isLimit := want.(float64)
	if !isNumber || !isLimit {
		return false
	}
	return compares(n.Operator, number, limit)
}

// compares is for the operators that compare numbers; any other is false.
func compares(op condition.Operator, a, b float64) bool {
	switch op {
	case condition.Eq:
		return a == b
	case condition.Gt:
		return a > b
	case condition.Gte:
		return a >= b
	case condition.Lt:
		return a < b
	case condition.Lte:
		return a <= b
	}
	return false
}
