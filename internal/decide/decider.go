// Package decide decides what an event, the clock, a timer or an operator changes: the
// contact, its enrollments, waits and memberships, and what Temporal is told. State
// comes in, effects go out: it does no I/O, reads no clock and makes no uuid of its
// own, so that production decides with it over Postgres and a test in memory.
//
// Identities decides to which contacts changes belong, from what was read of them. A
// Decider then applies the changes one after another to the state of these contacts
// and collects Effects; what it has to ask in between it asks its Backend.
package decide

import (
	"time"

	"github.com/google/uuid"
)

// Config says what is decided by.
type Config struct {
	// LateHorizon is how old an event may be that still has an effect on journeys (I-40).
	LateHorizon time.Duration
	// HopLimit is the highest hop count that enrolls (J-147).
	HopLimit int
	// DwellHorizon keeps only timers of dwell reactions that are due within it in
	// Temporal; 0 hands all of them over at once (B-49).
	DwellHorizon time.Duration
	// DwellRate bounds what a backfill mirrors in a second (B-55).
	DwellRate int
	// Mirror says that PostHog is configured: without it no membership is mirrored, and
	// nothing that a journey learns is told (B-54, J-137).
	Mirror bool
	// Captures says of a stored event whether PostHog is told of it (P-11); nil of none.
	Captures func(name, source string) bool
	// NewID makes uuids that sort in the order in which they are made.
	NewID func() uuid.UUID
	// Simulated asks only which transitions there are: nothing follows from them, no
	// event, no timer, no mirror. A Tick ends, bucket by bucket, behind the first instant
	// at which there may be something to do, since what comes later depends on it, and the
	// caller asks again from there: so that no instant comes after what is newer.
	Simulated bool
}

// Decider applies changes one after another: what it looks at was loaded before, what
// it decides is taken by Take. One is made for each transaction.
type Decider struct {
	Config
	Catalog *Catalog
	// Began is the instant of the transaction.
	Began time.Time
	// SwitchedOff and Paused are the journeys that an operator has switched off or
	// paused, by their present ids.
	SwitchedOff, Paused map[string]bool
	// OptOuts are the addresses that are opted out of everything, with the contact that
	// the record is linked to, nil for none.
	OptOuts map[string]*uuid.UUID
	// Progress is that of the backfills.
	Progress Progress
	// Chunk is the chunk of a backfill that is applied; the zero value for none.
	Chunk Chunk

	// Flips are the transitions that time alone made, Looped the journeys that the loop
	// guard kept out.
	Flips  []Flip
	Looped []string

	backend    Backend
	identities *Identities
	now        time.Time // of the change that is applied
	causes     int       // counts what was a cause
	effects    Effects
	unwritten  []*Contact // with something to write, once each
}

// Chunk is a part of the contacts that a backfill comes to.
type Chunk struct {
	Backfill uuid.UUID
	// Moved counts the transitions that the backfill has made.
	Moved int64
}

// Flip is a kind of transition: entered or left.
type Flip struct{ BucketID, Transition string }

// Take hands over what was decided since it was called last.
func (d *Decider) Take() *Effects {
	e := d.effects
	d.effects = Effects{}
	if len(d.unwritten) > 0 {
		e.Contacts = make([]ContactWrite, len(d.unwritten))
		for i, c := range d.unwritten {
			e.Contacts[i] = c.write(d.Began)
		}
		d.unwritten = nil
	}
	return &e
}

// write is what there is to write of a contact.
func (c *Contact) write(began time.Time) ContactWrite {
	w := ContactWrite{
		ID: c.ID, Identity: c.Identity, Patch: c.patch, HasNull: c.erases, FirstSeen: c.FirstSeen, LastSeen: c.LastSeen,
		Created: c.created.Instant(began), Updated: c.written.Instant(began),
	}
	switch {
	case !c.Stored:
		w.Kind = ContactInsert
	case c.Written():
		w.Kind = ContactUpdate
	default:
		w.Kind = ContactSeen
	}
	c.Stored, c.patch, c.erases, c.unwritten = true, nil, false, false
	return w
}

// mark notes that there is something to write of a contact.
func (d *Decider) mark(c *Contact) {
	if !c.unwritten {
		c.unwritten = true
		d.unwritten = append(d.unwritten, c)
	}
}

// newCause counts what was asked for: what it causes has no effect on what it has
// itself enrolled (J-73).
func (d *Decider) newCause() int {
	d.causes++
	return d.causes
}
