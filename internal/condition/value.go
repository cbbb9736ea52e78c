package condition

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// PlainValue is a condition's value in its plain form: a string, a bool or, for numbers,
// a json.Number in canonical form, whatever Go type of these kinds the author wrote. ok is
// false for any other value, and for numbers that are not finite or longer than 1,000
// digits.
func PlainValue(value any) (plain any, ok bool) {
	if n, isNumber := NumberOf(value); isNumber {
		return json.Number(n.String()), n.writable()
	}
	if _, isNumber := value.(json.Number); isNumber {
		return nil, false
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		return v.String(), true
	case reflect.Bool:
		return v.Bool(), true
	}
	return nil, false
}

// Plain copies conditions with their values in plain form, so that what
// the builder made equals what was written by hand (J-7) and later changes to the
// author's slices have no effect (J-9).
func Plain(conditions []Condition) []Condition {
	conditions = slices.Clone(conditions)
	for i, condition := range conditions {
		switch n := condition.(type) {
		case Property:
			if at, ok := n.Instant(); ok && n.Dated() {
				n.Value = at.Format(time.RFC3339Nano)
			} else if value, ok := PlainValue(n.Value); ok {
				n.Value = value
			}
			if n.Within != nil {
				within := *n.Within
				n.Within = &within
			}
			conditions[i] = n
		case Event:
			n.Value = n.PlainValue()
			if len(n.Where) > 0 {
				n.Where = Plain(n.Where)
			}
			if n.Within != nil {
				within := *n.Within
				n.Within = &within
			}
			conditions[i] = n
		case Composite:
			n.Conditions = Plain(n.Conditions)
			conditions[i] = n
		}
	}
	return conditions
}

// PlainValue is the value of the condition in its plain form where it has one: an int for
// a count, a number as PlainValue makes it for a sum.
func (n Event) PlainValue() any {
	if n.Check == EventSum {
		if value, ok := PlainValue(n.Value); ok {
			return value
		}
	} else if value, ok := Count(n.Value); ok {
		return value
	}
	return n.Value
}

// Count is the value of a count in its plain form, an int, whatever Go type the
// author wrote. ok is false for what is not a whole number from 0 to 1,000,000.
func Count(value any) (k int, ok bool) {
	number, isNumber := NumberOf(value)
	whole, isWhole := number.Int()
	if !isNumber || !isWhole || whole < 0 || whole > maxCount {
		return 0, false
	}
	return int(whole), true
}
