package ingest

import (
	"time"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
)

// What is asked for and what becomes of it.
type (
	// Event is one event on its way in: from a client, or caused by a journey.
	Event = decide.Event
	// Problem is one breach of the limits of an event.
	Problem = decide.Problem
	// Result is what became of one event.
	Result = decide.Result
	// Exit is one enrollment that was inspected for its exit rules.
	Exit = decide.Exit
	// Config says what an Ingester decides by.
	Config = engine.Config
	// Write is one statement that is made in a transaction of the ingester.
	Write = engine.Statement
)

// Errors of an Ingester.
var (
	// ErrClosed is returned by calls that come after Close.
	ErrClosed = engine.ErrClosed
	// ErrPaused is returned by effects of an enrollment whose journey is paused.
	ErrPaused = engine.ErrPaused
	// ErrExternalIDTaken and ErrEmailTaken say that a key which an operator writes
	// belongs to another contact.
	ErrExternalIDTaken = decide.ErrExternalIDTaken
	ErrEmailTaken      = decide.ErrEmailTaken
)

// Messages of the two problems that clients are told by themselves (I-11, I-14).
const (
	ReservedMessage = decide.ReservedMessage
	IdentityMessage = decide.IdentityMessage
)

// Validate lists what of the event breaks I-10 to I-14, by path; none means it may
// be ingested. The bound of Timestamp is taken against this process's clock.
func Validate(e *Event) []Problem { return e.Problems(time.Now()) }

// Reserved reports whether only hogsend itself may use the event name (I-14).
func Reserved(name string) bool { return decide.Reserved(name) }

// EmailKey is an address as it is compared: trimmed, case-insensitive (I-19).
func EmailKey(email string) string { return decide.EmailKey(email) }
