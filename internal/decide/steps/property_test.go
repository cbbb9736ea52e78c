package steps_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// minutes draws a time in whole minutes, so that random instants often meet.
func minutes(t *rapid.T, least, most int, label string) time.Duration {
	return time.Duration(rapid.IntRange(least, most).Draw(t, label)) * time.Minute
}

func drawSends(t *rapid.T) []steps.PastSend {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) steps.PastSend {
		return steps.PastSend{
			ClaimedAt: noon.Add(-minutes(t, 0, 90, "ago")),
			Status:    rapid.SampledFrom([]contract.SendStatus{contract.SendQueued, contract.SendSent, contract.SendFailed, contract.SendSkipped, "clicked"}).Draw(t, "status"),
			Reason:    rapid.SampledFrom([]contract.SendReason{"", contract.SendUnknownOutcome, "no such mailbox"}).Draw(t, "reason"),
			JourneyID: rapid.SampledFrom([]string{"welcome", "was", "other"}).Draw(t, "journey"),
			Category:  rapid.SampledFrom([]string{"news", "journey"}).Draw(t, "category"),
			Test:      rapid.Bool().Draw(t, "test"), ToAnotherContact: rapid.Bool().Draw(t, "another contact"),
		}
	}), 0, 8).Draw(t, "sends")
}

