package decide_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// windowed is a send at noon whose window opens at three.
func windowed(change func(g *decide.Gate)) decide.Gate {
	g := decide.Gate{Now: noon, Window: hogsend.Window{Start: "15:00", End: "16:00"}, Zone: "UTC"}
	change(&g)
	return g
}

// gapped is a send whose journey's gap lasts for another half hour.
func gapped(change func(g *decide.Gate)) decide.Gate {
	g := decide.Gate{Now: noon, Limits: decide.Limits{Gap: time.Hour, JourneyIDs: []string{"welcome"}}, GapSends: []decide.PastSend{sent(30 * time.Minute)}}
	change(&g)
	return g
}

func deferredTo(reason contract.SendReason, passes, until time.Time) decide.GateOutcome {
	return decide.GateOutcome{
		Action: decide.GateDefer, Refusal: decide.Refusal{Status: contract.SendSkipped, Reason: reason, Until: passes}, Until: until,
	}
}

func TestWhatTimeLetsPassIsDeferredIfItIsToBe(t *testing.T) { // E-26, E-27, J-133
	t.Parallel()
	three, halfPast := noon.Add(3*time.Hour), noon.Add(30*time.Minute)
	for name, c := range map[string]struct {
		gate decide.Gate
		want decide.GateOutcome
	}{
		"nothing says so":             {windowed(func(*decide.Gate) {}), skippedUntil(contract.SendOutsideWindow, three)},
		"the default says so":         {windowed(func(g *decide.Gate) { g.DefaultOnBlocked = hogsend.Defer }), deferredTo(contract.SendOutsideWindow, three, three)},
		"the send says so":            {windowed(func(g *decide.Gate) { g.OnBlocked = hogsend.Defer }), deferredTo(contract.SendOutsideWindow, three, three)},
		"the send says no":            {windowed(func(g *decide.Gate) { g.OnBlocked, g.DefaultOnBlocked = hogsend.Skip, hogsend.Defer }), skippedUntil(contract.SendOutsideWindow, three)},
		"a gap, by default":           {gapped(func(g *decide.Gate) { g.DefaultOnBlocked = hogsend.Defer }), skippedUntil(contract.SendMinGap, halfPast)},
		"a gap, and the send says so": {gapped(func(g *decide.Gate) { g.OnBlocked = hogsend.Defer }), deferredTo(contract.SendMinGap, halfPast, halfPast)},
		"an opt-out is never deferred": {windowed(func(g *decide.Gate) {
			g.OnBlocked, g.Records = hogsend.Defer, []decide.Preference{{UnsubscribedAll: true}}
		}), refused(contract.SendSuppressed, contract.SendUnsubscribedAll)},
		"no longer than MaxDefer": {windowed(func(g *decide.Gate) { g.OnBlocked, g.MaxDefer = hogsend.Defer, time.Hour }), deferredTo(contract.SendOutsideWindow, three, noon.Add(time.Hour))},
		"since the first try": {windowed(func(g *decide.Gate) {
			g.OnBlocked, g.MaxDefer, g.Deferral = hogsend.Defer, time.Hour, decide.Deferral{Times: 1, Since: noon.Add(-40 * time.Minute)}
		}), deferredTo(contract.SendOutsideWindow, three, noon.Add(20*time.Minute))},
		"at the end of MaxDefer": {windowed(func(g *decide.Gate) {
			g.OnBlocked, g.MaxDefer, g.Deferral = hogsend.Defer, time.Hour, decide.Deferral{Times: 1, Since: noon.Add(-time.Hour), Open: true, Due: noon}
		}), skippedUntil(contract.SendOutsideWindow, three)},
		"behind MaxDefer, for its reason": {windowed(func(g *decide.Gate) {
			g.OnBlocked, g.MaxDefer = hogsend.Defer, time.Hour
			g.Deferral = decide.Deferral{Times: 2, Since: noon.Add(-time.Hour - 1), Open: true, Due: noon, Reason: contract.SendFrequencyCapped}
		}), refused(contract.SendSkipped, contract.SendFrequencyCapped)},
		"behind MaxDefer, but exempt by now": {windowed(func(g *decide.Gate) {
			g.Limits.Exempt, g.MaxDefer, g.Deferral = true, time.Hour, decide.Deferral{Times: 1, Since: noon.Add(-2 * time.Hour), Open: true, Due: noon}
		}), decide.GateOutcome{Action: decide.GateClaim}},
		"seven days unless told otherwise": {windowed(func(g *decide.Gate) {
			g.OnBlocked, g.Deferral = hogsend.Defer, decide.Deferral{Times: 1, Since: noon.Add(time.Hour - 7*hogsend.Day)}
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
	later := decide.Deferral{Times: 1, Since: noon, Open: true, Due: noon.Add(1)}
	require.Equal(t, decide.GateNotYet, outcome(t, decide.Gate{Now: noon, Deferral: later, Paused: true}).Action)
	require.Equal(t, contract.SendEnrollmentEnded, outcome(t, decide.Gate{Now: noon, Deferral: later, Ended: true}).Refusal.Reason)
	later.Open = false
	require.Equal(t, decide.GateClaim, outcome(t, decide.Gate{Now: noon, Deferral: later}).Action)
	later.Open, later.Due = true, noon
	require.Equal(t, decide.GateClaim, outcome(t, decide.Gate{Now: noon, Deferral: later}).Action)
}

func TestDeferredSendsTakeTurns(t *testing.T) { // E-27
	t.Parallel()
	g := windowed(func(g *decide.Gate) {
		g.Behind, g.Deferral = true, decide.Deferral{Times: 1, Since: noon, Open: true, Due: noon}
	})
	require.Equal(t, decide.GateGivesWay, outcome(t, g).Action)
	g.Records = []decide.Preference{{UnsubscribedAll: true}} // what will not go at all lets nobody go first
	require.Equal(t, decide.GateRefuse, outcome(t, g).Action)
	g.Records, g.Limits.Exempt = nil, true
	require.Equal(t, decide.GateClaim, outcome(t, g).Action)
}
