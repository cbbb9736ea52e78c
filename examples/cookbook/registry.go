// Package cookbook has journeys to copy from, each in a file of its own; docs/cookbook.md
// shows them.
package cookbook

import "github.com/hogsend/hogsend"

// Registry has all recipes.
func Registry() hogsend.Registry {
	return hogsend.Registry{
		Journeys: []hogsend.Journey{Trial, Cart, Onboarding, NPS, Member, TeamDigest, Waitlist, Dunning, Review, Renewal, Birthday},
		Buckets:  []hogsend.Bucket{Dormant, WithoutReports},
		Sources:  []hogsend.Source{Billing},
		Templates: []hogsend.Template{
			TrialStarted.Template(), TrialEnding.Template(), CartReminder.Template(), CartCoupon.Template(), Checklist.Template(),
			ComeBack.Template(), AskNPS.Template(), TryReports.Template(), TeamNews.Template(), Waiting.Template(), Invited.Template(),
			InvoiceUnpaid.Template(), AskReview.Template(), RenewalAhead.Template(), HappyBirthday.Template(),
		},
		Layout: `<mail-page name="Example">{{template "content" .}}<mail-footer address="Example, 1 Example Street, Springfield"></mail-footer></mail-page>`,
	}
}

// Activities are those that the recipes call; a program has its own.
func Activities() []hogsend.Activity {
	return []hogsend.Activity{{Name: "CreateCoupon", Func: CreateCoupon}}
}