func drawGate(t *rapid.T) steps.Gate {
	sends := drawSends(t)
	g := steps.Gate{
		Now: noon, Ended: rapid.IntRange(0, 9).Draw(t, "ended") == 0, Paused: rapid.IntRange(0, 9).Draw(t, "paused") == 0,
		NoAddress: rapid.IntRange(0, 9).Draw(t, "no address") == 0, EmailKey: "ada@example.com",
		Category:            rapid.SampledFrom([]string{"news", "journey", "transactional"}).Draw(t, "category"),
		SkipPreferenceCheck: rapid.IntRange(0, 4).Draw(t, "skips preferences") == 0,
		GapSends:            sends, CapSends: sends, Zone: "Europe/Berlin", MaxDefer: minutes(t, 0, 60, "most"),
		Behind: rapid.IntRange(0, 9).Draw(t, "behind") == 0,
	}
	how := rapid.SampledFrom([]hogsend.OnBlocked{"", hogsend.Skip, hogsend.Defer})
	g.OnBlocked, g.DefaultOnBlocked = how.Draw(t, "on blocked"), how.Draw(t, "default")
	if g.Effect.N = rapid.IntRange(0, 2).Draw(t, "holds"); g.Effect.N > 0 {
		g.Effect.Closed, g.Effect.Skip = rapid.Bool().Draw(t, "closed"), rapid.Bool().Draw(t, "skip")
		if rapid.Bool().Draw(t, "resumed") {
			g.Effect.DueAt = noon
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "records") {
		p := steps.Preference{
			EmailKey: rapid.SampledFrom([]string{"ada@example.com", "old@example.com"}).Draw(t, "address"), UnsubscribedAll: rapid.IntRange(0, 4).Draw(t, "out") == 0,
			Suppressed: rapid.IntRange(0, 4).Draw(t, "suppressed") == 0, Suppression: "bounce",
		}
		if rapid.Bool().Draw(t, "categories") {
			p.Categories = map[string]bool{"news": rapid.Bool().Draw(t, "news")}
		}
		g.Records = append(g.Records, p)
	}
	if rapid.Bool().Draw(t, "window") {
		g.Window = hogsend.Window{Start: rapid.SampledFrom([]string{"12:30", "13:00", "13:30"}).Draw(t, "opens"), End: "14:00"}
	}
	caps := hogsend.FrequencyCap{Count: rapid.IntRange(0, 3).Draw(t, "cap"), Window: time.Hour}
	if rapid.Bool().Draw(t, "own cap") {
		caps.ByCategory = map[string]hogsend.CategoryCap{"news": {Count: 1, Window: 30 * time.Minute}}
	}
	gap := time.Duration(rapid.IntRange(0, 2).Draw(t, "gap")) * 20 * time.Minute
	g.Limits = steps.LimitsOf(caps, gap, []string{"welcome", "was"}, g.Category, g.SkipPreferenceCheck)
	if g.Deferral.Times = rapid.IntRange(0, 2).Draw(t, "deferrals"); g.Deferral.Times > 0 {
		g.Deferral = steps.Deferral{
			Times: g.Deferral.Times, Since: noon.Add(-minutes(t, 0, 70, "since")), Open: rapid.Bool().Draw(t, "open"),
			Due: noon.Add(minutes(t, -2, 2, "due")), Reason: contract.SendFrequencyCapped,
		}
	}
	return g
}

// The table of E-13, each row by itself: whether it applies, whatever the others say.
func naiveRows(g steps.Gate) []struct {
	applies bool
	action  steps.GateAction
	reason  contract.SendReason
} {
	out, suppressed, category := false, false, false
	for _, p := range g.Records {
		out = out || p.UnsubscribedAll
		suppressed = suppressed || p.Suppressed && p.EmailKey == g.EmailKey
		on, given := p.Categories[g.Category]
		category = category || given && !on
	}
	counted := func(within time.Duration, exactly bool, which func(s steps.PastSend) bool) (n int) {
		for _, s := range g.GapSends {
			age := noon.Sub(s.ClaimedAt)
			went := s.Status == "queued" || s.Status == "sent" || s.Status == "clicked" || s.Status == "failed" && s.Reason == "unknown_outcome"
			if went && !s.Test && (age < within || exactly && age == within) && which(s) {
				n++
			}
		}
		return n
	}
	// At noon in London it is one o'clock in Berlin.
	outside := g.Window.Start != "" && (g.Window.Start > "13:00")
	passes6 := g.SkipPreferenceCheck || g.Category == "transactional" // E-16
	passes8 := passes6
	gap := counted(g.Limits.Gap, false, func(s steps.PastSend) bool { return s.JourneyID != "other" && !s.ToAnotherContact }) > 0
	full := g.Limits.Cap.Count > 0 && counted(g.Limits.Cap.Window, true, func(s steps.PastSend) bool { return g.Limits.CapCategory == "" || s.Category == g.Category }) >= g.Limits.Cap.Count
	stands := g.Deferral.Times > 0 && g.Deferral.Open
	return []struct {
		applies bool
		action  steps.GateAction
		reason  contract.SendReason
	}{
		{!g.Ended && stands && g.Deferral.Due.After(noon), steps.GateNotYet, ""},
		{!g.Ended && (g.Paused || g.Effect.N > 0 && !g.Effect.Closed && g.Effect.DueAt.Equal(noon)), steps.GateHold, ""},
		{g.Ended, steps.GateRefuse, contract.SendEnrollmentEnded},
		{g.Effect.N > 0 && g.Effect.Closed && g.Effect.Skip, steps.GateRefuse, contract.SendPausedLate},
		{g.NoAddress, steps.GateRefuse, contract.SendNoEmail},
		{suppressed, steps.GateRefuse, "bounce"},
		{out && !passes6, steps.GateRefuse, contract.SendUnsubscribedAll},
		{category && !passes6, steps.GateRefuse, contract.SendCategoryOptOut},
		{stands && noon.Sub(g.Deferral.Since) > mostDeferred(g) && !passes8, steps.GateRefuse, contract.SendFrequencyCapped},
		{g.Behind && !passes8, steps.GateGivesWay, ""},
		{outside && !passes8, steps.GateRefuse, contract.SendOutsideWindow},
		{gap && !passes8, steps.GateRefuse, contract.SendMinGap},
		{full && !passes8, steps.GateRefuse, contract.SendFrequencyCapped},
		{true, steps.GateClaim, ""},
	}
}

func mostDeferred(g steps.Gate) time.Duration { return cmp.Or(g.MaxDefer, 7*hogsend.Day) }

func TestTheGateIsItsTable(t *testing.T) { // E-13, E-15, E-16, E-20 to E-27
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGate(t)
		got, err := g.Decide()
		require.NoError(t, err)
		rows := naiveRows(g)
		row := rows[slices.IndexFunc(rows, func(r struct {
			applies bool
			action  steps.GateAction
			reason  contract.SendReason
		},
		) bool {
			return r.applies
		})]
		require.Equal(t, row.reason, got.Refusal.Reason)
		if got.Action != steps.GateDefer {
			require.Equal(t, row.action, got.Action)
			return
		}
		require.Equal(t, steps.GateRefuse, row.action)
		first := noon
		if g.Deferral.Times > 0 {
			first = g.Deferral.Since
		}
		require.True(t, got.Until.After(noon) || got.Until.Equal(first.Add(mostDeferred(g))))
		require.False(t, got.Until.After(first.Add(mostDeferred(g))), "E-27")
		require.False(t, got.Until.After(got.Refusal.Until))
	})
}

