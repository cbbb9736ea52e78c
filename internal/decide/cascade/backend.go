package cascade

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// Backend is what a decider asks in the middle of deciding: Postgres in production,
// the state of a test in memory. Nobody else changes the contacts meanwhile.
type Backend interface {
	// LastEvaluations loads, for contacts whose edges have passed, the memberships and
	// pasts in the edges' buckets, and sets Newest of the edges.
	LastEvaluations(ticks []*decide.Change) error
	// Evaluate does step by step what each says: it writes the effects, then finds out
	// what the criteria say.
	Evaluate(steps ...Step) error
	// TransitionState loads what the transitions that may follow need: for each
	// evaluation the membership and the past of its contact in its bucket, and the
	// anchor if it WantsAnchor; and what listens to the events: waits, history, opt-outs
	// and switches of the journeys that they trigger.
	TransitionState(evaluations []*Evaluation, events []string) error
	// Admit writes the effects, then answers what it is asked about one contact.
	Admit(e *decide.Effects, a *Admission) error
	// Merge writes the effects, then moves everything of m.From to m.Into (I-26, I-27):
	// enrollments get entries after the survivor's, oldest first; memberships get epochs
	// after the survivor's, and of two active ones the moved one ends with the reason
	// merged. Then it loads the state of every contact anew.
	Merge(e *decide.Effects, m *decide.Merge, at time.Time) error
}

// Step is a part of what a backend is asked at once.
type Step struct {
	Effects   *decide.Effects
	Questions []Question
}

// Question asks what the criteria of some buckets say of one contact.
type Question struct {
	Contact *decide.Contact
	// Patch are properties that are about to be written: they count as written. A null
	// counts as missing.
	Patch map[string]json.RawMessage
	// Evaluations are in order of instants. Those that are Known need no answer.
	Evaluations []*Evaluation
}

// Admission asks whether a contact may enter a journey, as far as that is not known yet.
type Admission struct {
	Contact *decide.Contact
	Journey *hogsend.Journey
	Key     string
	At      time.Time
	// Audience asks whether the journey's audience holds; Holds is the answer, and Failed are
	// the parts of the audience that do not: of several that must all hold those, else all
	// of it (J-151).
	Audience, Holds bool
	Failed          []hogsend.Condition
	// History asks for the enrollments of the journey and Key that have ended, former ids
	// included. Ended says that there is one, and NewestEnded when the newest was entered.
	History, Ended bool
	NewestEnded    time.Time
}

// Evaluation is one evaluation of one bucket for one contact as of an instant.
type Evaluation struct {
	Contact *decide.Contact
	Bucket  *decide.CompiledBucket
	At      time.Time
	// Known is set when Holds needs no answer.
	Known bool
	// Holds is the answer: what the criteria say.
	Holds bool
	// Idle may be set with the answer when there is nothing to do: the stored memberships
	// say the same as the criteria, and no leave is held back. It must not be set when
	// Repeated is.
	Idle bool
	// Repeated is set for one of several evaluations of a bucket: what an earlier one
	// does decides what there is to do, not what is stored.
	Repeated bool
	// Anchor is the historical anchor of a membership made by a backfill (W-27).
	Anchor time.Time

	kind evaluationKind
	// membership is what a due evaluation is about: it is void when that has ended.
	membership *bucket.Membership
	// silent is set for a membership that ended by its age before a silent backfill: it
	// ends as silently (B-52).
	silent bool
	// imported is set for what an import writes (W-34).
	imported bool
	reason   string // of a leave that is ordered
}

type evaluationKind int

const (
	evaluatesOwn      evaluationKind = iota // by what the change itself does
	evaluatesDue                            // a membership is too old, or a leave was held back until now (B-12)
	evaluatesBackfill                       // a new or changed definition (W-22)
	evaluatesEdge                           // the edge of a window (W-3)
)

// WantsAnchor reports whether the evaluation makes a membership whose anchor is in the
// history: at Facts.Anchor.Plus after the newest event of that name.
func (e *Evaluation) WantsAnchor() bool {
	return e.kind == evaluatesBackfill && e.Holds && e.Bucket.Facts.Anchor.Event != ""
}
