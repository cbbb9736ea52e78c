package memory

import (
	"time"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
)

// criteriaHistory is what the criteria of buckets look at.
type criteriaHistory struct {
	criteria.History
	contact *contact
}

// holds says what the criteria say; of a bucket that the script moves, what it said last.
func (h *criteriaHistory) holds(b *decide.CompiledBucket, scripted bool, at time.Time) bool {
	if scripted {
		return h.contact.ordered[b.ID]
	}
	return h.Holds(b.Tree, at)
}
