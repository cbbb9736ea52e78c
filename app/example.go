package app

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/naming"
)

// exampleEvent is an event of a product that a registry listens to.
type exampleEvent struct {
	Name       string
	Properties hogsend.Properties
	Journey    string // that it enters
}

// findExample is an event that enters a journey of the registry, preferably one that
// needs no properties, and of those user.created, which everybody understands.
func findExample(registry hogsend.Registry, enabledJourneys string) (best exampleEvent, ok bool) {
	enabled, _ := definition.EnabledJourneys(registry, enabledJourneys)
	rank := 0
	for i := range enabled {
		j := &enabled[i]
		if j.Disabled || j.Trigger.Recurrence != nil || naming.Reserved(j.Trigger.Event) {
			continue
		}
		properties, certain := exampleTrigger(j)
		r := 1
		switch {
		case j.Audience != nil: // whom it takes is not known here
		case len(properties) == 0 && certain && j.Trigger.Event == "user.created":
			r = 4
		case len(properties) == 0 && certain:
			r = 3
		case certain:
			r = 2
		}
		if r > rank {
			best, rank = exampleEvent{j.Trigger.Event, properties, j.ID}, r
		}
	}
	return best, rank > 0
}

// exampleTrigger are properties of an event that enters a journey: its conditions hold, and
// the object is named that the journey is about.
func exampleTrigger(j *hogsend.Journey) (properties hogsend.Properties, certain bool) {
	properties, certain = exampleProperties(j.Trigger.Conditions)
	if _, named := properties[j.Key]; j.Key != "" && !named {
		properties[j.Key] = "example-1"
	}
	return properties, certain
}

// exampleProperties are properties for which the conditions hold; certain is false where
// that could not be made sure of.
func exampleProperties(conditions []hogsend.Condition) (properties hogsend.Properties, certain bool) {
	properties, certain = hogsend.Properties{}, true
	for _, c := range conditions {
		switch c := c.(type) {
		case condition.Composite:
			of := c.Conditions
			if c.Operator == condition.Or && len(of) > 0 {
				of = of[:1]
			}
			if c.Operator == condition.Not { // the properties are left out, which may do
				certain = false
				continue
			}
			more, sure := exampleProperties(of)
			certain = certain && sure
			for name, value := range more {
				properties[name] = value
			}
		case condition.Property:
			value, ok := exampleValue(c)
			if _, twice := properties[c.Property]; twice || !ok {
				certain = false
			}
			if ok && value != nil {
				properties[c.Property] = value
			}
		default:
			certain = false
		}
	}
	return properties, certain
}

// exampleValue is one for which the condition holds; nil leaves the property out.
func exampleValue(c condition.Property) (value any, ok bool) {
	switch c.Operator {
	case condition.Eq, condition.Gte, condition.Lte, condition.Contains:
		return c.Value, true
	case condition.Exists:
		return true, true
	case condition.NotExists, condition.Neq:
		return nil, true
	case condition.Gt, condition.Lt:
		text, err := json.Marshal(c.Value)
		if err != nil {
			return nil, false
		}
		var n float64
		if err := json.Unmarshal(text, &n); err != nil || math.Abs(n) > 1<<50 {
			return nil, false
		}
		if c.Operator == condition.Gt {
			return math.Floor(n) + 1, true
		}
		return math.Ceil(n) - 1, true
	}
	return nil, false
}

// body is the event as POST /v1/events takes it.
func (e exampleEvent) body() string {
	item := struct {
		Name       string             `json:"name"`
		UserID     string             `json:"userId"`
		Email      string             `json:"email"`
		Properties hogsend.Properties `json:"eventProperties,omitempty"`
	}{e.Name, "ada", "ada@example.com", e.Properties}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(item); err != nil {
		return `{"name": "` + e.Name + `", "userId": "ada"}`
	}
	return strings.TrimSpace(b.String())
}

// shellWord is a text as one word of a shell.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
