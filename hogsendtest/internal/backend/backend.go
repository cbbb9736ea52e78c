// Package backend is what lies between a script and the place where it is played: what a
// script does there, and what is read off it at the end. Package memory plays scripts in
// memory, package onpostgres on Postgres.
package backend

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// Backend is a place where a script is played. Its methods are called by one goroutine
// at a time; a playback calls Tick, Release and Outbox again until there is nothing left
// to do at an instant.
type Backend interface {
	// Apply does one line of the script now. An action that a backend does not know is an
	// error, never left out.
	Apply(action Action) error
	// Tick does what time alone has brought by now: edges of windows, the greatest age of
	// memberships, leaves that were held back, instants of schedules. next is when there
	// is more, in the past or the future.
	Tick() (next time.Time, more bool, err error)
	// Release lets go on what a pause held and is due; next is when more is.
	Release() (next time.Time, more bool, err error)
	// Outbox takes what Temporal is to be told, in order.
	Outbox() ([]Message, error)
	// Activities are the side effects of journeys, by the names they are registered under.
	Activities() map[string]any
	// Outcome is what came of the script so far.
	Outcome() (*Outcome, error)
	// Check finds what is left open at the end of a script that has no end of its own.
	Check()
	// Close lets go of what the backend holds.
	Close()
}

// Message is a row of the outbox. Payload is what its kind carries, without a pointer.
type Message struct {
	Kind    contract.OutboxKind
	Payload any
}

// Setting is what a backend is made of.
type Setting struct {
	Script
	// Now is the virtual time.
	Now func() time.Time
	// Once are the values that Run.Once kept in an earlier playback of the script: what its
	// functions return may be random.
	Once map[string]json.RawMessage
	// Problem is told what is wrong with the script.
	Problem func(Problem)
}

// Problem is what is wrong with a script though nothing fails.
type Problem struct {
	Kind       ProblemKind
	Name, Text string
}

// ProblemKind names a kind of problem.
type ProblemKind string

// The problems that a backend finds.
const (
	LateScript  ProblemKind = "an event after the end"
	UnknownArm  ProblemKind = "an unknown arm"
	BadTemplate ProblemKind = "a mail that cannot be rendered"
	OpenWait    ProblemKind = "an endless wait"
	Leftover    ProblemKind = "a database that was not dropped"
)

// Open sets the scene of a script.
type Open func(Setting) (Backend, error)
