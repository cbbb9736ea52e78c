package hogsendtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

func remindsAndListens(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "reminded", Properties: hogsend.Properties{"times": "1"}}); err != nil {
		return err
	}
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "remindd"}); err != nil {
		return err
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "payed", Timeout: time.Hour})
	return err
}

// J-170, T-43: an event that is not declared is a problem of the script, wherever it is
// sent or looked out for, and so is one with other properties.
func TestUndeclaredEventsAreProblemsOfAScript(t *testing.T) {
	t.Parallel()
	types := []hogsend.EventType{
		{Name: "go", Properties: []hogsend.EventProperty{{Name: "plan", Type: hogsend.StringProperty, Required: true}}},
		{Name: "paid"},
		{Name: "reminded", Properties: []hogsend.EventProperty{{Name: "times", Type: hogsend.NumberProperty}}},
	}
	play := func(change func(s *hogsendtest.Scenario)) string {
		return failure(t, func(x hogsendtest.T) {
			registry := registryOf(path(remindsAndListens))
			registry.Events = types
			s := hogsendtest.New(x, registry)
			s.Quick()
			person := s.Contact(ada())
			person.At(0, "go", hogsend.Properties{"plan": 7})
			person.At(time.Minute, "paidd")
			s.Unheard("paidd")
			change(s)
			s.Run()
		})
	}
	got := play(func(*hogsendtest.Scenario) {})
	for _, want := range []string{
		`an undeclared event: "paidd" is not among the declared events, did you mean "paid"?`,
		`an undeclared event: "payed" is not among the declared events, did you mean "paid"?`,
		`an undeclared event: "remindd" is not among the declared events, did you mean "reminded"?`,
		`an undeclared event: "go": the property plan is declared as string, not number`,
		`an undeclared event: "reminded": the property times is declared as number, not string`,
	} {
		require.Contains(t, got, want)
	}
	require.Empty(t, play(func(s *hogsendtest.Scenario) {
		for _, name := range []string{"paidd", "payed", "remindd", "go", "reminded"} {
			s.Allow(hogsendtest.UndeclaredEvent, name)
		}
	}))
	types = nil
	require.Empty(t, play(func(*hogsendtest.Scenario) {}), "without a declaration every name may come")
}
