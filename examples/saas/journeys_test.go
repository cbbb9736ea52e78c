package saas_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/hogsendtest"
)

// sent is one mail that went out: when, counted from the start, and what.
type sent struct {
	after    time.Duration
	template string
}

func mails(got *hogsendtest.Result) []sent {
	var found []sent
	for _, mail := range got.Mailbox.Sent() {
		found = append(found, sent{mail.At.Sub(got.Start), mail.Template})
	}
	return found
}

// start starts a script about one person.
func start(t *testing.T) (*hogsendtest.Scenario, *hogsendtest.Contact) {
	t.Helper()
	s := hogsendtest.New(t, saas.Registry())
	return s, s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"})
}

func TestWelcomeNudgesOnceWhoDoesNotTryTheProduct(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "user.created")
	got := s.Run()
	require.Equal(t, []sent{{0, "welcome"}, {2 * hogsend.Day, "nudge"}}, mails(got))
	require.Equal(t, "completed", got.Enrollment("ada", "activation-welcome").Status)
}

func TestWelcomeLeavesAloneWhoDoes(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "user.created")
	ada.At(hogsend.Day, "feature.used")
	require.Equal(t, []sent{{0, "welcome"}}, mails(s.Run()))
}

func TestWelcomeEndsForWhoLeaves(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "user.created")
	ada.At(time.Hour, "user.deleted")
	ada.At(hogsend.Day, "user.created")
	got := s.Run()
	require.Equal(t, []sent{{0, "welcome"}}, mails(got))
	require.Equal(t, "event:user.deleted", got.Enrollment("ada", "activation-welcome").ExitReason)
	require.Equal(t, []string{"activation-welcome: enrolled", "activation-welcome: already_entered_once"}, got.DecisionsOf("ada"))
}

func TestTheTrialIsRemindedThreeDaysBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		trigger hogsend.Properties
		days    int
	}{{nil, 14}, {hogsend.Properties{"trialDays": 30}, 30}, {hogsend.Properties{"trialDays": "soon"}, 14}} {
		s, ada := start(t)
		ada.At(0, "trial.started", tt.trigger)
		got := s.Run()
		length := time.Duration(tt.days) * hogsend.Day
		require.Equal(t, []sent{{length - 3*hogsend.Day, "trial-ending"}, {length, "trial-ended"}}, mails(got))
		require.Equal(t, "Your trial ends in 3 days", got.Mailbox[0].Subject)
	}
}

func TestATrialThatIsBoughtIsNotReminded(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "trial.started")
	ada.At(10*hogsend.Day, "subscription.started")
	require.Empty(t, mails(s.Run()))
}

func TestAFailedPaymentIsRemindedTwiceAndThenGivenUp(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "payment.failed", hogsend.Properties{"amount": 49, "invoiceId": "I-1"})
	ada.At(hogsend.Day, "payment.failed", hogsend.Properties{"amount": 49, "invoiceId": "I-1"})
	got := s.Run()
	require.Equal(t, []sent{{0, "payment-failed"}, {2 * hogsend.Day, "payment-reminder"}, {6 * hogsend.Day, "payment-reminder"}}, mails(got))
	require.Equal(t, []string{"payment-failed: enrolled", "payment-failed: already_active"}, got.DecisionsOf("ada"))
	require.Equal(t, []string{"payment.abandoned"}, got.Enrollment("ada", "payment-failed").Events)
	require.Contains(t, got.Mailbox[0].Text, "$49.00")
}

func TestAPaymentThatSucceedsIsLeftAlone(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "payment.failed", hogsend.Properties{"amount": 0})
	ada.At(time.Hour, "payment.failed", hogsend.Properties{"amount": 49, "invoiceId": "I-1"})
	ada.At(3*hogsend.Day, "payment.succeeded", hogsend.Properties{"invoiceId": "I-1"})
	got := s.Run()
	require.Equal(t, []sent{{time.Hour, "payment-failed"}, {2*hogsend.Day + time.Hour, "payment-reminder"}}, mails(got))
	require.Equal(t, []string{"payment-failed: trigger_conditions_not_met", "payment-failed: enrolled"}, got.DecisionsOf("ada"))
}

// J-153, J-155: an invoice that is paid ends the reminders for it, and for no other.
func TestEachInvoiceIsRemindedOfByItself(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "payment.failed", hogsend.Properties{"amount": 500, "invoiceId": "I-1"})
	ada.At(time.Hour, "payment.failed", hogsend.Properties{"amount": 5, "invoiceId": "I-2"})
	ada.At(time.Hour, "payment.failed", hogsend.Properties{"amount": 5})
	ada.At(hogsend.Day, "payment.succeeded", hogsend.Properties{"invoiceId": "I-2"})
	ada.At(hogsend.Day, "payment.succeeded")
	got := s.Run()
	require.Equal(t, []string{"payment-failed: enrolled", "payment-failed: enrolled", "payment-failed: key_missing"}, got.DecisionsOf("ada"))
	require.Equal(t, []sent{{0, "payment-failed"}, {time.Hour, "payment-failed"}, {2 * hogsend.Day, "payment-reminder"}, {6 * hogsend.Day, "payment-reminder"}}, mails(got))
	require.Contains(t, got.Mailbox[3].Text, "$500.00")
}

func TestTheFirstOrderIsThankedFor(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "order.completed", hogsend.Properties{"amount": 11.77})
	ada.At(hogsend.Day, "order.completed", hogsend.Properties{"amount": 5})
	got := s.Run()
	require.Equal(t, []sent{{0, "order-thanks"}}, mails(got))
	require.Contains(t, got.Mailbox[0].Text, "$11.77")
}
