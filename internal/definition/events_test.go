package definition

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// J-170: what of an event is not as it was declared.
func TestEventsAreComparedWithTheirDeclaration(t *testing.T) {
	t.Parallel()
	e := NewEvents(hogsend.Registry{Events: []hogsend.EventType{{Name: "paid", Properties: []hogsend.EventProperty{
		{Name: "id", Type: hogsend.StringProperty, Required: true},
		{Name: "total", Type: hogsend.NumberProperty},
		{Name: "on", Type: hogsend.DateProperty},
		{Name: "first", Type: hogsend.BoolProperty},
		{Name: "tags", Type: hogsend.ListProperty},
		{Name: "card", Type: hogsend.ObjectProperty},
		{Name: "any"},
	}}, {Name: "free"}}})
	for properties, want := range map[string][]Mismatch{
		`{"id":"1","total":1234567890123456789,"on":"2026-03-01","first":false,"tags":[],"card":{},"any":[1],"more":1}`: nil,
		`{"id":"1","on":"2026-03-01T09:00:00+01:00","total":null}`:                                                      nil,
		``:            {{"id", "is missing, and paid is declared with it"}},
		`{"id":null}`: {{"id", "is missing, and paid is declared with it"}},
		`{"id":1,"total":"1","on":"01.03.2026","first":"true","tags":{},"card":[]}`: {
			{"id", "is declared as string, not number"},
			{"total", "is declared as number, not string"},
			{"on", "is declared as date, such as 2026-03-01 or 2026-03-01T09:00:00Z"},
			{"first", "is declared as bool, not string"},
			{"tags", "is declared as list, not object"},
			{"card", "is declared as object, not list"},
		},
		`{"id":"1","on":20260301}`: {{"on", "is declared as date, not number"}},
		`[]`:                       nil, // refused elsewhere
	} {
		require.Equal(t, want, e.Mismatches("paid", json.RawMessage(properties)), properties)
	}
	require.Empty(t, e.Mismatches("free", json.RawMessage(`{"id":1}`)))
	require.Equal(t, `is not among the declared events, did you mean "paid"?`, e.Undeclared("pad"))
	for _, name := range []string{"paid", "free", "journey:completed", "bucket:entered:x", "email.opened"} {
		require.Empty(t, e.Undeclared(name))
	}
	var none *Events
	for _, e := range []*Events{none, NewEvents(hogsend.Registry{})} {
		require.Empty(t, e.Undeclared("whatever"))
		require.Empty(t, e.Mismatches("whatever", nil))
	}
}
