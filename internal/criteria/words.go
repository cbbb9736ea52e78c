package criteria

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// Said is a condition in words: of a leaf a sentence whose subject is a person, of what
// joins others a line with the others below.
type Said struct {
	Text  string
	Below []Said
}

// Words say a tree as people would, to be read as a list.
func Words(c condition.Condition) Said {
	n, joins := c.(condition.Composite)
	if !joins {
		return Said{Text: leafWords(c)}
	}
	if n.Operator == condition.Not && len(n.Conditions) == 1 {
		if _, deep := n.Conditions[0].(condition.Composite); !deep {
			return Said{Text: "not: " + leafWords(n.Conditions[0])}
		}
	}
	if len(n.Conditions) == 1 && n.Operator != condition.Not {
		return Words(n.Conditions[0])
	}
	said := Said{Text: map[condition.Join]string{condition.And: "all of these hold", condition.Or: "at least one of these holds", condition.Not: "not"}[n.Operator]}
	for _, child := range n.Conditions {
		said.Below = append(said.Below, Words(child))
	}
	return said
}

// Sentence is a tree in one line, for where there is no room for a list.
func (s Said) Sentence() string {
	if len(s.Below) == 0 {
		return s.Text
	}
	parts := make([]string, len(s.Below))
	for i, b := range s.Below {
		if parts[i] = b.Sentence(); len(b.Below) > 1 {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	switch s.Text {
	case "not":
		return "not " + strings.Join(parts, ", ")
	case "at least one of these holds":
		return strings.Join(parts, " or ")
	}
	return strings.Join(parts, " and ")
}

func leafWords(c condition.Condition) string {
	switch n := c.(type) {
	case condition.Property:
		return n.Property + " " + operatorWords(n.Operator, n.Value)
	case condition.Event:
		return eventWords(n)
	case condition.Email:
		mail := " the newest mail " + quoted(n.TemplateKey)
		switch n.Check {
		case condition.EmailOpened:
			return "opened" + mail
		case condition.EmailClicked:
			return "clicked a link in" + mail
		case condition.EmailNotOpened:
			return "got and did not open" + mail
		case condition.EmailNotClicked:
			return "got and clicked no link in" + mail
		}
	case condition.InBucket:
		return "is in the bucket " + n.BucketID
	case condition.SameAsTrigger:
		return n.Property + " is the same as " + n.TriggerProperty + " of the event that began it"
	}
	return fmt.Sprintf("%v", c)
}

// operatorWords say what is asked of a value.
func operatorWords(op condition.Operator, value any) string {
	switch op {
	case condition.Eq:
		return "is " + valueWords(value)
	case condition.Neq:
		return "is not " + valueWords(value)
	case condition.Gt:
		return "is more than " + valueWords(value)
	case condition.Gte:
		return "is at least " + valueWords(value)
	case condition.Lt:
		return "is less than " + valueWords(value)
	case condition.Lte:
		return "is at most " + valueWords(value)
	case condition.Exists:
		return "is known"
	case condition.NotExists:
		return "is not known"
	case condition.Contains:
		return "contains " + valueWords(value)
	}
	return strings.TrimSpace(strings.ReplaceAll(string(op), "_", " ") + " " + valueWords(value))
}

func quoted(s string) string { return `"` + s + `"` }

func valueWords(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return quoted(v)
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(value)
}

func eventWords(e condition.Event) string {
	what := e.EventName + whereWords(e.Where)
	during := ""
	if e.Within != nil {
		during = " in the last " + LengthWords(*e.Within)
	}
	switch e.Check {
	case condition.EventExists:
		return "did " + what + during
	case condition.EventNotExists:
		if during == "" {
			return "never did " + what
		}
		return "did not do " + what + during
	case condition.EventCount:
		return "did " + what + " " + timesWords(e.Operator, valueWords(e.Value)) + during
	case condition.EventSum:
		return "the sum of " + e.Property + " over " + what + during + " " + operatorWords(e.Operator, e.Value)
	case condition.EventDistinct:
		return "the number of different " + e.Property + " in " + what + during + " " + operatorWords(e.Operator, e.Value)
	}
	return what + during
}

func timesWords(op condition.Operator, n string) string {
	times := n + " times"
	if n == "1" {
		times = "once"
	}
	switch op {
	case condition.Gt:
		return "more than " + times
	case condition.Gte:
		return "at least " + times
	case condition.Lt:
		return "less than " + times
	case condition.Lte:
		return "at most " + times
	}
	return "exactly " + times
}

func whereWords(where []condition.Condition) string {
	if len(where) == 0 {
		return ""
	}
	return " (where " + Words(condition.Composite{Operator: condition.And, Conditions: where}).Sentence() + ")"
}

// LengthWords is a length of time in the largest unit that says it without rest.
func LengthWords(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		word   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d < unit.length || d%unit.length != 0 {
			continue
		}
		if n := d / unit.length; n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.word)
		}
		return "1 " + unit.word
	}
	return d.String()
}
