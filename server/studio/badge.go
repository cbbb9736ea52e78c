package studio

import (
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
	"github.com/hogsend/hogsend/server/studio/view"
)

// The badges: a word, a shape and a color for each state, the same on every page.
func ok(word string) view.Badge     { return view.Badge{Word: word, Shape: "✓", Tone: "ok"} }
func run(word string) view.Badge    { return view.Badge{Word: word, Shape: "●", Tone: "run"} }
func wait(word string) view.Badge   { return view.Badge{Word: word, Shape: "◔", Tone: "wait"} }
func bad(word string) view.Badge    { return view.Badge{Word: word, Shape: "✕", Tone: "bad"} }
func off(word string) view.Badge    { return view.Badge{Word: word, Shape: "–", Tone: "off"} }
func policy(word string) view.Badge { return view.Badge{Word: word, Shape: "⊘", Tone: "policy"} }

func paused(word string) view.Badge { return view.Badge{Word: word, Shape: "‖", Tone: "wait"} }

// sendBadge is the state of a mail.
func sendBadge(status contract.SendStatus) view.Badge {
	switch status {
	case contract.SendQueued:
		return wait("queued")
	case contract.SendSent:
		return run("handed over")
	case contract.SendDelivered:
		return ok("delivered")
	case contract.SendOpened:
		return ok("opened")
	case contract.SendClicked:
		return ok("clicked")
	case contract.SendBounced:
		return bad("came back")
	case contract.SendComplained:
		return bad("reported as spam")
	case contract.SendFailed:
		return bad("failed")
	case contract.SendSuppressed:
		return policy("blocked")
	case contract.SendSkipped:
		return policy("left out")
	}
	return off(string(status))
}

// enrollmentBadge is the state of somebody in a journey.
func enrollmentBadge(status contract.EnrollmentStatus) view.Badge {
	switch status {
	case contract.EnrollmentActive:
		return run("active")
	case contract.EnrollmentWaiting:
		return wait("waiting")
	case contract.EnrollmentCompleted:
		return ok("completed")
	case contract.EnrollmentFailed:
		return bad("failed")
	case contract.EnrollmentExited:
		return off("left")
	}
	return off(string(status))
}

// verdictBadge is an answer in a word.
func verdictBadge(v why.Verdict) view.Badge {
	switch v {
	case why.Yes:
		return ok("Yes")
	case why.No:
		return off("No")
	case why.NotYet:
		return wait("Not yet")
	case why.Unknown:
	}
	return bad("Not known")
}

// mailBadge says whether an address gets no mail at all.
func mailBadge(p storedb.Preference) (badge view.Badge, blocked bool) {
	switch {
	case p.Suppressed:
		return bad("blocked: " + textOf(p.SuppressionReason)), true
	case p.UnsubscribedAll:
		return policy("unsubscribed"), true
	}
	return ok("may get mail"), false
}
