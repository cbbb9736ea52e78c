package cookbook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/cookbook"
	"github.com/hogsend/hogsend/hogsendtest"
)

const day = hogsend.Day

// script begins a script with Ada and the activities of the recipes.
func script(t *testing.T) (*hogsendtest.Scenario, *hogsendtest.Contact) {
	t.Helper()
	s := hogsendtest.New(t, cookbook.Registry())
	for _, a := range cookbook.Activities() {
		s.Activity(a.Name, a.Func)
	}
	return s, s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Timezone: "Europe/Berlin"})
}

// at are the days and hours since the start at which a contact got mails.
func at(got *hogsendtest.Result, contact string) []time.Duration {
	found := []time.Duration{}
	for _, mail := range got.Mailbox.Of(contact).Sent() {
		found = append(found, mail.At.Sub(got.Start))
	}
	return found
}

func TestATrialIsRemindedBeforeItsEndUnlessItIsPaidFor(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.At(0, "trial.started", hogsend.Properties{"endsAt": "2026-01-19T10:00:00Z"})
	got := s.Run()
	require.Equal(t, []string{"trial-started", "trial-ending"}, got.Mailbox.Templates("ada"))
	require.Equal(t, []time.Duration{0, 11*day + 22*time.Hour}, at(got, "ada"), "at nine in Berlin, after three days before the end")
	require.Equal(t, "Your trial ends on 19 January", got.Mailbox[1].Subject)

	s, ada = script(t)
	ada.At(0, "trial.started")
	ada.At(5*day, "subscription.started")
	ada.At(6*day, "subscription.canceled") // of the survey of the other recipe
	got = s.Run()
	require.Equal(t, []string{"trial-started"}, got.Mailbox.Templates("ada"))
	require.Equal(t, "exited", got.Enrollment("ada", "trial").Status)
}

func TestAnAbandonedCartIsRemindedAndThenGivenACoupon(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.At(0, "cart.updated")
	ada.At(3*time.Hour, "cart.updated") // four hours from here
	got := s.Run()
	require.Equal(t, []string{"cart-reminder", "cart-coupon"}, got.Mailbox.Templates("ada"))
	require.Equal(t, []time.Duration{7 * time.Hour, 31 * time.Hour}, at(got, "ada"))
	require.Len(t, got.Calls, 1)
	require.Equal(t, 10, got.Calls[0].Input)
	require.Contains(t, got.Mailbox[1].Text, "TAKE10-")

	s, ada = script(t)
	ada.At(0, "cart.updated")
	ada.At(8*time.Hour, "order.completed")
	require.Equal(t, []string{"cart-reminder"}, s.Run().Mailbox.Templates("ada"))
}

func TestAChecklistNamesWhatIsOpenAndEndsWhenItIsDone(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.At(0, "user.created")
	ada.At(time.Hour, "project.created")
	ada.At(2*day, "teammate.invited")
	ada.At(4*day, "integration.added")
	got := s.Run()
	require.Equal(t, []time.Duration{day, 3 * day}, at(got, "ada"))
	require.JSONEq(t, `{"open": ["Invite a teammate", "Connect your calendar"]}`, string(got.Mailbox[0].Props))
	require.Equal(t, "1 steps to go", got.Mailbox[1].Subject)
	require.Equal(t, "completed", got.Enrollment("ada", "onboarding").Status)
}

func TestWinBackMailsNineOfTenAndTellsWhoReturns(t *testing.T) {
	t.Parallel()
	for arm, mails := range map[string][]string{"mail": {"come-back"}, "holdout": {}} {
		s, ada := script(t)
		s.Variant("ada", "win-back", arm)
		ada.At(0, "app.opened")
		ada.At(33*day, "app.opened")
		s.Until(50 * day)
		got := s.Run()
		require.Equal(t, mails, got.Mailbox.Templates("ada"))
		require.Equal(t, hogsend.Properties{"arm": arm, "returned": true}, got.Captures[0].Properties)
	}
}

func TestTheSurveyComesOnATuesdayAndIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.At(0, "subscription.started")
	ada.Answers(40*day, "nps", hogsend.Properties{"score": 9}, "It saves me a day a week.")
	got := s.Run()
	require.Equal(t, []string{"nps"}, got.Mailbox.Templates("ada"))
	require.Equal(t, time.Tuesday, got.Mailbox[0].At.Weekday())
	require.Equal(t, []string{"nps.promoter"}, got.Enrollment("ada", "nps").Events)

	s, ada = script(t)
	ada.At(0, "subscription.started")
	got = s.Run()
	require.Len(t, got.Mailbox, 2)
	require.Equal(t, "Once more: would you recommend us?", got.Mailbox[1].Subject)
}

