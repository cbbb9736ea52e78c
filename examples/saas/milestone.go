package saas

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// HundredCards holds who has moved a hundred cards to Done.
var HundredCards = hogsend.Bucket{
	ID: "hundred-cards", Name: "100 cards done",
	Criteria: hogsend.Event("card.completed").AtLeast(100),
}

// Milestone congratulates on the hundredth card, with one of two subjects, and keeps
// on the contact that it did.
var Milestone = hogsend.Journey{
	ID: "usage-milestone", Name: "Usage: 100 cards",
	Trigger:    hogsend.OnEnterOf(HundredCards),
	EntryLimit: hogsend.Once,
	Templates:  []string{TemplateMilestone},
	Run:        milestone,
}

func milestone(ctx workflow.Context, run hogsend.Run) error {
	voice, err := run.Variant(ctx, "voice", hogsend.Arm{Name: "number", Weight: 1}, hogsend.Arm{Name: "cheer", Weight: 1})
	if err != nil {
		return err
	}
	mail := hogsend.Email{Template: TemplateMilestone, Props: MilestoneProps{Cards: 100}}
	if voice == "cheer" {
		mail.Subject = "Look at what you got done!"
	}
	sent, err := run.Send(ctx, mail)
	if err != nil || !sent.Sent() {
		return err
	}
	return run.Identify(ctx, hogsend.Properties{"milestone": 100})
}

// TemplateMilestone is the congratulation.
const TemplateMilestone = "milestone"

// MilestoneProps are what the congratulation says.
type MilestoneProps struct {
	Cards int `json:"cards"`
}

func milestoneTemplates() []hogsend.Template {
	return []hogsend.Template{{
		Key:      TemplateMilestone,
		Subject:  "{{.Props.Cards}} cards done, {{.Name}}",
		Preview:  "A small reason to celebrate.",
		HTML:     file(TemplateMilestone),
		Props:    MilestoneProps{},
		Examples: map[string]any{"hundred": MilestoneProps{Cards: 100}},
	}}
}
