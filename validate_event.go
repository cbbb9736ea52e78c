package hogsend

import (
	"fmt"
	"slices"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/naming"
)

// eventTypes checks what is declared, by itself.
func (v *registryValidator) eventTypes(all []EventType) {
	for _, t := range all {
		report := func(format string, args ...any) {
			v.problems = append(v.problems, fmt.Sprintf("event %q: %s", t.Name, fmt.Sprintf(format, args...)))
		}
		if problem := naming.Problem(t.Name, 1, 200); problem != "" {
			report("Name: %s", problem)
		}
		if naming.Reserved(t.Name) {
			report("Name: is an event of hogsend's own, which needs no declaration")
		}
		if _, twice := v.types[t.Name]; twice {
			report("Name: is declared twice")
		}
		if v.types == nil {
			v.types = map[string]EventType{}
		}
		v.types[t.Name], v.declared = t, append(v.declared, t.Name)
		for i, p := range t.Properties {
			if problem := naming.Problem(p.Name, 1, 200); problem != "" {
				report("Properties.%d.Name: %s", i, problem)
			}
			if !p.Type.Valid() {
				report("Properties.%d.Type: must be string, number, bool, date, list or object", i)
			}
			if slices.ContainsFunc(t.Properties[:i], func(earlier EventProperty) bool { return earlier.Name == p.Name }) {
				report("Properties.%d.Name: %q is declared twice", i, p.Name)
			}
		}
	}
}

// declaredEvent refuses names that are not declared, where names are.
func (v *registryValidator) declaredEvent(field, name string, report func(field, format string, args ...any)) {
	if _, ok := v.types[name]; len(v.types) == 0 || ok || name == "" || naming.Reserved(name) {
		return
	}
	report(field, "%q is not among Registry.Events%s", name, naming.Suggestion(name, v.declared))
}

// declaredProperty refuses properties that a declared event never has.
func (v *registryValidator) declaredProperty(field, event, property string, report func(field, format string, args ...any)) (EventProperty, bool) {
	t := v.types[event]
	if len(t.Properties) == 0 || property == "" {
		return EventProperty{}, false
	}
	p, ok := t.property(property)
	if !ok {
		var known []string
		for _, p := range t.Properties {
			known = append(known, p.Name)
		}
		report(field, "%s is declared without the property %q%s", event, property, naming.Suggestion(property, known))
	}
	return p, ok
}

// declaredConditions refuses conditions on an event that no declared one ever meets;
// trigger is that of the journey, if they may ask for it.
func (v *registryValidator) declaredConditions(field, event, trigger string, where []Condition, report func(field, format string, args ...any)) {
	for _, tree := range where {
		condition.Walk(tree, func(leaf Condition, _ bool) {
			switch n := leaf.(type) {
			case condition.SameAsTrigger:
				v.declaredProperty(field, event, n.Property, report)
				v.declaredProperty(field, trigger, n.OfTrigger(), report)
			case condition.Property:
				if p, ok := v.declaredProperty(field, event, n.Property, report); ok && !p.Type.meets(n) {
					report(field, "%s is declared as %s: %s never holds", n.Property, p.Type, n.Operator)
				}
			}
		})
	}
}

// declaredCriteria does so for all events that criteria name.
func (v *registryValidator) declaredCriteria(field string, tree Condition, report func(field, format string, args ...any)) {
	if tree == nil {
		return
	}
	condition.Walk(tree, func(leaf Condition, _ bool) {
		n, ok := leaf.(condition.Event)
		if !ok {
			return
		}
		v.declaredEvent(field, n.EventName, report)
		v.declaredConditions(field, n.EventName, "", n.Where, report)
		if p, ok := v.declaredProperty(field, n.EventName, n.Property, report); ok && n.Check == condition.EventSum && p.Type != "" && p.Type != NumberProperty {
			report(field, "%s is declared as %s: its sum is always 0", n.Property, p.Type)
		}
	})
}

// meets reports whether a condition can hold of values of the type.
func (t PropertyType) meets(n condition.Property) bool {
	if t == "" {
		return true
	}
	switch n.Operator {
	case condition.Gt, condition.Gte, condition.Lt, condition.Lte:
		return t == NumberProperty
	case condition.Contains:
		return t == StringProperty || t == ListProperty || t == DateProperty
	case condition.Before, condition.After, condition.InNext, condition.InLast:
		return t == StringProperty || t == DateProperty
	case condition.Eq:
		switch value, _ := condition.PlainValue(n.Value); value.(type) {
		case string:
			return t == StringProperty || t == DateProperty
		case bool:
			return t == BoolProperty
		}
		return t == NumberProperty
	}
	return true
}
