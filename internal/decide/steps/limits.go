package steps

import (
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
)

// PastSend is an earlier send to the contact or to its address, as caps, gaps and
// throttles look at it.
type PastSend struct {
	// ClaimedAt is zero for one that the gate refused.
	ClaimedAt          time.Time
	Status             contract.SendStatus
	Reason             contract.SendReason
	JourneyID          string
	Template, Category string
	Test               bool
	ToAnotherContact   bool // it went to the address alone
}

// Counts reports whether the send went out or is on its way (E-22). SQL says the same
// where it counts over a long past: "status not in ('suppressed', 'skipped') and …".
func (s PastSend) Counts() bool {
	switch {
	case s.ClaimedAt.IsZero() || s.Test || s.Status == contract.SendSuppressed || s.Status == contract.SendSkipped:
		return false
	case s.Status == contract.SendFailed:
		return s.Reason == contract.SendUnknownOutcome
	}
	return true
}

// Limits are the gap and the cap that one send is held to: rows 9 and 10 of the gate.
type Limits struct {
	// Exempt passes the send window as well, and was never deferred (E-15, E-16).
	Exempt bool
	// Gap is the least time between two mails of the journey, whose ids JourneyIDs are
	// (E-24).
	Gap        time.Duration
	JourneyIDs []string
	Cap        hogsend.CategoryCap
	// Priority is that of the send (E-82).
	Priority int
	// CapCategory is the only category that the cap counts; "" for all (E-23).
	CapCategory string
}

// LimitsOf are the limits of a send of a category. One that skips preferences is exempt,
// as is one of an exempt category.
func LimitsOf(c hogsend.FrequencyCap, gap time.Duration, journeyIDs []string, category string, skipPreferences bool) Limits {
	if skipPreferences || definition.Exempts(c, category) {
		return Limits{Exempt: true}
	}
	l := Limits{Gap: gap, JourneyIDs: journeyIDs}
	var own bool
	if l.Cap, own = definition.CapOf(c, category); own {
		l.CapCategory = category
	}
	return l
}

// withinGap is row 9 of the gate.
func (l Limits) withinGap(now time.Time, sends []PastSend) *Refusal {
	if l.Gap <= 0 {
		return nil
	}
	var last time.Time
	for _, s := range sends {
		if s.Counts() && !s.ToAnotherContact && slices.Contains(l.JourneyIDs, s.JourneyID) && s.ClaimedAt.After(last) {
			last = s.ClaimedAt
		}
	}
	if until := last.Add(l.Gap); !last.IsZero() && until.After(now) {
		return &Refusal{Status: contract.SendSkipped, Reason: contract.SendMinGap, Until: until}
	}
	return nil
}

// DeferredSend is a send that waits for its time, to the contact or to its address.
type DeferredSend struct {
	Due      time.Time
	Priority int
	Category string
}

// outranked keeps the last places of a cap for deferred sends of a higher priority, as long
// as they may use them: within the cap's window. The send is tried again a second after they
// are due, then each minute (E-82).
func (l Limits) outranked(now time.Time, places int, deferred []DeferredSend) *Refusal {
	ahead, latest := 0, time.Time{}
	for _, d := range deferred {
		if d.Priority > l.Priority && d.Due.Before(now.Add(l.Cap.Window)) && (l.CapCategory == "" || d.Category == l.CapCategory) {
			ahead++
			if d.Due.After(latest) {
				latest = d.Due
			}
		}
	}
	if ahead == 0 || places > ahead {
		return nil
	}
	until := latest.Add(time.Second)
	if !until.After(now) {
		until = now.Add(time.Minute)
	}
	return &Refusal{Status: contract.SendSkipped, Reason: contract.SendPriority, Until: until}
}

// capped is row 10. A claim counts until it is older than the window, hence the
// millisecond (E-26).
func (l Limits) capped(now time.Time, sends []PastSend, deferred []DeferredSend) *Refusal {
	if l.Cap.Count < 1 {
		return nil
	}
	var claims []time.Time
	for _, s := range sends {
		if s.Counts() && !s.ClaimedAt.Before(now.Add(-l.Cap.Window)) && (l.CapCategory == "" || s.Category == l.CapCategory) {
			claims = append(claims, s.ClaimedAt)
		}
	}
	if places := l.Cap.Count - len(claims); places > 0 {
		return l.outranked(now, places, deferred)
	}
	slices.SortFunc(claims, time.Time.Compare)
	fills := claims[len(claims)-l.Cap.Count] // once it is too old, there is room
	return &Refusal{Status: contract.SendSkipped, Reason: contract.SendFrequencyCapped, Until: fills.Add(l.Cap.Window + time.Millisecond)}
}

// Throttle is what Run.Throttle counts (J-144). An empty filter lets everything pass.
type Throttle struct {
	Since              time.Time
	JourneyIDs         []string
	Template, Category string
}

// Count is how many of the sends count. SQL decides it alone in production, where the
// past is too long to be read: ThrottleCount.
func (t Throttle) Count(sends []PastSend) int {
	n := 0
	for _, s := range sends {
		if s.Counts() && !s.ClaimedAt.Before(t.Since) && (len(t.JourneyIDs) == 0 || slices.Contains(t.JourneyIDs, s.JourneyID)) &&
			(t.Template == "" || t.Template == s.Template) && (t.Category == "" || t.Category == s.Category) {
			n++
		}
	}
	return n
}
