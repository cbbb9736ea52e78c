package contract

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
)

// CollectRequest asks for what came until the end of a digest's window, which was the
// deadline of a wait (J-143).
type CollectRequest struct {
	Step   Step            `json:"step"`
	WaitID string          `json:"waitId"`
	Label  string          `json:"label"`
	Event  string          `json:"event"`
	Where  json.RawMessage `json:"where,omitempty"`
	// Lookback is how long before CalledAt events may have occurred; a negative one leaves
	// out all that came before the window.
	Lookback time.Duration `json:"lookback,omitempty"`
	Max      int           `json:"max"`
	// After is the mark, CalledAt the instant of the call.
	After    EventPosition `json:"after"`
	CalledAt time.Time     `json:"calledAt"`
	// Several says that coroutines have waited beside each other (J-159).
	Several bool `json:"several,omitempty"`
}

// CollectResult is what a digest has collected.
type CollectResult struct {
	// Ended is true when the enrollment is terminal: nothing was collected.
	Ended     bool              `json:"ended,omitempty"`
	Collected hogsend.Collected `json:"collected"`
}

// BeginWaitRequest registers a sleep or a wait (J-122 to J-128).
type BeginWaitRequest struct {
	Step  Step   `json:"step"`
	Label string `json:"label"`
	// Event is "" for a sleep.
	Event      string          `json:"event,omitempty"`
	Conditions json.RawMessage `json:"conditions,omitempty"`
	// Any are the events of a wait for the first of several, instead of Event (J-130).
	Any []criteria.Alternative `json:"any,omitempty"`
	// Digest says that this is the window of a digest of Event, which does not end it (J-143).
	Digest bool `json:"digest,omitempty"`
	// Deadline is nil for Forever.
	Deadline *time.Time `json:"deadline,omitempty"`
	// After is the mark (J-117); Lookback extends it by occurred_at (J-128).
	After    EventPosition `json:"after"`
	Lookback time.Duration `json:"lookback,omitempty"`
	// Fresh looks back to nothing (J-160).
	Fresh bool `json:"fresh,omitempty"`
	// Several says that coroutines have waited beside each other: what a digest of the
	// enrollment has collected is not found again (J-159).
	Several bool `json:"several,omitempty"`
}

// WaitState is a wait as it stands in Postgres.
type WaitState struct {
	WaitID string `json:"waitId"`
	// Ended is true when the enrollment is terminal: the wait is void (J-78).
	Ended bool `json:"ended"`
	// Closed is true when the outcome is decided; Event is nil for a timeout.
	Closed bool                 `json:"closed"`
	Event  *hogsend.StoredEvent `json:"event,omitempty"`
	// Index is the place of Event among several.
	Index int `json:"index,omitempty"`
	// Deadline is the one computed first, whatever a repeated call asked (J-97c).
	Deadline *time.Time `json:"deadline,omitempty"`
	// Now is the position behind what ended the wait, set when Closed.
	Now EventPosition `json:"now"`
}

// EndWaitRequest closes a wait whose timer fired, whose signal came, or whose
// context the author canceled (Abandon).
type EndWaitRequest struct {
	Step    Step   `json:"step"`
	WaitID  string `json:"waitId"`
	Abandon bool   `json:"abandon,omitempty"`
}

// One is the event that the wait is for if it is not for several.
func (r BeginWaitRequest) One() criteria.Alternative {
	return criteria.Alternative{Event: r.Event, Where: r.Conditions, Lookback: r.Lookback, Fresh: r.Fresh}
}

// Events are the names that the wait is for, none for a sleep and for a digest.
func (r BeginWaitRequest) Events() []string {
	events := []string{}
	if r.Event != "" && !r.Digest {
		events = append(events, r.Event)
	}
	for _, a := range r.Any {
		events = append(events, a.Event)
	}
	return events
}
