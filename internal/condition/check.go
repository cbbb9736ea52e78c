package condition

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/naming"
)

// Problem is one breach of the rules for conditions. Path leads into the
// tree, for example "1.conditions.0.value".
type Problem struct{ Path, Message string }

// The limits of a criteria tree (C-18).
const (
	maxLevels = 16
	maxLeaves = 100
	maxName   = 200
	maxCount  = 1_000_000
	maxWithin = 3650 * 24 * time.Hour
)

// CheckList reports every problem of a list of property conditions, as
// triggers, exits and waits take it (J-7, C-18). Nil means the list is valid.
func CheckList(conditions []Condition) []Problem {
	c := checker{}
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
func CheckCriteria(tree Condition, templates func(key string) bool) []Problem {
	c := checker{criteria: true, templates: templates}
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
	Walk(tree, func(leaf Condition, negated bool) {
		found = found || PolarityOf(leaf, negated) != Negative
	})
	return found
}

type checker struct {
	problems []Problem
	leaves   int
	// criteria allows what only buckets take: conditions on events and mails.
	criteria  bool
	templates func(key string) bool
	// audience allows what only audiences take, related what only enrollments do.
	audience, related bool
	// counted is set within the conditions on counted events.
	counted bool
	buckets func(id string) bool
}

func (c *checker) report(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) size(path string) {
	if c.leaves > maxLeaves {
		c.report(path, "has more than %d conditions", maxLeaves)
	}
}

func (c *checker) check(path string, condition Condition, level int) {
	if level > maxLevels {
		c.report(path, "is nested deeper than %d levels", maxLevels)
		return
	}
	switch n := condition.(type) {
	case Composite:
		c.composite(path, n, level)
		return
	case nil:
		c.report(path, "is missing")
		return
	}
	c.leaves++
	switch n := condition.(type) {
	case Property:
		c.property(path, n)
		return
	case Event:
		if c.criteria {
			c.event(path, n, level)
			return
		}
	case Email:
		if c.criteria {
			c.email(path, n)
			return
		}
	case InBucket:
		c.inBucket(path, n)
		return
	case SameAsTrigger:
		c.sameAsTrigger(path, n)
		return
	}
	if c.criteria {
		c.report(path, "is not a condition")
		return
	}
	if c.counted {
		c.report(path, "is not a condition on a property")
		return
	}
	c.report(path, "is not a condition on a property of the event; conditions on the contact belong to Audience")
}

func (c *checker) composite(path string, n Composite, level int) {
	if n.Operator != And && n.Operator != Or && n.Operator != Not {
		c.report(path+".operator", "must be and, or or not")
	}
	if n.Operator == Not && len(n.Conditions) != 1 {
		c.report(path+".conditions", "not takes exactly one condition")
	}
	for i, child := range n.Conditions {
		c.check(path+".conditions."+strconv.Itoa(i), child, level+1)
	}
}

func (c *checker) property(path string, n Property) {
	if problem := naming.Problem(n.Property, 1, maxName); problem != "" {
		c.report(path+".property", "%s", problem)
	}
	if n.Within != nil && !n.Relative() {
		c.report(path+".within", "is not taken by %s", n.Operator)
	}
	if n.Dated() {
		c.date(path, n)
		return
	}
	value, ok := PlainValue(n.Value)
	if _, number := value.(json.Number); number && !ok {
		c.report(path+".value", "must not have more than %d digits", longest)
		return
	}
	if text, isText := value.(string); isText && !naming.Storable(text) {
		c.report(path+".value", "must be valid UTF-8 without U+0000")
	}
	switch n.Operator {
	case Eq, Neq:
		if !ok {
			c.report(path+".value", "must be a string, a number or a bool")
		}
	case Gt, Gte, Lt, Lte:
		if _, number := value.(json.Number); !number {
			c.report(path+".value", "must be a number")
		}
	case Contains:
		if !ok {
			c.report(path+".value", "must be a string, a number or a bool")
		}
	case Exists, NotExists:
		if n.Value != nil {
			c.report(path+".value", "is not taken by %s", n.Operator)
		}
	default:
		c.report(path+".operator", "is unknown: %q", n.Operator)
	}
}

func (c *checker) event(path string, n Event, level int) {
	if problem := naming.Problem(n.EventName, 1, maxName); problem != "" {
		c.report(path+".eventName", "%s", problem)
	}
	for _, prefix := range []string{"bucket:", "hogsend:"} {
		if strings.HasPrefix(n.EventName, prefix) {
			c.report(path+".eventName", "must not start with %s", prefix)
		}
	}
	switch n.Check {
	case EventExists, EventNotExists:
		if n.Operator != "" {
			c.report(path+".operator", "is not taken by %s", n.Check)
		}
		if n.Value != nil {
			c.report(path+".value", "is not taken by %s", n.Check)
		}
	case EventCount, EventSum, EventDistinct:
		c.compared(path, n)
	default:
		c.report(path+".check", "must be exists, not_exists, count, sum or distinct")
	}
	c.eventProperty(path, n)
	c.where(path, n.Where, level)
	if n.Within != nil {
		c.within(path, *n.Within)
	}
}

// compared checks operator and value of a count, a sum or a number of different values.
func (c *checker) compared(path string, n Event) {
	if !slices.Contains(comparisons, n.Operator) {
		c.report(path+".operator", "must be eq, gt, gte, lt or lte")
	}
	limit, ok := n.Limit()
	switch {
	case !ok && n.Check == EventSum:
		c.report(path+".value", "must be a number of at most %d digits", longest)
	case !ok:
		c.report(path+".value", "must be a whole number from 0 to %d", maxCount)
	case n.Check != EventSum && limit.sign() == 0 && n.Operator == Lt:
		c.report(path+".value", "no count is less than 0")
	}
}

func (c *checker) eventProperty(path string, n Event) {
	if n.Check != EventSum && n.Check != EventDistinct {
		if n.Property != "" {
			c.report(path+".property", "is not taken by %s", n.Check)
		}
		return
	}
	if problem := naming.Problem(n.Property, 1, maxName); problem != "" {
		c.report(path+".property", "%s", problem)
	}
}

// where checks the conditions on the properties of counted events: what a trigger takes,
// and no more (C-28).
func (c *checker) where(path string, conditions []Condition, level int) {
	outer := *c
	c.criteria, c.audience, c.counted = false, false, true
	for i, condition := range conditions {
		c.check(path+".where."+strconv.Itoa(i), condition, level+1)
	}
	c.criteria, c.audience, c.counted = outer.criteria, outer.audience, outer.counted
}

func (c *checker) within(path string, d time.Duration) {
	if d <= 0 || d > maxWithin || d%time.Millisecond != 0 {
		c.report(path+".within", "must be from 1 ms to %d days, in whole milliseconds", maxWithin/(24*time.Hour))
	}
}

func (c *checker) email(path string, n Email) {
	if problem := naming.Problem(n.TemplateKey, 1, maxName); problem != "" {
		c.report(path+".templateKey", "%s", problem)
	} else if c.templates != nil && !c.templates(n.TemplateKey) {
		c.report(path+".templateKey", "there is no template %q", n.TemplateKey)
	}
	if !slices.Contains([]EmailCheck{EmailOpened, EmailClicked, EmailNotOpened, EmailNotClicked}, n.Check) {
		c.report(path+".check", "must be opened, clicked, not_opened or not_clicked")
	}
}
