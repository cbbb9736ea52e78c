package hogsend

import (
	"time"
)

// Forever, as the Timeout of a wait, waits without a deadline.
const Forever time.Duration = 1<<63 - 1

// Wait says what event to wait for and how long. Exactly one of Timeout and Until is
// given; with neither it is a *ValidationError.
type Wait struct {
	// Event is the exact name; required.
	Event string
	// Where must hold on the event's own properties; none means always. [SameAsTrigger]
	// relates them to the event that started the journey.
	Where []Condition
	// Timeout is the longest wait, Forever for no deadline. A negative one does not wait: it
	// looks only at events that came already.
	Timeout time.Duration
	// Until is the deadline as an instant. One that has passed does not wait either.
	Until time.Time
	// Lookback accepts events too that occurred up to this long before the wait for events
	// before ended, or before the trigger; 0 accepts none, a negative one is a
	// *ValidationError (J-128).
	Lookback time.Duration
	// Fresh accepts only events that are stored after the wait has begun, not those that
	// came since the wait before: for "from now on", after a sleep. It is a
	// *ValidationError with Lookback (J-160).
	Fresh bool
	// Label names the step; "" means "wait-event:" and the event.
	Label string
}

// AnyOf says which events to wait for with [Run.WaitForAny]. Exactly one of Timeout and
// Until is given, as for a [Wait].
type AnyOf struct {
	// Waits are 1 to 20, without deadlines and labels of their own.
	Waits []Wait
	// Timeout is the longest wait, Forever for no deadline; Until is the deadline as an
	// instant.
	Timeout time.Duration
	Until   time.Time
	// Label names the step; "" means "wait-any".
	Label string
}

// TimedOut is the Index of an [Outcome] when the deadline passed.
const TimedOut = -1

// Outcome is what ended a [Run.WaitForAny].
type Outcome struct {
	// Index is the place in AnyOf.Waits of the wait that the event ended, or TimedOut.
	Index int
	// Event is nil when the deadline passed.
	Event *StoredEvent
}

// Digest says what events to collect and how long. Exactly one of Window and Until is
// given.
type Digest struct {
	// Event is the exact name; "" means that of the trigger.
	Event string
	// Where must hold on the events' own properties. For the trigger's event, nil means the
	// conditions of the trigger.
	Where []Condition
	// Window is how long to collect, positive; Until is the end as an instant.
	Window time.Duration
	Until  time.Time
	// Lookback also takes events that occurred up to this long before the call; 0 means 15
	// minutes. A negative one takes only what comes after the call, beside the trigger and
	// what came after the digest before.
	Lookback time.Duration
	// Max is how many events are returned, the newest ones; 0 means 500, which is the most.
	Max int
	// Label names the step; "" means "digest:" and the event.
	Label string
}

// Collected is what a [Run.Digest] has collected.
type Collected struct {
	// Events are the newest, oldest first: at most Digest.Max, and at most 1 MiB as JSON.
	Events []StoredEvent
	// Total counts all that were collected, those included that are left out of Events.
	Total int
}

// StoredEvent is an event as it was stored.
type StoredEvent struct {
	ID         string // a UUID
	Name       string
	Properties Properties
	// OccurredAt is when it happened, as the sender says; ReceivedAt is when it was stored.
	OccurredAt, ReceivedAt time.Time
	// Source is "api", "journey", "bucket", "email" or the id of a webhook source.
	Source string
	// Truncated is true when the properties exceeded 256 KiB: then only those that are
	// strings, numbers or booleans are here.
	Truncated bool
}
