// Package steps decides what a step of a journey does: whether a send may leave, and when
// it is tried again; what ends a wait, and what a digest collects; whether an effect begins
// or a pause holds it. Like package decide it does no I/O and reads no clock.
package steps

import (
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Refusal is why a send may not leave, as it is stored (E-13).
type Refusal struct {
	Status contract.SendStatus
	Reason contract.SendReason
	// Until is the first instant at which the check would let it pass; zero for checks
	// that time does not pass (E-26).
	Until time.Time
}

// Transactional is the category of mails that people cannot unsubscribe from (E-16).
const Transactional = "transactional"

// Gate is all that decides about one send whose key has no row yet, as it stands under
// the locks of the contact and of its address (E-12).
type Gate struct {
	Now time.Time

	// Ended says that the enrollment or its contact is no more.
	Ended bool
	// Paused says that the journey is, Effect how the step was held before.
	Paused bool
	Effect PausedEffect
	// NoRecipient says that the mail is for another contact, who is not there (E-83).
	NoRecipient bool
	// NoAddress says that the contact has none that a mail could be sent to.
	NoAddress bool
	// Records are those of the address, whose key is EmailKey, and of the contact.
	Records  []Preference
	EmailKey string

	Category string // as Category or DirectCategory says
	// List is the one whose subscribers the mail is for; "" for none (E-70).
	List                string
	SkipPreferenceCheck bool
	// Lists are the registry's.
	Lists []hogsend.List
	// Window is the send's own or else the default; Zone the contact's, which only counts
	// with a window.
	Window hogsend.Window
	Zone   string
	Limits Limits
	// GapSends and CapSends are the earlier sends that the limits may count: all of the
	// past, or what a query bounded by the same limits has left of it.
	GapSends, CapSends []PastSend

	// Deferred are the other deferred sends to the contact or its address, but for those of
	// paused journeys: all of them, or those that outrank this one.
	Deferred []DeferredSend

	// TestMode says that mails are only tried out, and this one would go nowhere (E-41).
	TestMode bool

	Deferral Deferral
	// Behind says that another deferred send of the contact is to be tried first (E-27).
	Behind bool
	// OnBlocked is the send's own, "" for none; DefaultOnBlocked is for those.
	OnBlocked, DefaultOnBlocked hogsend.OnBlocked
	MaxDefer                    time.Duration // 0 for DefaultMaxDefer
}

// GateAction is what becomes of a send.
type GateAction string

// The actions. A claimed, refused or newly deferred send no longer stands at an earlier
// deferral, and neither does one that a pause holds.
const (
	GateClaim    GateAction = "claim"
	GateRefuse   GateAction = "refuse"
	GateDefer    GateAction = "defer"     // to Until
	GateHold     GateAction = "hold"      // by a pause
	GateNotYet   GateAction = "not_yet"   // it still stands at its deferral
	GateGivesWay GateAction = "gives_way" // to be tried again a moment later
)

// GateOutcome is the decision. Refusal is the check that refuses the send or lets it
// wait.
type GateOutcome struct {
	Action  GateAction
	Refusal Refusal
	Until   time.Time
}

// Decide goes through the rows of the gate; the first one that applies decides (E-13).
// Row 1, a send that is known under the key, is the caller's. Errors are of a window that
// is none.
func (g Gate) Decide() (GateOutcome, error) {
	switch {
	case !g.Ended && g.Deferral.early(g.Now):
		return GateOutcome{Action: GateNotYet}, nil
	case !g.Ended && g.Effect.Holds(g.Paused): // row 3
		return GateOutcome{Action: GateHold}, nil
	}
	refused := g.person()
	if refused == nil && !g.Limits.Exempt {
		if g.Behind {
			return GateOutcome{Action: GateGivesWay}, nil
		}
		var err error
		if refused, err = g.timing(); err != nil {
			return GateOutcome{}, err
		}
	}
	if refused == nil && g.TestMode { // row 11
		refused = &Refusal{Status: contract.SendSkipped, Reason: contract.SendTestMode}
	}
	if refused == nil {
		return GateOutcome{Action: GateClaim}, nil
	}
	if until := g.Deferral.until(g.Now, refused, g.onBlocked(refused.Reason), g.maxDefer()); !until.IsZero() {
		return GateOutcome{Action: GateDefer, Refusal: *refused, Until: until}, nil
	}
	return GateOutcome{Action: GateRefuse, Refusal: *refused}, nil
}

// person is rows 2 to 7 but the pause: what stands between the contact and the mail,
// whenever it is sent, and a deferral that took too long.
func (g Gate) person() *Refusal {
	switch {
	case g.Ended: // row 2
		return &Refusal{Status: contract.SendSkipped, Reason: contract.SendEnrollmentEnded}
	case g.Effect.late():
		return &Refusal{Status: contract.SendSkipped, Reason: contract.SendPausedLate}
	case g.NoRecipient: // row 4
		return &Refusal{Status: contract.SendSkipped, Reason: contract.SendNoRecipient}
	case g.NoAddress: // row 4
		return &Refusal{Status: contract.SendSkipped, Reason: contract.SendNoEmail}
	}
	refused := suppressed(g.Records, g.EmailKey)
	if refused == nil && !g.SkipPreferenceCheck && g.Category != Transactional { // E-15, E-16
		refused = optedOut(g.Records, g.Category, g.Lists)
		if refused == nil && g.List != "" {
			refused = optedOut(g.Records, g.List, g.Lists)
		}
	}
	if refused == nil && !g.Limits.Exempt {
		refused = g.Deferral.tooLong(g.Now, g.maxDefer())
	}
	return refused
}

// timing is rows 8 to 10: what lets the same mail pass at another time.
func (g Gate) timing() (*Refusal, error) {
	if g.Window != (hogsend.Window{}) {
		opens, err := g.Window.Clamp(g.Now, g.Zone) // E-25, S-38
		if err != nil {
			return nil, err
		}
		if !opens.Equal(g.Now) {
			return &Refusal{Status: contract.SendSkipped, Reason: contract.SendOutsideWindow, Until: opens}, nil
		}
	}
	if refused := g.Limits.withinGap(g.Now, g.GapSends); refused != nil {
		return refused, nil
	}
	return g.Limits.capped(g.Now, g.CapSends, g.Deferred), nil
}

// onBlocked is what becomes of the send. A gap defers only those that say so themselves
// (J-133).
func (g Gate) onBlocked(reason contract.SendReason) hogsend.OnBlocked {
	if g.OnBlocked == "" && reason != contract.SendMinGap {
		return g.DefaultOnBlocked
	}
	return g.OnBlocked
}

func (g Gate) maxDefer() time.Duration {
	if g.MaxDefer == 0 {
		return DefaultMaxDefer
	}
	return g.MaxDefer
}
