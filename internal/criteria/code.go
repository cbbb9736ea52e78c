package criteria

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// Code is a tree as an author writes it in Go, which makes the same tree with the same hash
// (C-21).
func Code(c condition.Condition) string { return code(c, "") }

func code(c condition.Condition, indent string) string {
	switch n := c.(type) {
	case condition.Property:
		return propertyCode(n)
	case condition.Event:
		return eventCode(n, indent)
	case condition.Email:
		method := map[condition.EmailCheck]string{
			condition.EmailOpened: "Opened", condition.EmailClicked: "Clicked", condition.EmailNotOpened: "NotOpened", condition.EmailNotClicked: "NotClicked",
		}[n.Check]
		return "hogsend.EmailEngagement(" + strconv.Quote(n.TemplateKey) + ")." + method + "()"
	case condition.InBucket:
		return "hogsend.InBucket(" + strconv.Quote(n.BucketID) + ")"
	case condition.SameAsTrigger:
		if n.TriggerProperty == n.Property {
			return "hogsend.SameAsTrigger(" + strconv.Quote(n.Property) + ")"
		}
		return "hogsend.SameAsTrigger(" + strconv.Quote(n.Property) + ", " + strconv.Quote(n.TriggerProperty) + ")"
	case condition.Composite:
		if n.Operator == condition.Not && len(n.Conditions) == 1 {
			return "hogsend.Not(" + code(n.Conditions[0], indent) + ")"
		}
		name := "hogsend.All"
		if n.Operator == condition.Or {
			name = "hogsend.Any"
		}
		return name + "(" + listCode(n.Conditions, indent) + ")"
	}
	return fmt.Sprintf("/* %T */", c)
}

// listCode are conditions a line each.
func listCode(all []condition.Condition, indent string) string {
	var b strings.Builder
	b.WriteString("\n")
	for _, c := range all {
		b.WriteString(indent + "\t" + code(c, indent+"\t") + ",\n")
	}
	b.WriteString(indent)
	return b.String()
}

func propertyCode(n condition.Property) string {
	prop := "hogsend.Prop(" + strconv.Quote(n.Property) + ")."
	method, value := map[condition.Operator]string{
		condition.Eq: "Eq", condition.Neq: "Neq", condition.Gt: "Gt", condition.Gte: "Gte", condition.Lt: "Lt", condition.Lte: "Lte", condition.Contains: "Contains",
		condition.Exists: "Exists", condition.NotExists: "NotExists", condition.InNext: "InNext", condition.InLast: "InLast", condition.Before: "Before", condition.After: "After",
	}[n.Operator], ""
	switch {
	case n.Within != nil:
		value = durationCode(*n.Within)
	case n.Operator == condition.Exists || n.Operator == condition.NotExists:
	case n.Dated():
		at, _ := n.Instant() // it is valid
		value = timeCode(at.UTC())
	default:
		value = valueCode(n.Value)
	}
	return prop + method + "(" + value + ")"
}

func eventCode(n condition.Event, indent string) string {
	out := "hogsend.Event(" + strconv.Quote(n.EventName) + ")"
	if len(n.Where) == 1 {
		out += ".Where(" + code(n.Where[0], indent) + ")"
	} else if len(n.Where) > 1 {
		out += ".Where(" + listCode(n.Where, indent) + ")"
	}
	if n.Within != nil {
		out += ".Within(" + durationCode(*n.Within) + ")"
	}
	compared := map[condition.Operator]string{condition.Eq: "Eq", condition.Gt: "Gt", condition.Gte: "Gte", condition.Lt: "Lt", condition.Lte: "Lte"}[n.Operator]
	switch n.Check {
	case condition.EventExists:
		return out + ".Exists()"
	case condition.EventNotExists:
		return out + ".NotExists()"
	case condition.EventSum:
		return out + ".Sum(" + strconv.Quote(n.Property) + ")." + compared + "(" + valueCode(n.Value) + ")"
	case condition.EventDistinct:
		return out + ".Distinct(" + strconv.Quote(n.Property) + ")." + compared + "(" + valueCode(n.Value) + ")"
	}
	counted := map[condition.Operator]string{condition.Eq: "Exactly", condition.Gt: "MoreThan", condition.Gte: "AtLeast", condition.Lt: "LessThan", condition.Lte: "AtMost"}[n.Operator]
	return out + "." + counted + "(" + valueCode(n.Value) + ")"
}

func valueCode(value any) string {
	plain, _ := condition.PlainValue(value)
	switch v := plain.(type) {
	case string:
		return strconv.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		if _, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return v.String()
		}
		if f, err := strconv.ParseFloat(v.String(), 64); err == nil {
			if again, _ := condition.PlainValue(f); again == plain {
				return v.String()
			}
		}
		return "json.Number(" + strconv.Quote(v.String()) + ")"
	}
	return "nil"
}

// durationCode is a length of time in the largest unit that says it without rest.
func durationCode(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "hogsend.Day"}, {time.Hour, "time.Hour"}, {time.Minute, "time.Minute"}, {time.Second, "time.Second"}} {
		switch n := d / unit.length; {
		case d%unit.length != 0 || n == 0:
		case n == 1:
			return unit.name
		default:
			return strconv.FormatInt(int64(n), 10) + " * " + unit.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " * time.Millisecond"
}

func timeCode(at time.Time) string {
	return fmt.Sprintf("time.Date(%d, %d, %d, %d, %d, %d, %d, time.UTC)", at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond())
}
