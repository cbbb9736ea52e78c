package saas_test

import (
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
		require.Equal(t, []hogsendtest.Change{{At: got.Start, Contact: "ada", Property: "milestone", Value: float64(100)}}, got.Changes)
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
