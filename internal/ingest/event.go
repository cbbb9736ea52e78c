package ingest

import (
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
)

// What is asked for and what becomes of it.
type (
	// Event is one event on its way in: from a client, or caused by a journey.
	Event = decide.Event
	// Result is what became of one event.
	Result = decide.Result
	// Decided is why a journey was entered, or was not.
	Decided = decide.Decided
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
)

// TakenError says that a key which an operator writes belongs to another identified
// contact.
type TakenError = decide.TakenError

// EmailKey is an address as it is compared: trimmed, case-insensitive (I-19).
func EmailKey(email string) string { return decide.EmailKey(email) }
