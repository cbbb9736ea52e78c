// Package mails sends props of other types, and transactional mails to people who never
// get there (T-46).
package mails

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/vet/testdata/mailkit"
)

type welcomeProps struct{ Plan string }

type otherProps struct{ Plan string }

var welcome = hogsend.Template{Key: "welcome", Subject: "Welcome", HTML: "<p></p>", Props: welcomeProps{}}

// Registry is everything there is.
func Registry() hogsend.Registry {
	return hogsend.Registry{
		Templates: []hogsend.Template{welcome, mailkit.News, mailkit.Receipt.Template()},
		Journeys: []hogsend.Journey{
			{ID: "signup", Run: signup},
			{ID: "receipts", Run: receipts, Category: "transactional"},
			{ID: "everybody", Run: receipts, EnrollUnsubscribed: true},
		},
	}
}

func signup(ctx workflow.Context, run hogsend.Run) error {
	for _, mail := range []hogsend.Email{
		{Template: "welcome", Props: otherProps{}},              // want `the props are .*/mails.otherProps, and template "welcome" takes .*/mails.welcomeProps`
		{Template: "welcome", Props: map[string]any{}},          // want `the props are map\[string\]any, and template "welcome" takes`
		{Template: "news", Props: welcomeProps{}},               // want `the props are .*/mails.welcomeProps, and template "news" has none`
		{Template: "receipt", Props: welcomeProps{}},            // want `the props are .*, and template "receipt" takes .*/mailkit.ReceiptProps` `warning: a transactional mail in journey "signup"`
		{Template: "news", Category: "transactional"},           // want `warning: a transactional mail in journey "signup", which people who unsubscribed never enter: make the journey transactional, or set EnrollUnsubscribed`
		mailkit.Receipt.With(mailkit.ReceiptProps{Total: "$5"}), // want `warning: a transactional mail in journey "signup"`
		{Template: "receipt", Category: "news"},
		{Template: "welcome", Props: welcomeProps{}},
		{Template: "welcome", Props: &welcomeProps{}},
		{Template: "welcome"},
		{Template: "news", Props: struct{}{}},
	} {
		if _, err := run.Send(ctx, mail); err != nil {
			return err
		}
	}
	return nil
}

// Both journeys with this code enroll who unsubscribed.
func receipts(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, mailkit.Receipt.With(mailkit.ReceiptProps{}))
	return err
}
