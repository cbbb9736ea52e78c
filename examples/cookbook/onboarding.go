package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// ChecklistProps are the steps that are still to be done.
type ChecklistProps struct {
	Open []string `json:"open"`
}

// Checklist is the mail with what is left to do.
var Checklist = hogsend.For[ChecklistProps](hogsend.Template{
	Key: "checklist", Subject: "{{len .Props.Open}} steps to go",
	HTML: `<p>Hello {{.Name}}, next:</p><ul>{{range .Props.Open}}<li>{{.}}</li>{{end}}</ul>`,
})

// Onboarding reminds on the first, third and seventh day of what is left of a checklist,
// and says no more once all of it is done.
var Onboarding = hogsend.Journey{
	ID: "onboarding", Name: "Onboarding checklist",
	Trigger:    hogsend.On("user.created"),
	EntryLimit: hogsend.Once,
	Run:        onboarding,
}

var steps = []struct{ event, text string }{
	{"project.created", "Create a project"},
	{"teammate.invited", "Invite a teammate"},
	{"integration.added", "Connect your calendar"},
}

func onboarding(ctx workflow.Context, run hogsend.Run) error {
	for _, day := range []int{1, 3, 7} {
		at := run.Enrollment().EnrolledAt.AddDate(0, 0, day)
		if err := run.SleepUntil(ctx, at); err != nil {
			return err
		}
		var open []string
		for _, step := range steps {
			past, err := run.History().Event(ctx, step.event, 0)
			if err != nil {
				return err
			}
			if !past.Found {
				open = append(open, step.text)
			}
		}
		if len(open) == 0 {
			return nil
		}
		if _, err := run.Send(ctx, Checklist.With(ChecklistProps{Open: open})); err != nil {
			return err
		}
	}
	return nil
}
