package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// ComeBack is the mail to who has not been here for a while.
var ComeBack = hogsend.For[struct{}](hogsend.Template{
	Key: "come-back", Subject: "We saved your work",
	HTML: `<p>Hello {{.Name}}, it is all still here.</p><mail-button href="https://example.com">Have a look</mail-button>`,
})

// Dormant holds who used the product once, but not within 30 days.
var Dormant = hogsend.Bucket{
	ID: "dormant", Name: "Dormant",
	Criteria: hogsend.All(
		hogsend.Event("app.opened").Exists(),
		hogsend.Event("app.opened").Within(30*hogsend.Day).NotExists(),
	),
	Reactions: []hogsend.Reaction{
		hogsend.OnEnter(winBack, hogsend.ReactionExitsOn(hogsend.Exit{Event: "subscription.canceled"})),
	},
}

// winBack mails nine of ten and holds one out; who returns within 14 days is told to
// PostHog with the arm, so that the mail's effect can be seen.
func winBack(ctx workflow.Context, run hogsend.Run) error {
	arm, err := run.Variant(ctx, "win-back", hogsend.Arm{Name: "mail", Weight: 9}, hogsend.Arm{Name: "holdout", Weight: 1})
	if err != nil {
		return err
	}
	if arm == "mail" {
		if _, err := run.Send(ctx, ComeBack.With(struct{}{})); err != nil {
			return err
		}
	}
	back, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "app.opened", Timeout: 14 * hogsend.Day})
	if err != nil {
		return err
	}
	return run.Capture(ctx, "win-back.ended", hogsend.Properties{"arm": arm, "returned": back != nil})
}
