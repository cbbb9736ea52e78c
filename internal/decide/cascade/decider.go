// Package cascade decides what a change causes: exits, ends of waits, transitions of
// memberships, enrollments, and what each of these causes in turn, in the order of the
// rule I-43. A Decider applies the changes of a transaction one after another to the
// state of their contacts; what it has to ask in between it asks its Backend.
package cascade

import (
	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/registry"
)

// Decider applies changes one after another: what it looks at was loaded before, what
// it decides is taken by Take. One is made for each transaction.
type Decider struct {
	decide.Recorder
	// Index is what is defined, with the reactions of the buckets in force; Buckets are
	// these.
	Index   *registry.Index
	Buckets *decide.Buckets
	// SwitchedOff are the journeys that an operator has switched off, Paused those that are
	// paused, with what becomes of entries, by their present ids.
	SwitchedOff map[string]bool
	Paused      map[string]contract.PauseEntries
	// OptOuts are the addresses that are opted out of everything, with the contact that
	// the record is linked to, nil for none.
	OptOuts map[string]*uuid.UUID
	// Choices are what the records say of the addresses of changes that choose lists, as they
	// were read and then as they are written.
	Choices map[string]decide.OptOuts
	// Progress is that of the backfills.
	Progress decide.Progress
	// Chunk is the chunk of a backfill that is applied; the zero value for none.
	Chunk Chunk

	// Flips are the transitions that time alone made, Looped the journeys that the loop
	// guard kept out.
	Flips  []Flip
	Looped []string

	backend    Backend
	identities *decide.Identities
	causes     int   // counts what was a cause
	current    *work // the change that is applied
}

// maxDecided bounds the decisions that an event's reply tells (I-59).
const maxDecided = 100

// Chunk is a part of the contacts that a backfill comes to.
type Chunk struct {
	Backfill uuid.UUID
	// Moved counts the transitions that the backfill has made.
	Moved int64
}

// Flip is a kind of transition: entered or left.
type Flip struct{ BucketID, Transition string }

// newCause counts what was asked for: what it causes has no effect on what it has
// itself enrolled (J-73).
func (d *Decider) newCause() int {
	d.causes++
	return d.causes
}
