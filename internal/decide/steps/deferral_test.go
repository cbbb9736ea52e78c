package steps_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// windowed is a send at noon whose window opens at three.
func windowed(change func(g *steps.Gate)) steps.Gate {
	g := steps.Gate{Now: noon, Window: hogsend.Window{Start: "15:00", End: "16:00"}, Zone: "UTC"}
	change(&g)
	return g
}

// gapped is a send whose journey's gap lasts for another half hour.
func gapped(change func(g *steps.Gate)) steps.Gate {
	g := steps.Gate{Now: noon, Limits: steps.Limits{Gap: time.Hour, JourneyIDs: []string{"welcome"}}, GapSends: []steps.PastSend{sent(30 * time.Minute)}}
	change(&g)
	return g
}

func deferredTo(reason contract.SendReason, passes, until time.Time) steps.GateOutcome {
	return steps.GateOutcome{
		Action: steps.GateDefer, Refusal: steps.Refusal{Status: contract.SendSkipped, Reason: reason, Until: passes}, Until: until,
	}
}

func TestWhatTimeLetsPassIsDeferredIfItIsToBe(t *testing.T) { // E-26, E-27, J-133
	t.Parallel()
	three, halfPast := noon.Add(3*time.Hour), noon.Add(30*time.Minute)
	for name, c := range map[string]struct {
		gate steps.Gate
		want steps.GateOutcome
	}{
		"nothing says so":             {windowed(func(*steps.Gate) {}), skippedUntil(contract.SendOutsideWindow, three)},
		"the default says so":         {windowed(func(g *steps.Gate) { g.DefaultOnBlocked = hogsend.Defer }), deferredTo(contract.SendOutsideWindow, three, three)},
		"the send says so":            {windowed(func(g *steps.Gate) { g.OnBlocked = hogsend.Defer }), deferredTo(contract.SendOutsideWindow, three, three)},
		"the send says no":            {windowed(func(g *steps.Gate) { g.OnBlocked, g.DefaultOnBlocked = hogsend.Skip, hogsend.Defer }), skippedUntil(contract.SendOutsideWindow, three)},
		"a gap, by default":           {gapped(func(g *steps.Gate) { g.DefaultOnBlocked = hogsend.Defer }), skippedUntil(contract.SendMinGap, halfPast)},
		"a gap, and the send says so": {gapped(func(g *steps.Gate) { g.OnBlocked = hogsend.Defer }), deferredTo(contract.SendMinGap, halfPast, halfPast)},
		"an opt-out is never deferred": {windowed(func(g *steps.Gate) {
			g.OnBlocked, g.Records = hogsend.Defer, []steps.Preference{{UnsubscribedAll: true}}
		}), refused(contract.SendSuppressed, contract.SendUnsubscribedAll)},
		"no longer than MaxDefer": {windowed(func(g *steps.Gate) { g.OnBlocked, g.MaxDefer = hogsend.Defer, time.Hour }), deferredTo(contract.SendOutsideWindow, three, noon.Add(time.Hour))},
		"since the first try": {windowed(func(g *steps.Gate) {
			g.OnBlocked, g.MaxDefer, g.Deferral = hogsend.Defer, time.Hour, steps.Deferral{Times: 1, Since: noon.Add(-40 * time.Minute)}
		}), deferredTo(contract.SendOutsideWindow, three, noon.Add(20*time.Minute))},
		"at the end of MaxDefer": {windowed(func(g *steps.Gate) {
			g.OnBlocked, g.MaxDefer, g.Deferral = hogsend.Defer, time.Hour, steps.Deferral{Times: 1, Since: noon.Add(-time.Hour), Open: true, Due: noon}
		}), skippedUntil(contract.SendOutsideWindow, three)},
		"behind MaxDefer, for its reason": {windowed(func(g *steps.Gate) {
			g.OnBlocked, g.MaxDefer = hogsend.Defer, time.Hour
			g.Deferral = steps.Deferral{Times: 2, Since: noon.Add(-time.Hour - 1), Open: true, Due: noon, Reason: contract.SendFrequencyCapped}
		}), refused(contract.SendSkipped, contract.SendFrequencyCapped)},
		"behind MaxDefer, but exempt by now": {windowed(func(g *steps.Gate) {
			g.Limits.Exempt, g.MaxDefer, g.Deferral = true, time.Hour, steps.Deferral{Times: 1, Since: noon.Add(-2 * time.Hour), Open: true, Due: noon}
		}), steps.GateOutcome{Action: steps.GateClaim}},
		"seven days unless told otherwise": {windowed(func(g *steps.Gate) {
			g.OnBlocked, g.Deferral = hogsend.Defer, steps.Deferral{Times: 1, Since: noon.Add(time.Hour - 7*hogsend.Day)}
		}), deferredTo(contract.SendOutsideWindow, three, noon.Add(time.Hour))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, outcome(t, c.gate))
		})
	}
}

func TestASendStandsAtItsDeferralUntilItIsDue(t *testing.T) { // E-26, E-18
	t.Parallel()
	later := steps.Deferral{Times: 1, Since: noon, Open: true, Due: noon.Add(1)}
	require.Equal(t, steps.GateNotYet, outcome(t, steps.Gate{Now: noon, Deferral: later, Paused: true}).Action)
	require.Equal(t, contract.SendEnrollmentEnded, outcome(t, steps.Gate{Now: noon, Deferral: later, Ended: true}).Refusal.Reason)
	later.Open = false
	require.Equal(t, steps.GateClaim, outcome(t, steps.Gate{Now: noon, Deferral: later}).Action)
	later.Open, later.Due = true, noon
	require.Equal(t, steps.GateClaim, outcome(t, steps.Gate{Now: noon, Deferral: later}).Action)
}

func TestDeferredSendsTakeTurns(t *testing.T) { // E-27
	t.Parallel()
	g := windowed(func(g *steps.Gate) {
		g.Behind, g.Deferral = true, steps.Deferral{Times: 1, Since: noon, Open: true, Due: noon}
	})
	require.Equal(t, steps.GateGivesWay, outcome(t, g).Action)
	g.Records = []steps.Preference{{UnsubscribedAll: true}} // what will not go at all lets nobody go first
	require.Equal(t, steps.GateRefuse, outcome(t, g).Action)
	g.Records, g.Limits.Exempt = nil, true
	require.Equal(t, steps.GateClaim, outcome(t, g).Action)
}
