package steps_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func TestWhatASendMeansToItsJourney(t *testing.T) { // E-14, E-32, J-131, J-132
	t.Parallel()
	verdict := func(status hogsend.SendStatus, reason string) hogsend.Verdict {
		return hogsend.Verdict{SendID: "s", Status: status, Reason: reason, At: noon}
	}
	for _, c := range []struct {
		status contract.SendStatus
		reason contract.SendReason
		want   hogsend.Verdict
		ended  bool
		err    error
	}{
		{contract.SendSent, "left of an attempt before", verdict(hogsend.SendSent, ""), false, nil},
		{contract.SendSuppressed, "complaint", verdict(hogsend.SendSuppressed, "complaint"), false, nil},
		{contract.SendSuppressed, contract.SendUnsubscribedAll, verdict(hogsend.SendUnsubscribed, "unsubscribed_all"), false, nil},
		{contract.SendSuppressed, contract.SendCategoryOptOut, verdict(hogsend.SendUnsubscribed, "category_opt_out"), false, nil},
		{contract.SendSkipped, contract.SendNoEmail, verdict(hogsend.SendSkipped, "no_email"), false, nil},
		{contract.SendSkipped, contract.SendEnrollmentEnded, hogsend.Verdict{}, true, nil},
		{contract.SendFailed, "no such mailbox", hogsend.Verdict{}, false, &hogsend.SendError{SendID: "s", Kind: hogsend.SendPermanent, Reason: "no such mailbox"}},
		{contract.SendFailed, contract.SendUnknownOutcome, hogsend.Verdict{}, false, &hogsend.SendError{SendID: "s", Kind: hogsend.SendUnknownOutcome, Reason: "unknown_outcome"}},
	} {
		got, ended, err := steps.Verdict("s", c.status, c.reason, noon.In(time.FixedZone("", 3600)))
		require.Equal(t, c.err, err)
		require.Equal(t, c.ended, ended)
		require.Equal(t, c.want, got)
	}
	_, _, err := steps.Verdict("s", contract.SendQueued, "", noon)
	require.EqualError(t, err, `send s has status "queued"`)
}

func TestWhenTheProviderIsNotCalledAgain(t *testing.T) { // E-31
	t.Parallel()
	const lifetime = 24 * time.Hour
	last := noon.Add(-lifetime + 10*time.Minute)
	for name, c := range map[string]struct {
		attempts steps.Attempts
		reason   contract.SendReason
		over     bool
	}{
		"the first call":                     {steps.Attempts{}, "", false},
		"in time":                            {steps.Attempts{First: last.Add(1), Unclear: true}, "", false},
		"too late, every answer was clear":   {steps.Attempts{First: last, Reason: "try later"}, "try later", true},
		"too late, one was not":              {steps.Attempts{First: last, Reason: "try later", Unclear: true}, contract.SendUnknownOutcome, true},
		"too late, and nothing is known":     {steps.Attempts{First: last}, contract.SendUnknownOutcome, true},
		"of a provider that forgets at once": {steps.Attempts{First: noon}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, over := c.attempts.GiveUp(noon, lifetime)
			require.Equal(t, c.over, over)
			require.Equal(t, c.reason, reason)
		})
	}
}

func TestWithoutKeysOnlyAClearAnswerAllowsAnotherCall(t *testing.T) { // E-31, E-35
	t.Parallel()
	for name, c := range map[string]struct {
		attempts steps.Attempts
		reason   contract.SendReason
		over     bool
	}{
		"the first call":                 {steps.Attempts{}, "", false},
		"a clear answer":                 {steps.Attempts{First: noon, Reason: "try later"}, "", false},
		"one for a day":                  {steps.Attempts{First: noon.Add(-24*time.Hour + 10*time.Minute), Reason: "try later"}, "try later", true},
		"the process died in the call":   {steps.Attempts{First: noon}, contract.SendUnknownOutcome, true},
		"an unclear one before the last": {steps.Attempts{First: noon, Unclear: true, Reason: "try later"}, contract.SendUnknownOutcome, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, over := c.attempts.GiveUp(noon, 0)
			require.Equal(t, c.over, over)
			require.Equal(t, c.reason, reason)
		})
	}
}

func TestOnlyAClearFailureIsTriedAnew(t *testing.T) { // J-96
	t.Parallel()
	require.True(t, steps.FailedForGood(contract.SendFailed, "no such mailbox"))
	require.False(t, steps.FailedForGood(contract.SendFailed, contract.SendUnknownOutcome))
	require.False(t, steps.FailedForGood(contract.SendSkipped, contract.SendNoEmail))
	require.Equal(t, []string{"k"}, steps.SendKeys("k", 0))
	require.Equal(t, []string{"k", "k:r1", "k:r2"}, steps.SendKeys("k", 2))
}
