package saas

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// Onboarding is a series: one tip every other morning, in the reader's own morning,
// leaving out what they found by themselves.
var Onboarding = hogsend.Journey{
	ID: "onboarding-tips", Name: "Onboarding: tips",
	Trigger:    hogsend.On("workspace.created"),
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "onboarding.dismissed"}, {Event: "user.deleted"}},
	Templates:  []string{TemplateTip},
	Run:        onboarding,
}

// tip is one mail of the series; who did the event needs it no more.
type tip struct {
	done  string
	props TipProps
}

func tips() []tip {
	return []tip{
		{"teammate.invited", TipProps{Title: "Invite a teammate", Text: "A board with two people is already a plan.", Path: "/members/invite"}},
		{"view.saved", TipProps{Title: "Save a view", Text: "Filter once, find it again with one click.", Path: "/views/new"}},
		{"rule.created", TipProps{Title: "Let a rule do it", Text: "Cards that are done can move themselves.", Path: "/rules/new"}},
	}
}

func onboarding(ctx workflow.Context, run hogsend.Run) error {
	for _, tip := range tips() {
		morning, err := run.When(ctx).In(2 * hogsend.Day).At("09:30")
		if err != nil {
			return err
		}
		if err := run.SleepUntil(ctx, morning, "until:"+tip.done); err != nil {
			return err
		}
		past, err := run.History().Event(ctx, tip.done, 0)
		if err != nil {
			return err
		}
		if past.Found {
			continue
		}
		if _, err := run.Send(ctx, hogsend.Email{Template: TemplateTip, Props: tip.props, Label: "tip:" + tip.done}); err != nil {
			return err
		}
	}
	return nil
}

// TemplateTip is the mail of the series.
const TemplateTip = "tip"

// TipProps are what a tip says.
type TipProps struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	// Path leads into the application, for example "/views/new".
	Path string `json:"path"`
}

func onboardingTemplates() []hogsend.Template {
	return []hogsend.Template{{
		Key:      TemplateTip,
		Subject:  "{{with .Props.Title}}{{.}}{{else}}A tip for your boards{{end}}",
		Preview:  "{{.Props.Text}}",
		HTML:     file(TemplateTip),
		Props:    TipProps{},
		Examples: map[string]any{"invite": tips()[0].props},
	}}
}
