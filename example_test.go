package hogsend_test

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// greet mails at once and nudges who did not try the product within two days.
func greet(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "welcome"}); err != nil {
		return err
	}
	used, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day})
	if err != nil || used != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Template: "nudge"})
	return err
}

func ExampleJourney() {
	welcome := hogsend.Journey{
		ID: "welcome", Name: "Welcome",
		Trigger:    hogsend.On("user.created").Where(hogsend.Prop("plan").Neq("internal")),
		EntryLimit: hogsend.Once,
		ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
		Templates:  []string{"welcome", "nudge"},
		Run:        greet,
	}
	registry := hogsend.Registry{
		Journeys:  []hogsend.Journey{welcome},
		Templates: []hogsend.Template{{Key: "welcome", Subject: "Hello"}, {Key: "nudge", Subject: "Still there?"}},
	}
	fmt.Println(registry.Validate())
	// Output: <nil>
}

// Everything that is wrong is told at once, by journey and field.
func ExampleRegistry_Validate() {
	err := hogsend.Registry{
		Journeys: []hogsend.Journey{{
			ID: "win-back", Name: "Win back",
			Trigger:     hogsend.On("journey:complete").Where(hogsend.Prop("orders").Gte("3")),
			EntryLimit:  hogsend.Once,
			EntryPeriod: 30 * hogsend.Day,
			Templates:   []string{"win-bak"},
			Run:         greet,
		}},
		Templates: []hogsend.Template{{Key: "win-back"}},
	}.Validate()
	fmt.Println(err)
	// Output:
	// journey win-back: EntryPeriod: must be positive and goes with OncePerPeriod only
	// journey win-back: Templates.0: there is no template "win-bak", did you mean "win-back"?
	// journey win-back: Trigger.Event: there is no event "journey:complete", did you mean "journey:completed"?
	// journey win-back: Trigger.Where.0.value: must be a number
}

func ExampleTrigger_Where() {
	paid := hogsend.On("order.paid")
	large := paid.Where(
		hogsend.Prop("total").Gte(100),
		hogsend.Any(hogsend.Prop("country").Eq("DE"), hogsend.Prop("coupon").NotExists()),
	)
	fmt.Println(len(paid.Conditions), len(large.Conditions))
	// Output: 0 2
}
