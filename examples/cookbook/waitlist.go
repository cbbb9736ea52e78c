package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// WaitlistProps are what the invitation says.
type WaitlistProps struct {
	Reminder bool `json:"reminder"`
}

// The mails of the waiting list.
var (
	Waiting = hogsend.For[struct{}](hogsend.Template{
		Key: "waitlist", Subject: "You are on the list", HTML: `<p>Hello {{.Name}}, we write as soon as there is a place.</p>`,
	})
	Invited = hogsend.For[WaitlistProps](hogsend.Template{
		Key: "invited", Subject: "{{if .Props.Reminder}}Two days left: {{end}}your place is ready",
		HTML: `<p>Hello {{.Name}}, come in.</p><mail-button href="https://example.com/join">Join</mail-button>`,
	})
)

// Waitlist confirms, waits for a place as long as it takes, and gives it to the next one
// when it is not taken within five days.
var Waitlist = hogsend.Journey{
	ID: "waitlist", Name: "Waiting list",
	Trigger:    hogsend.On("waitlist.joined"),
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "account.created"}, {Event: "waitlist.left"}},
	Run:        waitlist,
}

func waitlist(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, Waiting.With(struct{}{})); err != nil {
		return err
	}
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "waitlist.place", Timeout: hogsend.Forever}); err != nil {
		return err
	}
	if _, err := run.Send(ctx, Invited.With(WaitlistProps{})); err != nil {
		return err
	}
	if err := run.Sleep(ctx, 3*hogsend.Day, "until-reminder"); err != nil {
		return err
	}
	if _, err := run.Send(ctx, Invited.With(WaitlistProps{Reminder: true})); err != nil {
		return err
	}
	if err := run.Sleep(ctx, 2*hogsend.Day, "until-end"); err != nil {
		return err
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "waitlist.passed"})
}
