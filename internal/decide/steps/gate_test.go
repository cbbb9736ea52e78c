package steps_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// noon is a Wednesday.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// refused is the outcome of a check that no time passes.
func refused(status contract.SendStatus, reason contract.SendReason) steps.GateOutcome {
	return steps.GateOutcome{Action: steps.GateRefuse, Refusal: steps.Refusal{Status: status, Reason: reason}}
}

func skippedUntil(reason contract.SendReason, until time.Time) steps.GateOutcome {
	return steps.GateOutcome{Action: steps.GateRefuse, Refusal: steps.Refusal{Status: contract.SendSkipped, Reason: reason, Until: until}}
}

func outcome(t *testing.T, g steps.Gate) steps.GateOutcome {
	t.Helper()
	got, err := g.Decide()
	require.NoError(t, err)
	return got
}

// blocked is a send that every row of the gate refuses, 3 by a release that skips it.
func blocked() steps.Gate {
	sent := []steps.PastSend{{ClaimedAt: noon.Add(-time.Minute), Status: contract.SendSent, JourneyID: "welcome", Category: "news"}}
	return steps.Gate{
		Now: noon, Ended: true, Effect: steps.PausedEffect{N: 1, Closed: true, Skip: true}, NoAddress: true, EmailKey: "ada@example.com",
		Records: []steps.Preference{{
			EmailKey: "ada@example.com", Suppressed: true, Suppression: "bounce", UnsubscribedAll: true, Categories: map[string]bool{"news": false},
		}},
		Category: "news", Window: hogsend.Window{Start: "14:00", End: "15:00"}, Zone: "UTC",
		Limits:   steps.Limits{Gap: time.Hour, JourneyIDs: []string{"welcome"}, Cap: hogsend.CategoryCap{Count: 1, Window: hogsend.Day}},
		GapSends: sent, CapSends: sent,
	}
}

func TestTheFirstRowThatAppliesDecides(t *testing.T) { // E-13
	t.Parallel()
	g := blocked()
	rows := []struct {
		want steps.GateOutcome
		lift func()
	}{
		{refused(contract.SendSkipped, contract.SendEnrollmentEnded), func() { g.Ended = false }},
		{refused(contract.SendSkipped, contract.SendPausedLate), func() { g.Effect = steps.PausedEffect{} }},
		{refused(contract.SendSkipped, contract.SendNoEmail), func() { g.NoAddress = false }},
		{refused(contract.SendSuppressed, "bounce"), func() { g.Records[0].Suppressed = false }},
		{refused(contract.SendSuppressed, contract.SendUnsubscribedAll), func() { g.Records[0].UnsubscribedAll = false }},
		{refused(contract.SendSuppressed, contract.SendCategoryOptOut), func() { g.Records[0].Categories["news"] = true }},
		{skippedUntil(contract.SendOutsideWindow, noon.Add(2*time.Hour)), func() { g.Window = hogsend.Window{} }},
		{skippedUntil(contract.SendMinGap, noon.Add(59*time.Minute)), func() { g.Limits.Gap = 0 }},
		{skippedUntil(contract.SendFrequencyCapped, noon.Add(hogsend.Day-time.Minute+time.Millisecond)), func() { g.Limits.Cap.Count = 2 }},
		{steps.GateOutcome{Action: steps.GateClaim}, func() {}},
	}
	for _, row := range rows {
		require.Equal(t, row.want, outcome(t, g))
		row.lift()
	}
}

func TestAPauseHoldsWhatHasNotEnded(t *testing.T) { // E-13 row 3, J-102
	t.Parallel()
	held := steps.GateOutcome{Action: steps.GateHold}
	for name, g := range map[string]struct {
		gate steps.Gate
		want steps.GateOutcome
	}{
		"paused":                            {steps.Gate{Now: noon, Paused: true}, held},
		"paused, though nothing else lets":  {steps.Gate{Now: noon, Paused: true, NoAddress: true}, held},
		"resumed, its turn has not come":    {steps.Gate{Now: noon, Effect: steps.PausedEffect{N: 1, DueAt: noon}}, held},
		"released":                          {steps.Gate{Now: noon, Effect: steps.PausedEffect{N: 1, DueAt: noon, Closed: true}}, steps.GateOutcome{Action: steps.GateClaim}},
		"held as the journey was released":  {steps.Gate{Now: noon, Effect: steps.PausedEffect{N: 1}}, steps.GateOutcome{Action: steps.GateClaim}},
		"released as too late, paused anew": {steps.Gate{Now: noon, Paused: true, Effect: steps.PausedEffect{N: 1, Closed: true, Skip: true}}, held},
		"ended":                             {steps.Gate{Now: noon, Paused: true, Ended: true}, refused(contract.SendSkipped, contract.SendEnrollmentEnded)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, g.want, outcome(t, g.gate))
		})
	}
}

