// Package saas is an example application: the lifecycle mail of a small product,
// Acme Boards. Its journeys are what an author writes; read them first.
package saas

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// Registry is everything the application defines.
func Registry() hogsend.Registry {
	return hogsend.Registry{
		Journeys: []hogsend.Journey{
			Welcome, Onboarding, TrialEnding, Checkout, PaymentFailed, OrderThanks, Milestone, WeeklyDigest, NPS, Referral,
		},
		Buckets:   []hogsend.Bucket{WentDormant, PowerUsers, HundredCards},
		Templates: Templates(),
		Layout:    Layout(),
		Pages:     hogsend.Pages{Name: "Acme Boards", Color: "#4f46e5"},
	}
}

// Welcome greets a new user at once and nudges once if no feature was used.
var Welcome = hogsend.Journey{
	ID: "activation-welcome", Name: "Activation: welcome",
	Trigger:    hogsend.On("user.created"),
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
	Templates:  []string{"welcome", "nudge"},
	Run:        welcome,
}

func welcome(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "welcome"}); err != nil {
		return err
	}
	used, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day})
	if err != nil || used != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Template: "nudge"})
	return err
}

// TrialEnding reminds three days before a trial ends, and says so when it has ended,
// unless a subscription was started.
var TrialEnding = hogsend.Journey{
	ID: "trial-ending", Name: "Trial: ending",
	Trigger:    hogsend.On("trial.started"),
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "subscription.started"}, {Event: "user.deleted"}},
	Templates:  []string{"trial-ending", "trial-ended"},
	Run:        trialEnding,
}

// reminderLead is how long before the end of a trial its reminder goes out.
const reminderLead = 3 * hogsend.Day

func trialEnding(ctx workflow.Context, run hogsend.Run) error {
	days, ok := run.Event().Properties.Float("trialDays")
	if !ok {
		days = 14
	}
	ends := run.Event().ReceivedAt.Add(time.Duration(days * float64(hogsend.Day)))
	if err := run.SleepUntil(ctx, ends.Add(-reminderLead), "until-reminder"); err != nil {
		return err
	}
	if _, err := run.Send(ctx, hogsend.Email{Template: "trial-ending", Props: TrialEndingProps{DaysLeft: int(reminderLead / hogsend.Day)}}); err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, ends, "until-end"); err != nil {
		return err
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "trial-ended"})
	return err
}

// PaymentFailed asks for another card until the payment of an invoice succeeds, for a
// week: for each invoice by itself, so that a paid one does not end what is due for another.
var PaymentFailed = hogsend.Journey{
	ID: "payment-failed", Name: "Billing: payment failed",
	Trigger:     hogsend.On("payment.failed").Where(hogsend.Prop("amount").Gt(0)),
	Key:         "invoiceId",
	EntryLimit:  hogsend.OncePerPeriod,
	EntryPeriod: 7 * hogsend.Day,
	ExitOn: []hogsend.Exit{
		{Event: "payment.succeeded", Where: []hogsend.Condition{hogsend.SameAsTrigger("invoiceId")}},
		{Event: "user.deleted"},
	},
	Category:  "transactional", // people who unsubscribed owe it all the same
	Templates: []string{"payment-failed", "payment-reminder"},
	Run:       paymentFailed,
}

func paymentFailed(ctx workflow.Context, run hogsend.Run) error {
	amount, _ := run.Event().Properties.Float("amount") // the trigger's condition saw to it
	props := PaymentProps{Amount: dollars(amount)}
	if _, err := run.Send(ctx, hogsend.Email{Template: "payment-failed", Props: props}); err != nil {
		return err
	}
	for _, pause := range []time.Duration{2 * hogsend.Day, 4 * hogsend.Day} {
		if err := run.Sleep(ctx, pause); err != nil {
			return err
		}
		if _, err := run.Send(ctx, hogsend.Email{Template: "payment-reminder", Props: props}); err != nil {
			return err
		}
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "payment.abandoned", Properties: hogsend.Properties{"amount": amount}})
}

// OrderThanks thanks for the first order.
var OrderThanks = hogsend.Journey{
	ID: "order-thanks", Name: "Orders: thanks for the first",
	Trigger:    hogsend.On("order.completed"),
	EntryLimit: hogsend.Once,
	Category:   "transactional",
	Templates:  []string{"order-thanks"},
	Run:        orderThanks,
}

func orderThanks(ctx workflow.Context, run hogsend.Run) error {
	amount, _ := run.Event().Properties.Float("amount") // a missing amount is thanked for as well
	_, err := run.Send(ctx, hogsend.Email{Template: "order-thanks", Props: OrderThanksProps{Total: dollars(amount)}})
	return err
}

// dollars writes an amount as people read it.
func dollars(amount float64) string { return fmt.Sprintf("$%.2f", amount) }
