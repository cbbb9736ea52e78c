// Package bucket holds the transitions of bucket memberships as functions of a
// membership, what the criteria say and an instant: enter, leave, dwell, epochs, limits.
// It does no I/O, so that an event, the clock, a backfill and a simulation decide
// alike.
package bucket

import (
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Source says what made a transition (B-14).
type Source string

// The sources: an event or property write, the clock, a backfill.
const (
	SourceEvent    Source = "event"
	SourceClock    Source = "reconcile"
	SourceBackfill Source = "backfill"
)

// The reasons of leaves that are always silent (B-15).
const (
	LeftDeleted = "deleted"
	LeftMerged  = "merged"
	LeftRetired = "retired"
	LeftImport  = "import"
)

// Membership is one membership of one contact (B-13).
type Membership struct {
	ID       uuid.UUID
	BucketID string
	Epoch    int
	Entered  time.Time
	// Anchor is where dwell counts from (B-38).
	Anchor time.Time
	// MaxDwellAt ends the membership whatever the criteria say; zero for never. It is
	// fixed at entry (B-22).
	MaxDwellAt time.Time
	// Leave is a leave by criteria that MinDwell holds back; nil for none.
	Leave *Deferred
	// Evaluated is the latest instant as of which the criteria were evaluated.
	Evaluated time.Time
	Muted     bool
	// Fired is the last ordinal by dwell label.
	Fired map[string]int
}

// Deferred is a leave that waits for MinDwell. It keeps the mode of the leave it
// holds back (B-21).
type Deferred struct {
	At     time.Time
	Silent bool
	Reason string
}

// Due is the next instant at which time alone may end the membership; zero for never.
// With both due at one instant the older age wins (B-22).
func (m *Membership) Due() (at time.Time, byAge bool) {
	if m.Leave == nil || !m.MaxDwellAt.IsZero() && !m.Leave.At.Before(m.MaxDwellAt) {
		return m.MaxDwellAt, true
	}
	return m.Leave.At, false
}

// Past is what is left of the earlier memberships of a contact in a bucket.
type Past struct {
	Epoch int       // the highest; 0 for none
	Left  time.Time // when the newest ended
	// Evaluated is the latest evaluation that is known of the bucket and the contact.
	Evaluated time.Time
}

// Mode says how the transitions of an evaluation show.
type Mode struct {
	Source                    Source
	SilentJoins, SilentLeaves bool
	// Reason of a leave by criteria; "" means "criteria".
	Reason string
}

// Action is what an evaluation does to a membership.
type Action int

// The actions. Keep is a member that stays; it also drops a deferred leave.
const (
	Nothing Action = iota
	Enter
	Keep
	Leave
	Defer
)

// Evaluate decides by B-8 what the truth of the criteria at an instant does.
func (d *Definition) Evaluate(active *Membership, holds bool, at time.Time) Action {
	switch {
	case active == nil && holds:
		return Enter
	case active == nil:
		return Nothing
	case holds:
		return Keep
	case active.Leave != nil && at.Before(active.Leave.At):
		return Defer // to the same instant, also under another MinDwell (B-21, B-22)
	case active.Leave != nil || at.Sub(active.Entered) >= d.MinDwell():
		return Leave
	}
	return Defer
}

// Join makes the membership of a join (B-13, B-14). The anchor is at unless a backfill
// knows better.
func (d *Definition) Join(id uuid.UUID, past Past, at time.Time) *Membership {
	m := &Membership{
		ID: id, BucketID: d.ID, Epoch: past.Epoch + 1, Entered: at, Anchor: at, Evaluated: at,
		Muted: d.mutes(past, at), Fired: map[string]int{},
	}
	if longest := d.MaxDwell(); longest > 0 {
		m.MaxDwellAt = at.Add(longest)
	}
	return m
}

// mutes is the entry gate: it decides only whether "entered" is emitted (B-17).
func (d *Definition) mutes(past Past, at time.Time) bool { return d.MutedBecause(past, at) != "" }

// MutedBecause is the decision that a muted join gives its enter reaction; "" when
// it is not muted (B-18).
func (d *Definition) MutedBecause(past Past, at time.Time) contract.GuardReason {
	switch {
	case past.Epoch == 0:
		return ""
	case d.EntryLimit == hogsend.Once:
		return contract.GuardOnce
	case d.EntryLimit == hogsend.OncePerPeriod && d.EntryPeriod() > 0 && at.Sub(past.Left) < d.EntryPeriod():
		return contract.GuardPeriod
	}
	return ""
}

// Hold makes the deferred leave of a membership (B-20).
func (d *Definition) Hold(m *Membership, mode Mode) *Deferred {
	if m.Leave != nil {
		return m.Leave
	}
	reason := mode.Reason
	if reason == "" {
		reason = string(hogsend.LeftByCriteria)
	}
	return &Deferred{At: m.Entered.Add(d.MinDwell()), Silent: mode.SilentLeaves, Reason: reason}
}
