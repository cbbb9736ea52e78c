// Package criteria gives conditions their meaning, once for each place where they are
// asked: on the properties of one event (Match), as SQL over the tables (Compile) and on
// a history in memory (History). It also holds their JSON form and their hash.
package criteria

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/zone"
)

// Values are what exists for conditions: top-level strings, booleans and exact numbers,
// each a condition.Number; of an array its elements of these kinds, as List, and of an
// object that it exists, as Object. Null counts as missing (C-2, J-18).
type Values map[string]any

// List are the strings, booleans and numbers among the elements of an array.
type List []any

// Object is an object, of which nothing can be asked but whether it exists.
type Object struct{}

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
	for _, key := range slices.Sorted(maps.Keys(object)) { // in an order, for workflows ask too
		value, err := parseValue(object[key])
		if err != nil {
			return nil, fmt.Errorf("parse property %q: %w", key, err)
		}
		if value != nil {
			values[key] = value
		}
	}
	return values, nil
}

// parseValue is one property; nil for null.
func parseValue(field json.RawMessage) (any, error) {
	switch field[0] {
	case 'n':
		return nil, nil //nolint:nilnil // null is no value
	case '{':
		return Object{}, nil
	case '[':
		return parseList(field)
	case 't', 'f':
		return field[0] == 't', nil
	case '"':
		var text string
		err := json.Unmarshal(field, &text)
		return text, err
	}
	number, ok := condition.ParseNumber(string(field))
	if !ok {
		return nil, fmt.Errorf("%q is no number", field)
	}
	return number, nil
}

func parseList(field json.RawMessage) (any, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(field, &elements); err != nil {
		return nil, err
	}
	list := List{}
	for _, element := range elements {
		if element[0] == '[' || element[0] == '{' {
			continue // of no kind that can be looked for
		}
		value, err := parseValue(element)
		if err != nil {
			return nil, err
		}
		if value != nil {
			list = append(list, value)
		}
	}
	return list, nil
}

// Match reports whether every condition holds; an empty list is true (J-19, C-5).
func Match(conditions []condition.Condition, v Values) bool { return matcher{}.all(conditions, v) }

// Failed are the conditions of the list that do not hold.
func Failed(conditions []condition.Condition, v Values) []condition.Condition {
	var failed []condition.Condition
	for _, c := range conditions {
		if !(matcher{}).holds(c, v) {
			failed = append(failed, c)
		}
	}
	return failed
}

// matcher asks about the properties of one event. place is where days begin; nil where no
// date is asked for.
type matcher struct{ place func() *time.Location }

func (m matcher) all(conditions []condition.Condition, v Values) bool {
	return !slices.ContainsFunc(conditions, func(c condition.Condition) bool { return !m.holds(c, v) })
}

// holds decides one node. A node that validation would have refused is false.
func (m matcher) holds(c condition.Condition, v Values) bool {
	switch n := c.(type) {
	case condition.Property:
		if !n.Dated() {
			return propertyHolds(n, v)
		}
		if m.place != nil && !n.Relative() {
			x, ok := instantOf(v, n.Property, m.place)
			return ok && n.DateHolds(x, time.Time{})
		}
	case condition.Composite:
		return m.composite(n, v)
	}
	return false
}

func (m matcher) composite(n condition.Composite, v Values) bool {
	switch n.Operator {
	case condition.And:
		return m.all(n.Conditions, v)
	case condition.Or:
		return slices.ContainsFunc(n.Conditions, func(c condition.Condition) bool { return m.holds(c, v) })
	case condition.Not:
		return len(n.Conditions) == 1 && !m.holds(n.Conditions[0], v)
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
		if list, isList := stored.(List); isList {
			return want != nil && slices.Contains(list, want)
		}
		text, isText := stored.(string)
		part, isPart := want.(string)
		return isText && isPart && strings.Contains(text, part)
	}
	number, isNumber := stored.(condition.Number)
	limit, isLimit := want.(condition.Number)
	return isNumber && isLimit && n.Operator.Compares(number.Compare(limit))
}

// wanted is what a condition compares with, as Values have it.
func wanted(n condition.Property) any {
	value, _ := condition.PlainValue(n.Value)
	if number, ok := condition.NumberOf(value); ok {
		return number
	}
	return value
}

// instantOf is the instant of a property that is a date (S-42).
func instantOf(v Values, property string, place func() *time.Location) (x time.Time, ok bool) {
	text, isText := v[property].(string)
	found, isDate := zone.ParseDate(text)
	switch {
	case !isText || !isDate:
		return x, false
	case found.IsDay():
		return found.Instant(place()), true
	}
	return found.Instant(time.UTC), true
}