func TestWhoPaysForReportsAndMakesNoneIsNudgedInTheMorning(t *testing.T) {
	t.Parallel()
	s := hogsendtest.New(t, cookbook.Registry())
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Properties: hogsend.Properties{"plan": "pro"}})
	for i := range 3 {
		ada.At(time.Duration(i)*time.Hour, "app.opened")
	}
	s.Until(5 * day)
	got := s.Run()
	require.Equal(t, []string{"try-reports"}, got.Mailbox.Templates("ada"))
	require.Equal(t, []time.Duration{2*day + 23*time.Hour}, at(got, "ada"))
}

func TestTheOwnerGetsOneMailADayAboutTheTeam(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	s.Contact(hogsendtest.Person{UserID: "olga", Email: "olga@example.com"})
	for i, text := range []string{"first", "second"} {
		ada.At(time.Duration(i)*time.Hour, "comment.created", hogsend.Properties{"ownerId": "olga", "authorId": "ada", "text": text})
	}
	ada.At(3*time.Hour, "comment.created", hogsend.Properties{"ownerId": "ada", "authorId": "ada", "text": "mine"})
	got := s.Run()
	require.Empty(t, got.Mailbox.Templates("ada"))
	require.Equal(t, []time.Duration{day}, at(got, "olga"))
	require.JSONEq(t, `{"total": 2, "lines": ["first", "second"]}`, string(got.Mailbox[0].Props))
}

func TestAPlaceOnTheWaitingListPassesOnWhenItIsNotTaken(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.At(0, "waitlist.joined")
	ada.At(100*day, "waitlist.place")
	got := s.Run()
	require.Equal(t, []string{"waitlist", "invited", "invited"}, got.Mailbox.Templates("ada"))
	require.Equal(t, []time.Duration{0, 100 * day, 103 * day}, at(got, "ada"))
	require.Equal(t, []string{"waitlist.passed"}, got.Enrollment("ada", "waitlist").Events)

	s, ada = script(t)
	ada.At(0, "waitlist.joined")
	ada.At(day, "waitlist.place")
	ada.At(2*day, "account.created")
	require.Equal(t, []string{"waitlist", "invited"}, s.Run().Mailbox.Templates("ada"))
}

// J-153, J-155
func TestEachInvoiceIsChasedByItselfAndItsPaymentEndsOnlyThat(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.Unsubscribes(0)
	ada.At(time.Hour, "invoice.failed", hogsend.Properties{"invoiceId": "I-1"})
	ada.At(2*time.Hour, "invoice.failed", hogsend.Properties{"invoiceId": "I-2"})
	ada.At(3*time.Hour, "invoice.failed", hogsend.Properties{"invoiceId": "I-1"})
	ada.At(day, "invoice.paid", hogsend.Properties{"invoiceId": "I-2"})
	got := s.Run()
	require.Equal(t, []string{"dunning: enrolled", "dunning: enrolled", "dunning: already_active"}, got.DecisionsOf("ada"))
	require.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 3*day + time.Hour}, at(got, "ada"), "also to who unsubscribed")
	require.Equal(t, "Last reminder: invoice I-1 is unpaid", got.Mailbox[2].Subject)
}

// J-153, J-155
func TestAReviewOfEachOrderIsAskedForUntilItIsWritten(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.At(0, "order.delivered", hogsend.Properties{"orderId": 1})
	ada.At(time.Hour, "order.delivered", hogsend.Properties{"orderId": 2})
	ada.At(2*time.Hour, "order.delivered", hogsend.Properties{"orderId": 3})
	ada.At(day, "order.reviewed", hogsend.Properties{"orderId": 2})
	ada.At(8*day, "order.returned", hogsend.Properties{"orderId": 3})
	got := s.Run()
	require.Equal(t, []time.Duration{7 * day, 7*day + 2*time.Hour, 14 * day}, at(got, "ada"))
	require.JSONEq(t, `{"order": "1", "again": true}`, string(got.Mailbox[2].Props))
}

// J-156, J-157
func TestARenewalIsToldAMonthAheadOfTheDayThatCounts(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.Changes(0, hogsend.Properties{"renewsAt": "2026-03-01", "autoRenew": true})
	ada.Changes(day, hogsend.Properties{"renewsAt": "2026-03-11"}) // moved before it was told
	ada.At(50*day, "subscription.canceled")
	s.Until(90 * day)
	got := s.Run()
	require.Equal(t, []time.Duration{34*day + 22*time.Hour}, at(got, "ada"), "on February 9 at nine in Berlin")
	require.Equal(t, "Your plan renews on March 11", got.Mailbox[0].Subject)
}

// J-156
func TestABirthdayComesEveryYearAtEightOfTheContact(t *testing.T) {
	t.Parallel()
	s, ada := script(t)
	ada.Changes(0, hogsend.Properties{"birthday": "1992-02-29"})
	ada.At(54*day, "gift.opened")
	s.Until(800 * day)
	got := s.Run()
	require.Equal(t, []time.Duration{53*day + 21*time.Hour, 418*day + 21*time.Hour, 784*day + 21*time.Hour}, at(got, "ada"), "on February 28, 28 and 29 at eight in Berlin")
	require.Equal(t, hogsend.Properties{"opened": true}, got.Captures[0].Properties)
}
