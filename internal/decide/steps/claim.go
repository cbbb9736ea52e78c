package steps

import "github.com/hogsend/hogsend/internal/contract"

// ClaimsEnrollment reports whether a workflow's first run gets the enrollment: one that
// has ended or belongs to another run it does not get, and then it changes nothing. owner
// is the run that has it, "" for none (J-54, J-55).
func ClaimsEnrollment(status contract.EnrollmentStatus, owner, firstRun string) bool {
	return status.Live() && (owner == "" || owner == firstRun)
}

// EffectOutcome says what an effect of a step does.
type EffectOutcome string

// The outcomes.
const (
	EffectEnded EffectOutcome = "ended" // the enrollment has ended: nothing
	EffectDone  EffectOutcome = "done"  // the step has done it before: nothing again
	EffectHeld  EffectOutcome = "held"  // a pause holds it
	EffectRuns  EffectOutcome = "runs"
)

// Effect decides whether an effect that is no send begins, under the lock of its contact
// (J-77, J-101, J-116).
func Effect(status contract.EnrollmentStatus, done, paused bool, effect PausedEffect) EffectOutcome {
	switch {
	case !status.Live():
		return EffectEnded
	case done:
		return EffectDone
	case effect.Holds(paused):
		return EffectHeld
	}
	return EffectRuns
}

// KeepsOnce decides about a value of Run.Once: the first one that is kept under a label
// stays; an enrollment that has ended keeps none (J-139).
func KeepsOnce(status contract.EnrollmentStatus, found bool) (keep, ended bool) {
	return !found && status.Live(), !found && !status.Live()
}

// Released is where an enrollment stands once a held effect at a node is released or given
// up: at the node again, if it stood at the pause (J-103).
func Released(status contract.EnrollmentStatus, stands, node string) (moves bool) {
	return status == contract.EnrollmentWaiting && stands == PausedNode(node)
}

// PausedNode is where an enrollment stands while an effect at a node is held (J-101).
func PausedNode(node string) string { return contract.Fit("paused:" + node) }
