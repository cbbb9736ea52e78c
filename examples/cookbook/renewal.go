package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// RenewalProps are what the mail about a renewal says.
type RenewalProps struct {
	RenewsAt string `json:"renewsAt"`
}

// RenewalAhead is the mail about a renewal.
var RenewalAhead = hogsend.For[RenewalProps](hogsend.Template{
	Key: "renewal", Subject: `Your plan renews on {{local .Props.RenewsAt "January 2"}}`,
	HTML: `<p>Hello {{.Name}}, you can change or cancel it until then.</p><mail-button href="https://example.com/plan" kind="quiet">See your plan</mail-button>`,
})

// Renewal tells of a renewal 30 days ahead, at nine in the morning, and again a week
// ahead. The day follows the property renewsAt of the contact.
var Renewal = hogsend.Journey{
	ID: "renewal", Name: "Renewal by date",
	Trigger:    hogsend.OnDate("renewsAt").Before(30 * hogsend.Day).At("9:00"),
	EntryLimit: hogsend.Unlimited,
	Audience:   hogsend.Prop("autoRenew").Eq(true),
	ExitOn:     []hogsend.Exit{{Event: "subscription.canceled"}},
	Run:        renewal,
}

func renewal(ctx workflow.Context, run hogsend.Run) error {
	renewsAt, _ := run.Event().Properties.String("value") // a date, as the trigger saw to it
	mail := RenewalAhead.With(RenewalProps{RenewsAt: renewsAt})
	if _, err := run.Send(ctx, mail); err != nil {
		return err
	}
	if err := run.Sleep(ctx, 23*hogsend.Day, "until-last-week"); err != nil {
		return err
	}
	_, err := run.Send(ctx, mail)
	return err
}
