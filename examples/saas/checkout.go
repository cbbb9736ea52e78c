package saas

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// Checkout helps whoever leaves a checkout: the first of four events, or silence,
// decides how.
var Checkout = hogsend.Journey{
	ID: "abandoned-checkout", Name: "Checkout: abandoned",
	Trigger:     hogsend.On("checkout.started"),
	EntryLimit:  hogsend.OncePerPeriod,
	EntryPeriod: 3 * hogsend.Day,
	ExitOn:      []hogsend.Exit{{Event: "user.deleted"}},
	Templates:   []string{TemplateCheckout},
	Run:         checkout,
}

func checkout(ctx workflow.Context, run hogsend.Run) error {
	plan, _ := run.Event().Properties["plan"].(string) // without one the mail says "your plan"
	for _, patience := range []time.Duration{2 * time.Hour, 2 * hogsend.Day} {
		first, err := run.WaitForAny(ctx, hogsend.AnyOf{
			Waits:   []hogsend.Wait{{Event: "subscription.started"}, {Event: "checkout.canceled"}, {Event: "card.declined"}, {Event: "chat.opened"}},
			Timeout: patience,
		})
		if err != nil {
			return err
		}
		props := CheckoutProps{Plan: plan}
		switch first.Index {
		case 0, 1: // bought, or meant it
			return nil
		case 2:
			props.Declined = true
		case 3: // somebody talks to them already
			return run.Exit(ctx, "chat")
		}
		if _, err := run.Send(ctx, hogsend.Email{Template: TemplateCheckout, Props: props}); err != nil {
			return err
		}
	}
	return nil
}

// TemplateCheckout is the offer to help.
const TemplateCheckout = "checkout"

// CheckoutProps are what the offer to help says.
type CheckoutProps struct {
	// Plan is what was to be bought; "" says "your plan".
	Plan string `json:"plan"`
	// Declined is true if the card was the trouble.
	Declined bool `json:"declined"`
}

func checkoutTemplates() []hogsend.Template {
	return []hogsend.Template{{
		Key:      TemplateCheckout,
		Subject:  "{{if .Props.Declined}}Your card was declined{{else}}Still thinking about {{with .Props.Plan}}{{.}}{{else}}your plan{{end}}?{{end}}",
		Preview:  "Your checkout is where you left it.",
		HTML:     file(TemplateCheckout),
		Props:    CheckoutProps{},
		Examples: map[string]any{"left": CheckoutProps{Plan: "Team"}, "declined": CheckoutProps{Plan: "Team", Declined: true}},
	}}
}
