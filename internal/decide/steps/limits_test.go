package steps_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func sent(ago time.Duration, change ...func(s *steps.PastSend)) steps.PastSend {
	s := steps.PastSend{ClaimedAt: noon.Add(-ago), Status: contract.SendSent, JourneyID: "welcome", Template: "hello", Category: "journey"}
	for _, c := range change {
		c(&s)
	}
	return s
}

func TestWhichSendsCount(t *testing.T) { // E-22
	t.Parallel()
	for _, c := range []struct {
		status contract.SendStatus
		reason contract.SendReason
		want   bool
	}{
		{contract.SendQueued, "", true},
		{contract.SendSent, "", true},
		{"delivered", "", true},
		{"bounced", "", true},
		{"complained", "", true},
		{contract.SendFailed, contract.SendUnknownOutcome, true},
		{contract.SendFailed, "mailbox full", false},
		{contract.SendSuppressed, "bounce", false},
		{contract.SendSkipped, contract.SendMinGap, false},
	} {
		s := steps.PastSend{ClaimedAt: noon, Status: c.status, Reason: c.reason}
		require.Equal(t, c.want, s.Counts(), c.status)
		s.Test = true
		require.False(t, s.Counts(), "a test send of status %s", c.status)
		s.Test, s.ClaimedAt = false, time.Time{}
		require.False(t, s.Counts(), "a send of status %s without claim", c.status)
	}
}

func TestTheLastPlacesOfACapAreKeptForHigherPriorities(t *testing.T) { // E-82
	t.Parallel()
	due := func(after time.Duration, priority int, category string) steps.DeferredSend {
		return steps.DeferredSend{Due: noon.Add(after), Priority: priority, Category: category}
	}
	for name, c := range map[string]struct {
		count    int
		deferred []steps.DeferredSend
		own      bool // the cap is of the category
		until    time.Time
	}{
		"nobody waits":                   {1, nil, false, time.Time{}},
		"a notice, due now":              {1, []steps.DeferredSend{due(0, 10, "journey")}, false, noon.Add(time.Second)},
		"a notice, due in an hour":       {1, []steps.DeferredSend{due(time.Hour, 10, "journey")}, false, noon.Add(time.Hour + time.Second)},
		"the latest of several":          {2, []steps.DeferredSend{due(time.Hour, 10, ""), due(2*time.Hour, 4, "")}, false, noon.Add(2*time.Hour + time.Second)},
		"one that is overdue":            {1, []steps.DeferredSend{due(-time.Minute, 10, "")}, false, noon.Add(time.Minute)},
		"one more place than they need":  {2, []steps.DeferredSend{due(0, 10, "")}, false, time.Time{}},
		"of the same priority":           {1, []steps.DeferredSend{due(0, 3, "")}, false, time.Time{}},
		"of a lower one":                 {1, []steps.DeferredSend{due(0, -3, "")}, false, time.Time{}},
		"due when the window has passed": {1, []steps.DeferredSend{due(hogsend.Day, 10, "")}, false, time.Time{}},
		"due just before":                {1, []steps.DeferredSend{due(hogsend.Day-1, 10, "")}, false, noon.Add(hogsend.Day - 1 + time.Second)},
		"that the cap does not count":    {1, []steps.DeferredSend{due(0, 10, "news")}, true, time.Time{}},
		"that the category's cap counts": {1, []steps.DeferredSend{due(0, 10, "journey")}, true, noon.Add(time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := steps.Gate{Now: noon, Deferred: c.deferred, OnBlocked: hogsend.Skip, Limits: steps.Limits{Priority: 3, Cap: hogsend.CategoryCap{Count: c.count, Window: hogsend.Day}}}
			if c.own {
				g.Limits.CapCategory = "journey"
			}
			got, err := g.Decide()
			require.NoError(t, err)
			if c.until.IsZero() {
				require.Equal(t, steps.GateClaim, got.Action)
				return
			}
			require.Equal(t, steps.GateOutcome{Action: steps.GateRefuse, Refusal: steps.Refusal{Status: contract.SendSkipped, Reason: contract.SendPriority, Until: c.until}}, got)
			g.OnBlocked = hogsend.Defer
			got, err = g.Decide()
			require.NoError(t, err)
			require.Equal(t, []any{steps.GateDefer, c.until}, []any{got.Action, got.Until})
			g.Limits = steps.LimitsOf(hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}, 0, nil, "transactional", false)
			got, err = g.Decide()
			require.NoError(t, err)
			require.Equal(t, steps.GateClaim, got.Action, "a receipt is never held")
		})
	}
}

