package condition

import (
	"math"
	"reflect"
	"slices"
)

// PlainValue is a condition's value in its plain form: a string, a float64 or a
// bool, whatever Go type of these kinds the author wrote. ok is false for any other
// value, and for numbers that are not finite. Integers beyond 2^53 are rounded as
// those of properties are; -0 is 0 (C-4).
func PlainValue(value any) (plain any, ok bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return nil, false
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.Kind() == reflect.Bool:
		return v.Bool(), true
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float() + 0, !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0) // -0 + 0 is 0
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
			if value, ok := PlainValue(n.Value); ok {
				n.Value = value
			}
			conditions[i] = n
		case Event:
			if value, ok := Count(n.Value); ok {
				n.Value = value
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

// Count is the value of a count in its plain form, an int, whatever Go type the
// author wrote. ok is false for what is not a whole number from 0 to 1,000,000.
func Count(value any) (k int, ok bool) {
	plain, _ := PlainValue(value)
	number, ok := plain.(float64)
	if !ok || number < 0 || number > maxCount || number != math.Trunc(number) {
		return 0, false
	}
	return int(number), true
}
