package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// TryReports is the mail about a feature that somebody pays for and does not use.
var TryReports = hogsend.For[struct{}](hogsend.Template{
	Key: "try-reports", Subject: "Your plan has reports",
	HTML: `<p>Hello {{.Name}}, it takes a minute to see what your team got done.</p><mail-button href="https://example.com/reports">Make the first one</mail-button>`,
})

// WithoutReports holds who pays for reports, uses the product, and made no report yet.
var WithoutReports = hogsend.Bucket{
	ID: "without-reports", Name: "Pro without reports",
	Criteria: hogsend.All(
		hogsend.Prop("plan").Eq("pro"),
		hogsend.Event("app.opened").Within(14*hogsend.Day).AtLeast(3),
		hogsend.Event("report.created").NotExists(),
	),
	EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 90 * hogsend.Day,
	Reactions: []hogsend.Reaction{
		hogsend.OnDwell(hogsend.After(2*hogsend.Day), nudge, hogsend.ReactionExitsOn(hogsend.Exit{Event: "report.created"})),
	},
}

// nudge mails at nine in the morning of who gets it.
func nudge(ctx workflow.Context, run hogsend.Run) error {
	morning, err := run.When(ctx).NextLocal("9:00")
	if err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, morning); err != nil {
		return err
	}
	_, err = run.Send(ctx, TryReports.With(struct{}{}))
	return err
}
