package saas_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// Scripts start on a Monday at 10:00 UTC; tips come at 09:30 where people are.
const (
	wednesday = 2*hogsend.Day - 30*time.Minute
	inNewYork = 5 * time.Hour
)

func TestTipsComeInTheReadersMorningAndLeaveOutWhatIsDone(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "workspace.created")
	ada.At(hogsend.Day, "view.saved")
	require.Equal(t, []sent{
		{wednesday, "tip"}, {wednesday + 4*hogsend.Day, "tip"},
	}, mails(s.Run()))
}

func TestTipsFollowWhoMoves(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "workspace.created")
	ada.Moves(hogsend.Day, "America/New_York") // when the first instant is computed already
	ada.At(6*hogsend.Day, "onboarding.dismissed")
	require.Equal(t, []sent{
		{wednesday, "tip"}, {wednesday + 2*hogsend.Day + inNewYork, "tip"},
	}, mails(s.Run()))
}

func TestTheHundredthCardIsCelebratedOnce(t *testing.T) {
	t.Parallel()
	for voice, subject := range map[string]string{"number": "100 cards done, ada", "cheer": "Look at what you got done!"} {
		s, ada := start(t)
		s.Variant("ada", "voice", voice)
		ada.Enters(0, "hundred-cards")
		got := s.Run()
		require.Equal(t, []sent{{0, "milestone"}}, mails(got))
		require.Equal(t, subject, got.Mailbox[0].Subject)
		require.Equal(t, []hogsendtest.Change{{At: got.Start, Contact: "ada", Property: "milestone", Value: json.Number("100")}}, got.Changes)
	}
}

func TestCustomersAreAskedOnATuesdayAndRemindedOnce(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "subscription.renewed")
	got := s.Run()
	require.Equal(t, []sent{{8 * hogsend.Day, "nps"}, {15 * hogsend.Day, "nps"}}, mails(got))
	require.Equal(t, "Still one question, ada", got.Mailbox[1].Subject)
	require.Empty(t, got.Enrollment("ada", "nps-survey").Events)
}

func TestWhoAnswersOnTheWayToTheReminderIsNotAskedAgain(t *testing.T) { // J-117
	t.Parallel()
	for _, answered := range []time.Duration{8*hogsend.Day + time.Minute, 14 * hogsend.Day, 15*hogsend.Day - time.Second} {
		s, ada := start(t)
		ada.At(0, "subscription.renewed")
		ada.Answers(answered, "nps", hogsend.Properties{"score": 7})
		got := s.Run()
		require.Equal(t, []sent{{8 * hogsend.Day, "nps"}}, mails(got))
		require.Equal(t, []string{"nps.passive"}, got.Enrollment("ada", "nps-survey").Events)
	}
}

func TestAnswersAreSortedByTheirScore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer hogsend.Properties
		event  string
	}{
		{hogsend.Properties{"score": 10}, "nps.promoter"},
		{hogsend.Properties{"score": 9}, "nps.promoter"},
		{hogsend.Properties{"score": 8}, "nps.passive"},
		{hogsend.Properties{"score": 7}, "nps.passive"},
		{hogsend.Properties{"score": 6}, "nps.detractor"},
		{hogsend.Properties{"why": "slow"}, "nps.detractor"},
	} {
		s, ada := start(t)
		ada.At(0, "subscription.renewed")
		ada.At(9*hogsend.Day, "nps.answered", tt.answer)
		got := s.Run()
		require.Equal(t, []string{tt.event}, got.Enrollment("ada", "nps-survey").Events)
	}
}

func TestEachOfThreeFriendsIsThankedFor(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	s.Allow(hogsendtest.LateScript, "referral.joined") // the fourth friend
	ada.At(0, "nps.promoter")
	for day := range 4 {
		ada.At(time.Duration(day+1)*hogsend.Day, "referral.joined", hogsend.Properties{"friend": "Charles"})
	}
	got := s.Run()
	require.Equal(t, []sent{
		{0, "referral-invite"}, {hogsend.Day, "referral-thanks"}, {2 * hogsend.Day, "referral-thanks"}, {3 * hogsend.Day, "referral-thanks"},
	}, mails(got))
	require.Equal(t, "Charles joined: a month is on us", got.Mailbox[1].Subject)
	require.Contains(t, got.Mailbox[3].Text, "3 free months")
}

func TestTheReferralEndsAfterTwoMonths(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "nps.promoter")
	got := s.Run()
	require.Equal(t, []sent{{0, "referral-invite"}}, mails(got))
	require.Equal(t, got.Start.Add(60*hogsend.Day), got.Enrollment("ada", "referral").EndedAt)
}

func TestAnAbandonedCheckoutIsHelpedTwice(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	ada.At(0, "checkout.started", hogsend.Properties{"plan": "Team"})
	got := s.Run()
	require.Equal(t, []sent{{2 * time.Hour, "checkout"}, {2*hogsend.Day + 2*time.Hour, "checkout"}}, mails(got))
	require.Equal(t, "Still thinking about Team?", got.Mailbox[0].Subject)
}

func TestTheFirstThingThatHappensDecidesAboutACheckout(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]struct {
		mails  int
		reason string
	}{"subscription.started": {}, "checkout.canceled": {}, "chat.opened": {reason: "chat"}, "card.declined": {mails: 2}} {
		s, ada := start(t)
		ada.At(0, "checkout.started")
		ada.At(time.Hour, event)
		got := s.Run()
		require.Len(t, mails(got), want.mails, event)
		require.Equal(t, want.reason, got.Enrollment("ada", "abandoned-checkout").ExitReason)
		if want.mails > 0 {
			require.Equal(t, sent{time.Hour, "checkout"}, mails(got)[0], "at once")
			require.Equal(t, "Your card was declined", got.Mailbox[0].Subject)
		}
	}
}

func TestCommentsOfAWeekAreOneMail(t *testing.T) {
	t.Parallel()
	s, ada := start(t)
	say := func(at time.Duration, text string) {
		ada.At(at, "comment.received", hogsend.Properties{"author": "Charles", "text": text})
	}
	for _, text := range []string{"one", "two", "three", "four", "five", "six"} {
		say(hogsend.Day, text)
	}
	ada.At(2*hogsend.Day, "comment.received", hogsend.Properties{"text": "noise", "muted": true})
	say(9*hogsend.Day, "next week")
	got := s.Run()
	const monday = 7*hogsend.Day - 2*time.Hour
	require.Equal(t, []sent{{monday, "weekly-digest"}, {monday + 7*hogsend.Day, "weekly-digest"}}, mails(got))
	require.Contains(t, got.Mailbox[0].Text, "six")
	require.Contains(t, got.Mailbox[0].Text, "And 1 more.")
	require.NotContains(t, got.Mailbox[0].Text, "noise")
	require.Contains(t, got.Mailbox[1].Text, "next week")
	require.NotContains(t, got.Mailbox[1].Text, "six")
}
