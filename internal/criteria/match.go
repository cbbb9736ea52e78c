// Package criteria gives conditions their meaning, once for each place where they are
// asked: on the properties of one event (Match), as SQL over the tables (Compile) and on
// a history in memory (History). It also holds their JSON form and their hash.
package criteria

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hogsend/hogsend/internal/condition"
)

// Values are what exists for conditions: top-level strings, booleans and exact numbers,
// each a condition.Number. Everything else, null included, counts as missing (C-2, J-18).
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
			number, ok := condition.ParseNumber(string(field))
			if !ok {
				return nil, fmt.Errorf("parse property %q: %q is no number", key, field)
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
	want := wanted(n)
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
	number, isNumber := stored.(condition.Number)
	limit, isLimit := want.(condition.Number)
	return isNumber && isLimit && compares(n.Operator, number.Compare(limit))
}

// wanted is what a condition compares with, as Values have it.
func wanted(n condition.Property) any {
	value, _ := condition.PlainValue(n.Value)
	if number, ok := condition.NumberOf(value); ok {
		return number
	}
	return value
}

// compares is for the operators that compare numbers, of which order tells which is
// greater, as cmp.Compare does; any other operator is false.
func compares(op condition.Operator, order int) bool {
	switch op {
	case condition.Eq:
		return order == 0
	case condition.Gt:
		return order > 0
	case condition.Gte:
		return order >= 0
	case condition.Lt:
		return order < 0
	case condition.Lte:
		return order <= 0
	}
	return false
}
