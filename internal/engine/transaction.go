package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/store"
)

// ErrChanged says that other buckets are in force than those a decision was made with.
var ErrChanged = fmt.Errorf("buckets in force changed: %w", decide.ErrStale)

// ErrPaused is returned by effects of an enrollment whose journey is paused.
var ErrPaused = errors.New("journey is paused")

// transaction applies changes, in order, in one database transaction and three
// round trips: read, lock and load, write and commit.
type transaction struct {
	engine  *Engine
	catalog *catalog
	conn    *store.Conn
	changes []*decide.Change
	// suspicious looks for keys that are taken before it begins. Repeats are rare, so
	// that at first the transaction finds out by inserting its keys.
	suspicious bool
	chunk      *Chunk

	now        time.Time
	identities *decide.Identities
	contacts   []*decide.Contact // those whose locks are held
	names      []string          // of the events that may occur
	heard      map[string]bool   // journeys whose history was read
	decider    cascade.Decider
	enqueued   bool // outbox rows were written
	applied    *Applied
	traces     map[uuid.UUID]string // of the events of changes that have one
}

// fresh reports as stale when some of the rows to insert were there.
func fresh(n int64, want int, err error) error {
	if err == nil && n != int64(want) {
		return decide.ErrStale
	}
	return err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// stored are the contacts that have rows to read.
func (t *transaction) stored() []uuid.UUID {
	var ids []uuid.UUID
	for _, c := range t.contacts {
		if c.Stored && !c.MergedAway() || c.Merging {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
