package hogsend

import "slices"

// EventType declares an event that the product sends, in [Registry.Events].
type EventType struct {
	// Name is the event's name, exactly: 1 to 200 characters.
	Name string
	// Properties are those that it has. None says nothing about properties; with one or
	// more, an event may still have others, but triggers, exits, keys and criteria name only
	// these.
	Properties []EventProperty
}

// EventProperty is a property of an event, at the top level of its properties.
type EventProperty struct {
	Name string
	// Type is what its values are; "" means anything.
	Type PropertyType
	// Required says that the event always has it, other than null.
	Required bool
}

// PropertyType is what the values of a property are.
type PropertyType string

// The types of properties.
const (
	StringProperty PropertyType = "string"
	NumberProperty PropertyType = "number"
	BoolProperty   PropertyType = "bool"
	// DateProperty is a string such as "2026-03-01" or an instant of RFC 3339 (S-42).
	DateProperty   PropertyType = "date"
	ListProperty   PropertyType = "list"
	ObjectProperty PropertyType = "object"
)

// Valid reports whether t is one of the types; "" is.
func (t PropertyType) Valid() bool {
	return slices.Contains([]PropertyType{"", StringProperty, NumberProperty, BoolProperty, DateProperty, ListProperty, ObjectProperty}, t)
}

// property is the declared one of that name; ok is false for none.
func (t EventType) property(name string) (p EventProperty, ok bool) {
	i := slices.IndexFunc(t.Properties, func(p EventProperty) bool { return p.Name == name })
	if i < 0 {
		return p, false
	}
	return t.Properties[i], true
}
