package saas

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// WentDormant holds people who used the boards once, but not in the last week. They
// get one mail on the way in, one after two more weeks, and none if they come back.
var WentDormant = hogsend.Bucket{
	ID: "went-dormant", Name: "Went dormant",
	Description: "Used the boards once, but not in the last 7 days",
	Criteria: hogsend.All(
		hogsend.Event("app.active").Exists(),
		hogsend.Event("app.active").Within(7*hogsend.Day).NotExists(),
	),
	Reactions: []hogsend.Reaction{
		hogsend.OnEnter(winBack, hogsend.FirstEntryOnly(), hogsend.ReactionExitsOn(hogsend.Exit{Event: "app.active"})),
		hogsend.OnDwell(hogsend.After(14*hogsend.Day), lastCall),
		hogsend.OnLeave(welcomeBack),
	},
}

// PowerUsers opened the boards ten times within a week.
var PowerUsers = hogsend.Bucket{
	ID: "power-users", Name: "Power users",
	Description: "10 sessions in 7 days",
	Criteria:    hogsend.Event("app.active").Within(7 * hogsend.Day).AtLeast(10),
	MinDwell:    hogsend.Day, // who pauses for a day is still one
	EntryLimit:  hogsend.Once,
}

func winBack(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: TemplateWinBack})
	return err
}

func lastCall(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: TemplateLastCall})
	return err
}

// welcomeBack tells the rest of the product who came back, by an event that other
// journeys may take as their trigger.
func welcomeBack(ctx workflow.Context, run hogsend.Run) error {
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "user.returned", Properties: hogsend.Properties{"stay": run.Membership().EntryCount}})
}
