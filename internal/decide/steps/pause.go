package steps

import (
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// PausedEffect is an effect that a pause did not let begin, as its step was held last;
// the zero value is one that never was (J-101).
type PausedEffect struct {
	// N counts the pauses that held the step.
	N int
	// Closed says that it was released or given up.
	Closed bool
	// DueAt is when it is released, zero until the journey is resumed.
	DueAt time.Time
	// Skip says that it is released with the verdict paused_late (J-105).
	Skip bool
}

// Open reports that the step is held now.
func (e PausedEffect) Open() bool { return e.N > 0 && !e.Closed }

// Holds reports that the effect must not begin: the journey is paused, or it has been
// resumed and this step's turn has not come (J-108).
func (e PausedEffect) Holds(paused bool) bool { return paused || e.Open() && !e.DueAt.IsZero() }

// late reports that the step was released with the verdict paused_late.
func (e PausedEffect) late() bool { return e.N > 0 && e.Closed && e.Skip }

// Resume is the end of a pause (J-103).
type Resume struct {
	PausedAt, Now time.Time
	Policy        contract.ResumePolicy
	// LateAfter is how long a send may be held under SkipLate.
	LateAfter time.Duration
}

// Release is when an effect goes on that is held since heldAt, and whether it is skipped.
// wasDue is when it was due after a pause before; zero if it was not. SQL decides the same
// for all that a journey holds in one statement: PausedEffectsPlan (J-104 to J-106).
func (r Resume) Release(heldAt, wasDue time.Time, isSend bool) (due time.Time, skip bool) {
	if r.Policy == contract.Reschedule {
		if wasDue.IsZero() {
			wasDue = heldAt
		}
		if moved := wasDue.Add(r.Now.Sub(r.PausedAt)); moved.After(r.Now) {
			return moved, false
		}
	}
	return r.Now, r.Policy == contract.SkipLate && isSend && r.Now.Sub(heldAt) > r.LateAfter
}
