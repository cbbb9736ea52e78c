package saas

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// NPS asks who renewed how likely they are to recommend the product, on a Tuesday
// morning, reminds once, and hands on what they say: each number in the mail is a link that
// is the event nps.answered with its score.
var NPS = hogsend.Journey{
	ID: "nps-survey", Name: "Feedback: NPS",
	Trigger:     hogsend.On("subscription.renewed"),
	EntryLimit:  hogsend.OncePerPeriod,
	EntryPeriod: 180 * hogsend.Day,
	ExitOn:      []hogsend.Exit{{Event: "subscription.canceled"}, {Event: "user.deleted"}},
	Templates:   []string{TemplateNPS},
	Run:         nps,
}

func nps(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, 3*hogsend.Day, "bill-settles"); err != nil {
		return err
	}
	tuesday, err := run.When(ctx).Next(time.Tuesday).At("10:00")
	if err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, tuesday); err != nil {
		return err
	}
	for _, ask := range []NPSProps{{}, {Reminder: true}} {
		if _, err := run.Send(ctx, hogsend.Email{Template: TemplateNPS, Props: ask}); err != nil {
			return err
		}
		if tuesday, err = run.When(ctx).Next(time.Tuesday).At("10:00"); err != nil {
			return err
		}
		// A wait until the reminder, and no sleep: who answers is not asked again.
		answer, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "nps.answered", Until: tuesday})
		if err != nil {
			return err
		}
		if answer != nil {
			return run.Trigger(ctx, hogsend.TriggerEvent{Event: npsEvent(answer), Properties: answer.Properties})
		}
	}
	return nil
}

// npsEvent names the group that an answer from 0 to 10 belongs to.
func npsEvent(answer *hogsend.StoredEvent) string {
	score, ok := answer.Properties.Float("score")
	switch {
	case ok && score >= 9:
		return "nps.promoter"
	case ok && score >= 7:
		return "nps.passive"
	}
	return "nps.detractor" // also who only writes why
}

// TemplateNPS is the question.
const TemplateNPS = "nps"

// NPSProps are what the question says.
type NPSProps struct {
	// Reminder is true for who did not answer the first time.
	Reminder bool `json:"reminder"`
}

func npsTemplates() []hogsend.Template {
	return []hogsend.Template{{
		Key:      TemplateNPS,
		Subject:  "{{if .Props.Reminder}}Still one question, {{.Name}}{{else}}One question, {{.Name}}{{end}}",
		Preview:  "It takes one click.",
		HTML:     file(TemplateNPS),
		Props:    NPSProps{},
		Examples: map[string]any{"first": NPSProps{}, "reminder": NPSProps{Reminder: true}},
	}}
}
