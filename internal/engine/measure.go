package engine

import (
	"time"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// Measure is told how the engine works, from several goroutines at once; what is nil is not
// told (O-43).
type Measure struct {
	// Shared is told of changes that came to be applied, how long that took from then on, the
	// wait for others that were before them included, and how it ended.
	Shared func(changes int, took time.Duration, err error)
	// Applied is told of a transaction that is over.
	Applied func(Applied)
}

// Applied is one transaction.
type Applied struct {
	Changes int
	// Attempts is how often it was made, because what it had read changed before its locks.
	Attempts int
	Took     time.Duration
	// Err is why it failed; what is below is then empty.
	Err error
	// Decisions and Transitions are what it decided of journeys and of buckets.
	Decisions   []Decided
	Transitions []Transition
}

// Decided says whether a journey was entered: Reason is "" then.
type Decided struct {
	JourneyID string
	Reason    contract.GuardReason
}

// Transition is a join or a leave.
type Transition struct {
	BucketID string
	Enters   bool
}

// note keeps what was decided for who measures.
func (a *Applied) note(e *decide.Effects) {
	for i := range e.Decisions {
		a.Decisions = append(a.Decisions, Decided{e.Decisions[i].JourneyID, e.Decisions[i].Reason})
	}
	for i := range e.Transitions {
		a.Transitions = append(a.Transitions, Transition{e.Transitions[i].Bucket.ID, e.Transitions[i].Enters})
	}
}
