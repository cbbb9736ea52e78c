package contract

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
)

// DwellRequest asks whether the dwell reaction of a stay is due (B-40).
type DwellRequest struct {
	StayID string `json:"stayId"`
	Label  string `json:"label"`
	// Late says that it was due already when its timer was armed (B-41).
	Late bool `json:"late,omitempty"`
}

// DwellResult says what the timer does next: end, sleep, or be the run itself.
type DwellResult struct {
	Over         bool          `json:"over,omitempty"`
	Wait         time.Duration `json:"wait,omitempty"`
	EnrollmentID string        `json:"enrollmentId,omitempty"`
}

// CaptureRequest asks for one event in PostHog (J-137).
type CaptureRequest struct {
	Step       Step            `json:"step"`
	Event      string          `json:"event"`
	Properties json.RawMessage `json:"properties"`
	OccurredAt time.Time       `json:"occurredAt"`
}

// IdentifyRequest merges properties into the contact; null removes one (J-137).
type IdentifyRequest struct {
	Step       Step                       `json:"step"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// TriggerRequest ingests an event caused by a journey (J-135).
type TriggerRequest struct {
	Step       Step                 `json:"step"`
	Event      hogsend.TriggerEvent `json:"event"`
	OccurredAt time.Time            `json:"occurredAt"`
}

// OnceRequest reads or keeps the value of Run.Once (J-139).
type OnceRequest struct {
	Step  Step            `json:"step"`
	Label string          `json:"label"`
	Value json.RawMessage `json:"value,omitempty"`
}

// OnceValue is a kept value; Found is false when there is none yet.
type OnceValue struct {
	Found bool            `json:"found"`
	Value json.RawMessage `json:"value,omitempty"`
	Ended bool            `json:"ended"`
}

// MatchesRequest asks whether a tree of conditions holds for the contact (J-165).
type MatchesRequest struct {
	EnrollmentID string          `json:"enrollmentId"`
	Condition    json.RawMessage `json:"condition"`
}

// VariantRequest asks for the arm of a contact (J-142).
type VariantRequest struct {
	Step Step `json:"step"`
	// Journey is the one name of the journey that a rename does not change.
	Journey string        `json:"journey"`
	Name    string        `json:"name"`
	Arms    []hogsend.Arm `json:"arms"`
}
