package contract

import "encoding/json"

// CallField is the name of the header of a call.
const CallField = "hogsend-call"

// MaxCallBytes is how large inputs and results of calls are at most, as JSON (J-161).
const MaxCallBytes = 256 << 10

// CallHeader travels with an activity of the author's that Run.Do runs: ids and labels
// only, as Temporal shows it.
type CallHeader struct {
	Step      Step   `json:"step"`
	JourneyID string `json:"journeyId"`
	ContactID string `json:"contactId"`
	// Begun is how many attempts there were before this activity was asked for;
	// MaxAttempts is how many there are in all, 0 for any number.
	Begun       int `json:"begun,omitempty"`
	MaxAttempts int `json:"maxAttempts,omitempty"`
}

// CallInput is the argument of an activity of the author's, as JSON.
type CallInput json.RawMessage

// MarshalJSON returns the input as it is.
func (i CallInput) MarshalJSON() ([]byte, error) { return i, nil }

// UnmarshalJSON keeps the input as it is.
func (i *CallInput) UnmarshalJSON(raw []byte) error {
	*i = append((*i)[:0], raw...)
	return nil
}

// CallResult is how an attempt ended that did not fail.
type CallResult struct {
	// Void says that the activity did not run: the attempt is no attempt, and is made again.
	Void bool `json:"void,omitempty"`
	// Ended and Held say why it did not begin.
	Ended bool          `json:"ended,omitempty"`
	Held  *PausedEffect `json:"held,omitempty"`
	// Attempts counts this one, unless it is void.
	Attempts int             `json:"attempts,omitempty"`
	Value    json.RawMessage `json:"value,omitempty"`
}

// CheckCallRequest asks whether the worker has an activity and whether it can take an
// input.
type CheckCallRequest struct {
	Activity string    `json:"activity"`
	Input    CallInput `json:"input,omitempty"`
}

// BeginCallRequest asks, before each attempt, whether it may begin (J-162).
type BeginCallRequest struct {
	Step Step `json:"step"`
	// Begun is how many attempts there were before.
	Begun int `json:"begun"`
}

// CallBegin says that an attempt may begin, or why it may not.
type CallBegin struct {
	Ended bool          `json:"ended,omitempty"`
	Held  *PausedEffect `json:"held,omitempty"`
	// Retry counts the retries of the enrollment.
	Retry int `json:"retry,omitempty"`
}

// CallOutcome is how a call ended, as the step log spells it.
type CallOutcome string

// The outcomes.
const (
	CallSucceeded CallOutcome = "succeeded"
	CallFailed    CallOutcome = "failed"
)

// EndCallRequest logs how a call ended, also when the enrollment has ended meanwhile
// (J-85).
type EndCallRequest struct {
	Step     Step        `json:"step"`
	Activity string      `json:"activity"`
	Attempts int         `json:"attempts"`
	Outcome  CallOutcome `json:"outcome"`
}