// A refused send passes the check at the instant that it is deferred to, and not a
// moment before.
func TestADeferredSendIsDueAsSoonAsItsCheckPasses(t *testing.T) { // E-26
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := steps.Gate{Now: noon, Zone: "Europe/Berlin", OnBlocked: hogsend.Defer}
		g.GapSends = drawSends(t)
		g.CapSends = g.GapSends
		moment := time.Nanosecond
		switch rapid.IntRange(0, 2).Draw(t, "check") {
		case 0:
			g.Window = hogsend.Window{Start: rapid.SampledFrom([]string{"9:30", "18:00", "14:00"}).Draw(t, "opens"), End: rapid.SampledFrom([]string{"12:00", "13:00", "23:00"}).Draw(t, "closes")}
		case 1:
			g.Limits = steps.Limits{Gap: minutes(t, 1, 120, "gap"), JourneyIDs: []string{"welcome"}}
		case 2:
			g.Limits.Cap = hogsend.CategoryCap{Count: rapid.IntRange(1, 3).Draw(t, "cap"), Window: minutes(t, 1, 120, "window")}
			moment = time.Millisecond
		}
		got, err := g.Decide()
		require.NoError(t, err)
		if got.Action == steps.GateClaim {
			return
		}
		require.Equal(t, steps.GateDefer, got.Action)
		g.Now = got.Until.Add(-moment)
		before, err := g.Decide()
		require.NoError(t, err)
		require.Equal(t, steps.GateDefer, before.Action)
		g.Now = got.Until
		then, err := g.Decide()
		require.NoError(t, err)
		require.Equal(t, steps.GateClaim, then.Action)
	})
}

// Whatever else the past holds, what a query left of it decides alike: the newest claim of
// the journey, and as many of the newest as the cap allows.
func TestTheNewestClaimsDecideAsAllOfThem(t *testing.T) { // E-21, E-24
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGate(t)
		all, err := g.Decide()
		require.NoError(t, err)
		newest := func(most int, which func(s steps.PastSend) bool) []steps.PastSend {
			left := slices.DeleteFunc(slices.Clone(g.CapSends), func(s steps.PastSend) bool { return !s.Counts() || !which(s) })
			slices.SortStableFunc(left, func(a, b steps.PastSend) int { return b.ClaimedAt.Compare(a.ClaimedAt) })
			return left[:min(most, len(left))]
		}
		g.GapSends = newest(1, func(s steps.PastSend) bool { return s.JourneyID != "other" && !s.ToAnotherContact })
		g.CapSends = newest(g.Limits.Cap.Count, func(s steps.PastSend) bool { return g.Limits.CapCategory == "" || s.Category == g.Limits.CapCategory })
		few, err := g.Decide()
		require.NoError(t, err)
		require.Equal(t, all, few)
	})
}

func drawEvents(t *rapid.T) []steps.PastEvent {
	var events []steps.PastEvent
	at := noon.Add(-time.Hour)
	for seq := range int64(rapid.IntRange(0, 12).Draw(t, "events")) {
		at = at.Add(minutes(t, 0, 20, "pause"))
		events = append(events, steps.PastEvent{
			Name: rapid.SampledFrom([]string{"word", "other"}).Draw(t, "name"), Seq: seq, ReceivedAt: at, OccurredAt: at.Add(-minutes(t, 0, 90, "late")),
			Properties: []byte(rapid.SampledFrom([]string{`{"n":1}`, `{"n":2}`, `{}`}).Draw(t, "properties")), Spent: rapid.IntRange(0, 4).Draw(t, "spent") == 0,
		})
	}
	if len(events) > 0 {
		events[rapid.IntRange(0, len(events)-1).Draw(t, "trigger")].Trigger = true
	}
	return events
}

