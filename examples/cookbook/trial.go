package cookbook

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// TrialProps are what the mails of a trial say.
type TrialProps struct {
	Ends time.Time `json:"ends"`
}

// The mails of a trial.
var (
	TrialStarted = hogsend.For[TrialProps](hogsend.Template{
		Key: "trial-started", Subject: "Your trial has begun",
		HTML: `<p>Hello {{.Name}}, everything is yours to try until {{.Props.Ends.Format "2 January"}}.</p>`,
	})
	TrialEnding = hogsend.For[TrialProps](hogsend.Template{
		Key: "trial-ending", Subject: "Your trial ends on {{.Props.Ends.Format \"2 January\"}}",
		HTML: `<p>Hello {{.Name}}, subscribe to keep what you made.</p><mail-button href="https://example.com/subscribe">Subscribe</mail-button>`,
	})
)

// Trial welcomes who starts a trial, reminds three days before its end, at nine in the
// morning, and stops as soon as they subscribe.
var Trial = hogsend.Journey{
	ID: "trial", Name: "Trial conversion",
	Trigger:    hogsend.On("trial.started"),
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "subscription.started"}, {Event: "trial.canceled"}},
	Run:        trial,
}

func trial(ctx workflow.Context, run hogsend.Run) error {
	ends, ok := run.Event().Properties.Time("endsAt")
	if !ok {
		ends = run.Event().OccurredAt.Add(14 * hogsend.Day)
	}
	if _, err := run.Send(ctx, TrialStarted.With(TrialProps{Ends: ends})); err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, ends.Add(-3*hogsend.Day), "until-reminder"); err != nil {
		return err
	}
	morning, err := run.When(ctx).NextLocal("9:00")
	if err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, morning, "until-morning"); err != nil {
		return err
	}
	_, err = run.Send(ctx, TrialEnding.With(TrialProps{Ends: ends}))
	return err
}
