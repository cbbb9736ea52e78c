package cookbook

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// NPSProps are what the mail with the question says.
type NPSProps struct {
	Reminder bool `json:"reminder"`
}

// AskNPS is the mail with the question.
var AskNPS = hogsend.For[NPSProps](hogsend.Template{
	Key: "nps", Subject: "{{if .Props.Reminder}}Once more: {{end}}would you recommend us?",
	HTML: `<p>Hello {{.Name}}, how likely are you to recommend us, from 0 to 10?</p>
<p>{{range 11}}<a href="{{answer "nps.answered" "score" .}}">{{.}}</a> {{end}}</p>`,
})

// NPS asks a month after a subscription began, on a Tuesday at ten, and once more a week
// later. What they answer becomes an event that other journeys can take up.
var NPS = hogsend.Journey{
	ID: "nps", Name: "NPS",
	Trigger:    hogsend.On("subscription.started"),
	EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 180 * hogsend.Day,
	ExitOn: []hogsend.Exit{{Event: "subscription.canceled"}},
	Run:    nps,
}

func nps(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, 30*hogsend.Day); err != nil {
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
		if _, err := run.Send(ctx, AskNPS.With(ask)); err != nil {
			return err
		}
		answer, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "nps.answered", Timeout: 7 * hogsend.Day})
		if err != nil {
			return err
		}
		if answer != nil {
			return run.Trigger(ctx, hogsend.TriggerEvent{Event: group(answer), Properties: answer.Properties})
		}
	}
	return nil
}

// group names the event of an answer from 0 to 10.
func group(answer *hogsend.StoredEvent) string {
	switch score, ok := answer.Properties.Int("score"); {
	case ok && score >= 9:
		return "nps.promoter"
	case ok && score >= 7:
		return "nps.passive"
	}
	return "nps.detractor"
}