func TestALookBackIsTheEarliestOfAllThatCount(t *testing.T) { // J-125, J-128, J-130
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		l := steps.LookBack{
			After:       contract.EventPosition{At: noon.Add(minutes(t, -60, 60, "position")), Seq: int64(rapid.IntRange(0, 12).Draw(t, "seq"))},
			LateHorizon: time.Hour,
		}
		if rapid.Bool().Draw(t, "deadline") {
			l.Deadline = instant(minutes(t, -30, 90, "until"))
		}
		l.Awaited = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) steps.Awaited {
			a := steps.Awaited{Event: rapid.SampledFrom([]string{"word", "other"}).Draw(t, "event"), Lookback: minutes(t, 0, 2, "look-back") * 30}
			if rapid.Bool().Draw(t, "where") {
				a.Where = []hogsend.Condition{hogsend.Prop("n").Eq(2)}
			}
			return a
		}), 0, 3).Draw(t, "awaited")

		type pair struct{ event, place int }
		best := pair{-1, -1}
		for place := len(l.Awaited) - 1; place >= 0; place-- { // the other way round
			a := l.Awaited[place]
			for i := len(events) - 1; i >= 0; i-- {
				e := events[i]
				matches := e.Name == a.Event && (a.Where == nil || string(e.Properties) == `{"n":2}`)
				behind := e.ReceivedAt.After(l.After.At) || e.ReceivedAt.Equal(l.After.At) && e.Seq > l.After.Seq
				punctual := e.ReceivedAt.Sub(e.OccurredAt) <= time.Hour
				recent := a.Lookback != 0 && l.After.At.Sub(e.OccurredAt) <= a.Lookback
				inTime := l.Deadline == nil || e.ReceivedAt.Compare(*l.Deadline) <= 0
				if matches && (behind && punctual || recent) && inTime && !e.Trigger && !e.Spent && (best.event < 0 || i <= best.event) {
					best = pair{i, place}
				}
			}
		}
		found, place, err := l.Find(events)
		require.NoError(t, err)
		require.Equal(t, best, pair{found, place})
	})
}

// Waits one after the other, each looking back to where the one before ended, get each
// event once, in order, and none that came in between is lost.
func TestWaitsOneAfterTheOtherMissNothing(t *testing.T) { // J-117, J-125
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		var want, got []int64
		for i := range events {
			events[i].Spent, events[i].OccurredAt = false, events[i].ReceivedAt
			if events[i].Name == "word" && !events[i].Trigger {
				want = append(want, events[i].Seq)
			}
		}
		l := steps.LookBack{Awaited: []steps.Awaited{{Event: "word", Lookback: time.Duration(rapid.IntRange(0, 1).Draw(t, "look-back")) * time.Hour}}, LateHorizon: time.Hour}
		for {
			i, _, err := l.Find(events)
			require.NoError(t, err)
			if i < 0 {
				break
			}
			got = append(got, events[i].Seq)
			events[i].Spent, l.After = true, steps.AfterEvent(events[i].ReceivedAt, events[i].Seq)
		}
		require.Equal(t, want, got)
	})
}

// Enrollments of one journey whose trigger is what they digest, one after the other: each
// event that came until the last flush is in exactly one digest.
func TestNoEventIsInTwoDigestsAndNoneFallsBetween(t *testing.T) { // J-143
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		for i := range events {
			events[i].Name, events[i].Trigger, events[i].Spent = "word", false, false
		}
		collected := map[int64]int{}
		var last *steps.PastDigest
		for next := 0; next < len(events); {
			trigger := events[next]
			flush := trigger.ReceivedAt.Add(minutes(t, 1, 40, "window"))
			d := steps.Digest{
				Event: "word", Until: flush, After: contract.EventPosition{At: trigger.ReceivedAt, Seq: trigger.Seq}, TriggerSeq: trigger.Seq, Last: last,
			}
			if lookback := minutes(t, 0, 1, "look-back") * 15; lookback > 0 {
				d.Since = trigger.ReceivedAt.Add(-lookback)
			}
			for i := range events {
				events[i].Trigger = events[i].Seq == trigger.Seq
				goes, err := d.Collects(&events[i])
				require.NoError(t, err)
				if goes {
					collected[events[i].Seq]++
					events[i].Spent = true
				}
			}
			for _, e := range events[:next] {
				require.Equal(t, 1, collected[e.Seq], "of an enrollment before")
			}
			// The enrollment goes on for a while: what comes meanwhile enrolls nobody.
			last = &steps.PastDigest{FlushedAt: flush, EndedAt: flush.Add(minutes(t, 0, 40, "rest"))}
			for next < len(events) && !events[next].ReceivedAt.After(last.EndedAt) {
				if !events[next].ReceivedAt.After(flush) {
					require.Equal(t, 1, collected[events[next].Seq], "received in the window")
				}
				next++
			}
		}
	})
}
