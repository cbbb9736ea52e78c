package decide

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
)

// Names of the internal events of journeys (J-87 to J-89).
const (
	JourneyCompleted = "journey:completed"
	JourneyFailed    = "journey:failed"
	JourneyExited    = "journey:exited"
)

// Sources of the events that something else causes (I-47).
const (
	SourceAPI     = "api"
	SourceJourney = "journey"
	SourceBucket  = "bucket" // of transitions
	SourceDate    = "date"   // of a date of the contact
	SourceEmail   = "email"  // of mails and of choices about them
)

// Event is one event on its way in: from a client, or caused by a journey.
type Event struct {
	Name string
	// UserID, Email and AnonymousID name the contact; "" is absent (I-20, I-21).
	UserID, Email, AnonymousID string
	// Properties is a JSON object, stored whole; nil means {}.
	Properties json.RawMessage
	// ContactProperties merge into the contact by top-level key; a JSON null
	// removes the key (I-32).
	ContactProperties map[string]json.RawMessage
	// Lists are choices about lists, by id (E-59).
	Lists    map[string]bool
	Value    *float64
	Currency string
	// Timestamp is when it occurred; nil means now (I-39).
	Timestamp *time.Time
	// Key is the client's idempotency key; "" for none (I-35).
	Key string
	// Source is "api" unless said otherwise (I-47).
	Source string
	// Hops counts the enrollments between a client's event and this one (J-146).
	Hops int
}

// occurred is when an event happened, cut to microseconds (I-39).
func (e *Event) Occurred(now time.Time) time.Time {
	if e.Timestamp == nil {
		return now
	}
	return e.Timestamp.Truncate(time.Microsecond)
}

// Result is what became of one event. Err is set when this one failed while
// others of its batch did not; nothing of it is stored then.
type Result struct {
	// Stored is false for a repeat of an idempotency key (I-36).
	Stored bool
	// Late is true when it is older than the late-event horizon (I-40).
	Late bool
	// Exits lists the inspected enrollments whose journeys have exit rules (I-15).
	Exits []Exit
	// Decisions are those of the event and of what it caused in its transaction, in the
	// order in which they were made, at most 100 (I-59).
	Decisions  []Decided
	ContactKey string
	ContactID  uuid.UUID
	EventID    uuid.UUID
	Err        error
}

// Decided is why a journey was entered, or was not.
type Decided struct {
	JourneyID, EventName string
	Key                  string               // of the enrollment (J-153); "" for none
	Reason               contract.GuardReason // "" of an enrollment
	EnrollmentID         uuid.UUID
}

// Exit is one enrollment that was inspected for its exit rules (J-72).
type Exit struct {
	JourneyID    string
	EnrollmentID uuid.UUID
	Exited       bool
}
