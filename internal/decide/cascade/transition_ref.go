package cascade

import (
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// transitionRef is the transition that a bucket event tells of: what its own reactions
// are guarded by.
type transitionRef struct {
	bucket     *decide.CompiledBucket
	membership *bucket.Membership
	event      bucketEvent
	// started is set by a dwell whose workflow is the run (B-29).
	started *decide.Enrollment
}

// bucketEvent is what the events of transitions tell, exactly (B-25).
type bucketEvent struct {
	BucketID   string        `json:"bucketId"`
	BucketName string        `json:"bucketName"`
	UserID     string        `json:"userId"`
	Transition string        `json:"transition"`
	Source     bucket.Source `json:"source"`
	EntryCount int           `json:"entryCount"`
	Reason     string        `json:"reason,omitempty"`
	DwellCount int           `json:"dwellCount,omitempty"`

	label string
}

// reaction is the reaction of the transition's own bucket that the journey is; nil
// for other journeys.
func (t *transitionRef) reaction(j *hogsend.Journey) *bucket.Reaction {
	if t == nil || j.Reaction == nil || j.Reaction.BucketID != t.bucket.ID {
		return nil
	}
	reactions := t.bucket.Definition.Reactions
	i := slices.IndexFunc(reactions, func(r bucket.Reaction) bool { return r.JourneyID == j.ID })
	if i < 0 {
		return nil
	}
	return &reactions[i]
}
