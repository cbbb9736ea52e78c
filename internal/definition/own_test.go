package definition_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

type billing struct{}

func (billing) Create(context.Context, int) (string, error) { return "", nil }

func (*billing) Cancel(context.Context) error { return nil }

func ping(context.Context) error { return nil }

func child(workflow.Context) error { return nil }

func TestActivitiesOfTheAuthorsAreFunctionsAndMethodsWithNamesOfTheirOwn(t *testing.T) {
	t.Parallel() // J-164
	r := hogsend.Registry{Journeys: []hogsend.Journey{{ID: "a", Activities: []string{"Create", "Cancel"}}}}
	require.NoError(t, definition.CheckOwn(r, []hogsend.Activity{
		{Name: "Create", Func: billing{}.Create}, {Name: "Cancel", Func: (&billing{}).Cancel}, {Name: "ping", Func: ping},
	}, []hogsend.Workflow{{Name: "Child", Func: child}}))
}

func TestEveryProblemOfTheAuthorsActivitiesIsToldAtOnce(t *testing.T) {
	t.Parallel() // J-164
	literal := func(context.Context) error { return nil }
	r := hogsend.Registry{Journeys: []hogsend.Journey{{ID: "a", Activities: []string{"Pnig"}}}}
	err := definition.CheckOwn(r, []hogsend.Activity{
		{Name: "Ping", Func: ping},
		{Name: "Ping", Func: ping},
		{Name: "", Func: ping},
		{Name: strings.Repeat("x", 201), Func: ping},
		{Name: "journey-x", Func: ping},
		{Name: "bucket-x", Func: ping},
		{Name: "hogsendPing", Func: ping},
		{Name: "Send", Func: ping},
		{Name: "CheckCall", Func: ping},
		{Name: "Nil"},
		{Name: "NilFunc", Func: (func(context.Context) error)(nil)},
		{Name: "Text", Func: "text"},
		{Name: "Literal", Func: literal},
		{Name: "NoContext", Func: func() error { return nil }},
		{Name: "NoError", Func: func(context.Context) string { return "" }},
		{Name: "Three", Func: func(context.Context, int, int) error { return nil }},
		{Name: "Many", Func: func(context.Context, ...int) error { return nil }},
	}, []hogsend.Workflow{{Name: "Method", Func: billing{}.Create}, {Name: "Literal", Func: func(workflow.Context) error { return nil }}, {Name: "Child", Func: child}, {Name: "Child", Func: child}})
	require.Error(t, err)
	const form = "must be func(context.Context[, In]) ([Out, ]error)"
	require.Equal(t, []string{
		`activity "": Name: must have 1 to 200 characters`,
		`activity "CheckCall": Name: is the name of an activity of hogsend's own`,
		`activity "Literal": Func: must be a named function or a method, not a literal`,
		`activity "Many": Func: ` + form,
		`activity "Nil": Func: must be a function`,
		`activity "NilFunc": Func: must be a function`,
		`activity "NoContext": Func: ` + form,
		`activity "NoError": Func: ` + form,
		`activity "Ping": Name: is used twice`,
		`activity "Send": Name: is the name of an activity of hogsend's own`,
		`activity "Text": Func: must be a function`,
		`activity "Three": Func: ` + form,
		`activity "bucket-x": Name: names that begin with "bucket-" are hogsend's own`,
		`activity "hogsendPing": Name: names that begin with "hogsend" are hogsend's own`,
		`activity "journey-x": Name: names that begin with "journey-" are hogsend's own`,
		`activity "` + strings.Repeat("x", 201) + `": Name: must have 1 to 200 characters`,
		`journey a: Activities.0: there is no activity "Pnig", did you mean "Ping"?`,
		`workflow "Child": Name: is used twice`,
		`workflow "Literal": Func: must be a named top-level function, not a literal or a method`,
		`workflow "Method": Func: must be a named top-level function, not a literal or a method`,
	}, strings.Split(err.Error(), "\n"))
}