func TestWhatSkipsPreferencesPassesRows6To10(t *testing.T) { // E-15
	t.Parallel()
	g := blocked()
	g.SkipPreferenceCheck = true
	g.Limits = steps.LimitsOf(hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}, time.Hour, []string{"welcome"}, "news", true)
	for _, row := range []struct {
		want steps.GateOutcome
		lift func()
	}{
		{refused(contract.SendSkipped, contract.SendEnrollmentEnded), func() { g.Ended = false }},
		{refused(contract.SendSkipped, contract.SendPausedLate), func() { g.Effect = steps.PausedEffect{} }},
		{refused(contract.SendSkipped, contract.SendNoEmail), func() { g.NoAddress = false }},
		{refused(contract.SendSuppressed, "bounce"), func() { g.Records[0].Suppressed = false }},
		{steps.GateOutcome{Action: steps.GateClaim}, func() {}},
	} {
		require.Equal(t, row.want, outcome(t, g))
		row.lift()
	}
}

func TestAnExemptCategoryPassesWindowGapAndCapOnly(t *testing.T) { // E-16
	t.Parallel()
	g := blocked()
	g.Ended, g.Effect, g.NoAddress, g.Records[0].Suppressed = false, steps.PausedEffect{}, false, false
	g.Limits = steps.LimitsOf(hogsend.FrequencyCap{Count: 1, Window: hogsend.Day, ExemptCategories: []string{"news"}}, time.Hour, []string{"welcome"}, "news", false)
	require.Equal(t, refused(contract.SendSuppressed, contract.SendUnsubscribedAll), outcome(t, g))
	g.Records[0].UnsubscribedAll = false
	require.Equal(t, refused(contract.SendSuppressed, contract.SendCategoryOptOut), outcome(t, g))
	g.Records[0].Categories["news"] = true
	require.Equal(t, steps.GateOutcome{Action: steps.GateClaim}, outcome(t, g))
}

func TestOptOutsFollowPersonAndAddressButSuppressionTheAddressAlone(t *testing.T) { // E-20, J-140
	t.Parallel()
	const ada = "ada@example.com"
	for name, c := range map[string]struct {
		records  []steps.Preference
		emailKey string
		category string
		want     bool
	}{
		"no record":                             {nil, ada, "news", true},
		"no address":                            {nil, "", "news", true},
		"the address is suppressed":             {[]steps.Preference{{EmailKey: ada, Suppressed: true}}, ada, "", false},
		"the address before it is suppressed":   {[]steps.Preference{{EmailKey: "old@example.com", Suppressed: true}}, ada, "", true},
		"a record without address, suppressed":  {[]steps.Preference{{Suppressed: true}}, "", "", true},
		"opted out under the address before it": {[]steps.Preference{{EmailKey: ada}, {EmailKey: "old@example.com", UnsubscribedAll: true}}, ada, "", false},
		"opted out of the category":             {[]steps.Preference{{EmailKey: ada}, {Categories: map[string]bool{"news": false}}}, ada, "news", false},
		"opted out of another category":         {[]steps.Preference{{Categories: map[string]bool{"news": false, "tips": true}}}, ada, "tips", true},
		"opted out of a category, none asked":   {[]steps.Preference{{Categories: map[string]bool{"news": false}}}, ada, "", true},
		"opted out of the nameless category":    {[]steps.Preference{{Categories: map[string]bool{"": false}}}, ada, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, steps.IsSubscribed(c.records, c.emailKey, c.category, nil))
		})
	}
}

func TestTheCategoryIsTheFirstGiven(t *testing.T) { // E-19
	t.Parallel()
	require.Equal(t, "a", steps.Category("a", "b", "c"))
	require.Equal(t, "b", steps.Category("", "b", "c"))
	require.Equal(t, "c", steps.Category("", "", "c"))
	require.Equal(t, "journey", steps.Category("", "", ""))
}

func TestTheWindowIsOpenAtItsStartAndClosedAtItsEnd(t *testing.T) { // E-25, S-38
	t.Parallel()
	g := steps.Gate{Window: hogsend.Window{Start: "9:00", End: "17:00"}, Zone: "Europe/Berlin"} // an hour ahead
	for at, opens := range map[string]string{
		"2026-03-04T07:59:59.999Z": "2026-03-04T08:00:00Z",
		"2026-03-04T08:00:00Z":     "",
		"2026-03-04T15:59:59.999Z": "",
		"2026-03-04T16:00:00Z":     "2026-03-05T08:00:00Z",
	} {
		var err error
		g.Now, err = time.Parse(time.RFC3339Nano, at)
		require.NoError(t, err)
		got := outcome(t, g)
		if opens == "" {
			require.Equal(t, steps.GateClaim, got.Action, at)
			continue
		}
		require.Equal(t, contract.SendOutsideWindow, got.Refusal.Reason)
		require.Equal(t, opens, got.Refusal.Until.Format(time.RFC3339Nano))
	}
	g.Zone = "Nowhere"
	_, err := g.Decide()
	require.ErrorContains(t, err, "Nowhere")
}
