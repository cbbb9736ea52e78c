package saas

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// Referral invites promoters to bring friends, and thanks for each of the first
// three who join within two months.
var Referral = hogsend.Journey{
	ID: "referral", Name: "Growth: referral",
	Trigger:    hogsend.On("nps.promoter"),
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
	Templates:  []string{TemplateReferralInvite, TemplateReferralThanks},
	Run:        referral,
}

func referral(ctx workflow.Context, run hogsend.Run) error {
	sent, err := run.Send(ctx, hogsend.Email{Template: TemplateReferralInvite})
	if err != nil || !sent.Sent() {
		return err
	}
	closes := run.Enrollment().EnrolledAt.Add(60 * hogsend.Day)
	for months := 1; months <= 3; months++ {
		friend, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "referral.joined", Until: closes})
		if err != nil || friend == nil {
			return err
		}
		if err := run.Identify(ctx, hogsend.Properties{"freeMonths": months}); err != nil {
			return err
		}
		name, _ := friend.Properties["friend"].(string) // without a name the mail says "a friend"
		props := ReferralThanksProps{Friend: name, FreeMonths: months}
		if _, err := run.Send(ctx, hogsend.Email{Template: TemplateReferralThanks, Props: props}); err != nil {
			return err
		}
	}
	return nil
}

// The mails of the referral.
const (
	TemplateReferralInvite = "referral-invite"
	TemplateReferralThanks = "referral-thanks"
)

// ReferralThanksProps are what the thanks for a friend say.
type ReferralThanksProps struct {
	// Friend is who joined; "" says "a friend".
	Friend     string `json:"friend"`
	FreeMonths int    `json:"freeMonths"`
}

func referralTemplates() []hogsend.Template {
	return []hogsend.Template{
		{
			Key:     TemplateReferralInvite,
			Subject: "A free month for you and a friend",
			Preview: "For each of three friends who join.",
			HTML:    file(TemplateReferralInvite),
		},
		{
			Key:      TemplateReferralThanks,
			Subject:  "{{with .Props.Friend}}{{.}}{{else}}A friend{{end}} joined: a month is on us",
			Preview:  "Thank you for spreading the word.",
			HTML:     file(TemplateReferralThanks),
			Props:    ReferralThanksProps{},
			Examples: map[string]any{"second friend": ReferralThanksProps{Friend: "Charles", FreeMonths: 2}},
		},
	}
}
