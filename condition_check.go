package hogsend

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ConditionProblem is one breach of the rules for conditions. Path leads into the
// tree, for example "1.conditions.0.value".
type ConditionProblem struct{ Path, Message string }

// The limits of a criteria tree (C-18).
const (
	maxConditionLevels = 16
	maxConditionLeaves = 100
	maxPropertyName    = 200
)

// CheckConditions reports every problem of a list of property conditions, as
// triggers, exits and waits take it (J-7, C-18). Nil means the list is valid.
func CheckConditions(conditions []Condition) []ConditionProblem {
	c := conditionChecker{}
	for i, condition := range conditions {
		c.check(strconv.Itoa(i), condition, 1)
	}
	if c.leaves > maxConditionLeaves {
		c.report("", "has more than %d conditions", maxConditionLeaves)
	}
	return c.problems
}

type conditionChecker struct {
	problems []ConditionProblem
	leaves   int
}

func (c *conditionChecker) report(path, format string, args ...any) {
	c.problems = append(c.problems, ConditionProblem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *conditionChecker) check(path string, condition Condition, level int) {
	if level > maxConditionLevels {
		c.report(path, "is nested deeper than %d levels", maxConditionLevels)
		return
	}
	switch n := condition.(type) {
	case PropertyCondition:
		c.leaves++
		c.property(path, n)
	case CompositeCondition:
		if n.Operator != And && n.Operator != Or && n.Operator != Not {
			c.report(path+".operator", "must be and, or or not")
		}
		if n.Operator == Not && len(n.Conditions) != 1 {
			c.report(path+".conditions", "not takes exactly one condition")
		}
		for i, child := range n.Conditions {
			c.check(path+".conditions."+strconv.Itoa(i), child, level+1)
		}
	case nil:
		c.report(path, "is missing")
	default:
		c.report(path, "is not a condition on a property")
	}
}

func (c *conditionChecker) property(path string, n PropertyCondition) {
	if problem := textProblem(n.Property, 1, maxPropertyName); problem != "" {
		c.report(path+".property", "%s", problem)
	}
	value, ok := ConditionValue(n.Value)
	if text, isText := value.(string); isText && !storable(text) {
		c.report(path+".value", "must be valid UTF-8 without U+0000")
	}
	switch n.Operator {
	case Eq, Neq:
		if !ok {
			c.report(path+".value", "must be a string, a number or a bool")
		}
	case Gt, Gte, Lt, Lte:
		if _, number := value.(float64); !number {
			c.report(path+".value", "must be a number")
		}
	case Contains:
		if _, text := value.(string); !text {
			c.report(path+".value", "must be a string")
		}
	case Exists, NotExists:
		if n.Value != nil {
			c.report(path+".value", "is not taken by %s", n.Operator)
		}
	default:
		c.report(path+".operator", "is unknown: %q", n.Operator)
	}
}

// textProblem says why a text cannot be used, "" if it can.
func textProblem(s string, low, high int) string {
	if n := utf8.RuneCountInString(s); n < low || n > high {
		return fmt.Sprintf("must have %d to %d characters", low, high)
	}
	if !storable(s) {
		return "must be valid UTF-8 without U+0000"
	}
	return ""
}

// storable says that Postgres can keep the text: what it cannot keep, no event has,
// and a decision or a wait that names it could not be written.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// ConditionValue is a condition's value in its plain form: a string, a float64 or a
// bool, whatever Go type of these kinds the author wrote. ok is false for any other
// value, and for numbers that are not finite. Integers beyond 2^53 are rounded as
// those of properties are; -0 is 0 (C-4).
func ConditionValue(value any) (plain any, ok bool) {
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

// plainConditions copies conditions with their values in plain form, so that what
// the builder made equals what was written by hand (J-7) and later changes to the
// author's slices have no effect (J-9).
func plainConditions(conditions []Condition) []Condition {
	conditions = slices.Clone(conditions)
	for i, condition := range conditions {
		switch n := condition.(type) {
		case PropertyCondition:
			if value, ok := ConditionValue(n.Value); ok {
				n.Value = value
			}
			conditions[i] = n
		case CompositeCondition:
			n.Conditions = plainConditions(n.Conditions)
			conditions[i] = n
		}
	}
	return conditions
}
