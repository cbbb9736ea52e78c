package hogsend

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ConditionProblem is one breach of the rules for conditions. Path leads into the
// tree, for example "1.conditions.0.value".
type ConditionProblem struct{ Path, Message string }

// The limits of a criteria tree (C-18).
const (
	maxConditionLevels = 16
	maxConditionLeaves = 100
	maxConditionName   = 200
	maxCount           = 1_000_000
	maxWithin          = 3650 * Day
)

// CheckConditions reports every problem of a list of property conditions, as
// triggers, exits and waits take it (J-7, C-18). Nil means the list is valid.
func CheckConditions(conditions []Condition) []ConditionProblem {
	c := conditionChecker{}
	for i, condition := range conditions {
		c.check(strconv.Itoa(i), condition, 1)
	}
	c.size("")
	return c.problems
}

// criteriaPath is the root of the paths into the criteria of a bucket.
const criteriaPath = "criteria"

// CheckCriteria reports every problem of the criteria of a bucket, with paths such as
// "criteria.conditions.1.within" (C-18). templates tells which templates there are;
// nil leaves that open. Nil means the tree is valid.
func CheckCriteria(tree Condition, templates func(key string) bool) []ConditionProblem {
	c := conditionChecker{criteria: true, templates: templates}
	c.check(criteriaPath, tree, 1)
	c.size(criteriaPath)
	if !matchesSomebody(tree) {
		c.report(criteriaPath, "criteria need at least one positive condition")
	}
	return c.problems
}

// matchesSomebody reports whether a tree has a leaf that takes a contact who did
// something (C-15). A malformed leaf, reported by itself, may have been one.
func matchesSomebody(tree Condition) bool {
	found := false
	Leaves(tree, func(leaf Condition, negated bool) {
		found = found || LeafPolarity(leaf, negated) != PolarityNegative
	})
	return found
}

type conditionChecker struct {
	problems []ConditionProblem
	leaves   int
	// criteria allows what only buckets take: conditions on events and mails.
	criteria  bool
	templates func(key string) bool
}

func (c *conditionChecker) report(path, format string, args ...any) {
	c.problems = append(c.problems, ConditionProblem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *conditionChecker) size(path string) {
	if c.leaves > maxConditionLeaves {
		c.report(path, "has more than %d conditions", maxConditionLeaves)
	}
}

func (c *conditionChecker) check(path string, condition Condition, level int) {
	if level > maxConditionLevels {
		c.report(path, "is nested deeper than %d levels", maxConditionLevels)
		return
	}
	switch n := condition.(type) {
	case CompositeCondition:
		c.composite(path, n, level)
		return
	case nil:
		c.report(path, "is missing")
		return
	}
	c.leaves++
	switch n := condition.(type) {
	case PropertyCondition:
		c.property(path, n)
		return
	case EventCondition:
		if c.criteria {
			c.event(path, n)
			return
		}
	case EmailCondition:
		if c.criteria {
			c.email(path, n)
			return
		}
	}
	if c.criteria {
		c.report(path, "is not a condition")
		return
	}
	c.report(path, "is not a condition on a property")
}

func (c *conditionChecker) composite(path string, n CompositeCondition, level int) {
	if n.Operator != OperatorAnd && n.Operator != OperatorOr && n.Operator != OperatorNot {
		c.report(path+".operator", "must be and, or or not")
	}
	if n.Operator == OperatorNot && len(n.Conditions) != 1 {
		c.report(path+".conditions", "not takes exactly one condition")
	}
	for i, child := range n.Conditions {
		c.check(path+".conditions."+strconv.Itoa(i), child, level+1)
	}
}

func (c *conditionChecker) property(path string, n PropertyCondition) {
	if problem := textProblem(n.Property, 1, maxConditionName); problem != "" {
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

func (c *conditionChecker) event(path string, n EventCondition) {
	if problem := textProblem(n.EventName, 1, maxConditionName); problem != "" {
		c.report(path+".eventName", "%s", problem)
	}
	if strings.HasPrefix(n.EventName, "bucket:") {
		c.report(path+".eventName", "must not start with bucket:")
	}
	switch n.Check {
	case EventExists, EventNotExists:
		if n.Operator != "" {
			c.report(path+".operator", "is not taken by %s", n.Check)
		}
		if n.Value != nil {
			c.report(path+".value", "is not taken by %s", n.Check)
		}
	case EventCount:
		if !slices.Contains([]PropertyOperator{Eq, Gt, Gte, Lt, Lte}, n.Operator) {
			c.report(path+".operator", "must be eq, gt, gte, lt or lte")
		}
		k, ok := CountValue(n.Value)
		if !ok {
			c.report(path+".value", "must be a whole number from 0 to %d", maxCount)
		}
		if ok && k == 0 && n.Operator == Lt {
			c.report(path+".value", "no count is less than 0")
		}
	default:
		c.report(path+".check", "must be exists, not_exists or count")
	}
	if n.Within == nil {
		return
	}
	if *n.Within <= 0 || *n.Within > maxWithin || *n.Within%time.Millisecond != 0 {
		c.report(path+".within", "must be from 1 ms to %d days, in whole milliseconds", maxWithin/Day)
	}
}

func (c *conditionChecker) email(path string, n EmailCondition) {
	if problem := textProblem(n.TemplateKey, 1, maxConditionName); problem != "" {
		c.report(path+".templateKey", "%s", problem)
	} else if c.templates != nil && !c.templates(n.TemplateKey) {
		c.report(path+".templateKey", "there is no template %q", n.TemplateKey)
	}
	if !slices.Contains([]EmailCheck{EmailOpened, EmailClicked, EmailNotOpened, EmailNotClicked}, n.Check) {
		c.report(path+".check", "must be opened, clicked, not_opened or not_clicked")
	}
}

// CountValue is the value of a count in its plain form, an int, whatever Go type the
// author wrote. ok is false for what is not a whole number from 0 to 1,000,000.
func CountValue(value any) (k int, ok bool) {
	plain, _ := ConditionValue(value)
	number, ok := plain.(float64)
	if !ok || number < 0 || number > maxCount || number != math.Trunc(number) {
		return 0, false
	}
	return int(number), true
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
		case EventCondition:
			if value, ok := CountValue(n.Value); ok {
				n.Value = value
			}
			if n.Within != nil {
				within := *n.Within
				n.Within = &within
			}
			conditions[i] = n
		case CompositeCondition:
			n.Conditions = plainConditions(n.Conditions)
			conditions[i] = n
		}
	}
	return conditions
}
