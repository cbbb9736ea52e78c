package definition

import (
	"encoding/json"
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/zone"
)

// Events are those that a registry declares (J-170). The zero value, and nil, declare none:
// then every event is known.
type Events struct {
	types map[string]hogsend.EventType
	names []string
}

// NewEvents takes them from a valid registry.
func NewEvents(r hogsend.Registry) *Events {
	e := &Events{types: make(map[string]hogsend.EventType, len(r.Events))}
	for _, t := range r.Events {
		e.types[t.Name], e.names = t, append(e.names, t.Name)
	}
	return e
}

// Undeclared says that events are declared, and none of that name: "" if not. Events of
// hogsend's own need no declaration.
func (e *Events) Undeclared(name string) string {
	if e == nil || len(e.types) == 0 || naming.Reserved(name) {
		return ""
	}
	if _, ok := e.types[name]; ok {
		return ""
	}
	return "is not among the declared events" + naming.Suggestion(name, e.names)
}

// Mismatch is a property of an event that is not as it was declared.
type Mismatch struct{ Property, Message string }

// Mismatches compares the properties of an event, a JSON object or nothing, with its
// declaration.
func (e *Events) Mismatches(name string, properties json.RawMessage) (found []Mismatch) {
	if e == nil || len(e.types[name].Properties) == 0 {
		return nil
	}
	var given map[string]json.RawMessage
	if len(properties) > 0 && json.Unmarshal(properties, &given) != nil {
		return nil // of what is no object others tell
	}
	for _, p := range e.types[name].Properties {
		message := ""
		switch value, there := given[p.Name]; {
		case there && string(value) != "null":
			message = mismatch(p.Type, value)
		case p.Required:
			message = "is missing, and " + name + " is declared with it"
		}
		if message != "" {
			found = append(found, Mismatch{p.Name, message})
		}
	}
	return found
}

func mismatch(t hogsend.PropertyType, raw json.RawMessage) string {
	var value any
	if t == "" || json.Unmarshal(raw, &value) != nil {
		return ""
	}
	is := hogsend.ObjectProperty
	switch v := value.(type) {
	case string:
		is = hogsend.StringProperty
		if t == hogsend.DateProperty {
			if _, ok := zone.ParseDate(v); ok {
				return ""
			}
			return "is declared as date, such as 2026-03-01 or 2026-03-01T09:00:00Z"
		}
	case float64:
		is = hogsend.NumberProperty
	case bool:
		is = hogsend.BoolProperty
	case []any:
		is = hogsend.ListProperty
	}
	if is == t {
		return ""
	}
	return fmt.Sprintf("is declared as %s, not %s", t, is)
}