func TestTheGapEndsExactlyOneGapLater(t *testing.T) { // E-24, J-133
	t.Parallel()
	g := steps.Gate{Now: noon, Limits: steps.Limits{Gap: time.Hour, JourneyIDs: []string{"welcome", "was"}}}
	for name, c := range map[string]struct {
		sends []steps.PastSend
		until time.Time // zero for passes
	}{
		"nothing before":       {nil, time.Time{}},
		"exactly a gap before": {[]steps.PastSend{sent(time.Hour)}, time.Time{}},
		"a bit less":           {[]steps.PastSend{sent(time.Hour - time.Microsecond)}, noon.Add(time.Microsecond)},
		"the newest counts":    {[]steps.PastSend{sent(2 * time.Minute), sent(time.Minute), sent(3 * time.Minute)}, noon.Add(59 * time.Minute)},
		"under a former id":    {[]steps.PastSend{sent(time.Minute, func(s *steps.PastSend) { s.JourneyID = "was" })}, noon.Add(59 * time.Minute)},
		"of another journey":   {[]steps.PastSend{sent(time.Minute, func(s *steps.PastSend) { s.JourneyID = "other" })}, time.Time{}},
		"to the address only":  {[]steps.PastSend{sent(time.Minute, func(s *steps.PastSend) { s.ToAnotherContact = true })}, time.Time{}},
		"that was refused":     {[]steps.PastSend{sent(time.Minute, func(s *steps.PastSend) { s.Status = contract.SendSkipped })}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := g
			g.GapSends = c.sends
			want := steps.GateOutcome{Action: steps.GateClaim}
			if !c.until.IsZero() {
				want = skippedUntil(contract.SendMinGap, c.until)
			}
			require.Equal(t, want, outcome(t, g))
		})
	}
}

func TestACapIsReachedByAsManySendsAsItAllows(t *testing.T) { // E-21, E-22, E-23, E-26
	t.Parallel()
	news := func(s *steps.PastSend) { s.Category = "news" }
	caps := hogsend.FrequencyCap{
		Count: 2, Window: hogsend.Day, ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1, Window: time.Hour}}, ExemptCategories: []string{"receipts"},
	}
	for name, c := range map[string]struct {
		category string
		sends    []steps.PastSend
		until    time.Duration // from now; 0 for passes
	}{
		"one of two":                    {"journey", []steps.PastSend{sent(time.Hour)}, 0},
		"two of two":                    {"journey", []steps.PastSend{sent(time.Hour), sent(3 * time.Hour)}, 21*time.Hour + time.Millisecond},
		"exactly a window ago":          {"journey", []steps.PastSend{sent(time.Hour), sent(hogsend.Day)}, time.Millisecond},
		"a bit longer ago":              {"journey", []steps.PastSend{sent(time.Hour), sent(hogsend.Day + time.Microsecond)}, 0},
		"more than the cap":             {"journey", []steps.PastSend{sent(time.Hour), sent(2 * time.Hour), sent(3 * time.Hour)}, 22*time.Hour + time.Millisecond},
		"any category counts":           {"journey", []steps.PastSend{sent(time.Hour, news), sent(3*time.Hour, news)}, 21*time.Hour + time.Millisecond},
		"of a cap of its own":           {"news", []steps.PastSend{sent(time.Minute, news)}, 59*time.Minute + time.Millisecond},
		"a cap of its own, others sent": {"news", []steps.PastSend{sent(time.Minute), sent(2 * time.Minute)}, 0},
		"to the address of another":     {"news", []steps.PastSend{sent(time.Minute, news, func(s *steps.PastSend) { s.ToAnotherContact = true })}, 59*time.Minute + time.Millisecond},
		"exempt":                        {"receipts", []steps.PastSend{sent(time.Hour), sent(3 * time.Hour)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := steps.Gate{Now: noon, Category: c.category, CapSends: c.sends, Limits: steps.LimitsOf(caps, 0, nil, c.category, false)}
			want := steps.GateOutcome{Action: steps.GateClaim}
			if c.until != 0 {
				want = skippedUntil(contract.SendFrequencyCapped, noon.Add(c.until))
			}
			require.Equal(t, want, outcome(t, g))
		})
	}
}

func TestAThrottleCountsWhatItsFiltersLeave(t *testing.T) { // J-144
	t.Parallel()
	sends := []steps.PastSend{
		sent(time.Hour), sent(time.Hour + 1), sent(0, func(s *steps.PastSend) { s.JourneyID, s.Template = "was", "bye" }),
		sent(0, func(s *steps.PastSend) { s.Category = "news" }), sent(0, func(s *steps.PastSend) { s.Status = contract.SendSkipped }),
		sent(0, func(s *steps.PastSend) { s.JourneyID = "other" }),
	}
	since := noon.Add(-time.Hour)
	require.Equal(t, 4, steps.Throttle{Since: since}.Count(sends))
	require.Equal(t, 3, steps.Throttle{Since: since, JourneyIDs: []string{"welcome", "was"}}.Count(sends))
	require.Equal(t, 1, steps.Throttle{Since: since, Template: "bye"}.Count(sends))
	require.Equal(t, 1, steps.Throttle{Since: since, Category: "news"}.Count(sends))
	require.Zero(t, steps.Throttle{Since: since, Category: "news", Template: "bye"}.Count(sends))
}
