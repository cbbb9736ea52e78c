package activities

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
)

// Names under which the activities are registered. Workflows refer to them by
// name, so that they depend on these types only.
const (
	ClaimEnrollmentName  = "ClaimEnrollment"
	FinishEnrollmentName = "FinishEnrollment"
	BeginWaitName        = "BeginWait"
	EndWaitName          = "EndWait"
	ReadContactName      = "ReadContact"
	IsSubscribedName     = "IsSubscribed"
	SendName             = "Send"
	TriggerName          = "Trigger"
	CheckpointName       = "Checkpoint"
	KeepOnceName         = "KeepOnce"
	ReadOnceName         = "ReadOnce"
	ExitName             = "Exit"
	AbandonHoldName      = "AbandonHold"
	ReconcileName        = "Reconcile"
	InspectName          = "Inspect"
)

// Moment is a place in the order of reception of a contact's events: everything
// received at or before it has been seen. It is the logical now of J-117.
type Moment struct {
	At  time.Time `json:"at"`
	Seq int64     `json:"seq"`
}

// Step identifies one step of an enrollment in every effect it has (J-116).
type Step struct {
	EnrollmentID string `json:"enrollmentId"`
	// Key is "<kind>:<name>#<n>": unique within the enrollment and the same on every attempt.
	Key string `json:"key"`
	// Node is where the enrollment stands while the step is under way.
	Node string `json:"node"`
	// LongHistory says how long the workflow's history has become; "" while that is
	// nothing to tell (J-99).
	LongHistory string `json:"longHistory,omitempty"`
}

// ClaimRequest is the first step of a journey workflow (J-54).
type ClaimRequest struct {
	EnrollmentID string `json:"enrollmentId"`
	FirstRunID   string `json:"firstRunId"`
}

// Claim is the enrollment as claimed. Claimed is false when the row is terminal
// or belongs to another run: the workflow then ends and changes nothing.
type Claim struct {
	Claimed    bool                `json:"claimed"`
	Status     string              `json:"status"`
	ContactID  string              `json:"contactId"`
	Enrollment hogsend.Enrollment  `json:"enrollment"`
	Event      hogsend.StoredEvent `json:"event"`
	Now        Moment              `json:"now"`
	BuildID    string              `json:"buildId"`
}

// FinishRequest records how a journey ended (J-61 to J-63). Status is completed,
// failed or exited.
type FinishRequest struct {
	EnrollmentID string `json:"enrollmentId"`
	Status       string `json:"status"`
	// Error is the text of a failure, cut to 4,096 bytes when it is stored (J-94).
	Error string `json:"error,omitempty"`
	// Reason is the exit reason.
	Reason string `json:"reason,omitempty"`
}

// Finish is the terminal state that stands: the first commit wins (J-65).
type Finish struct {
	Status string `json:"status"`
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
	// After is the logical now; Lookback extends it by occurred_at (J-128).
	After    Moment        `json:"after"`
	Lookback time.Duration `json:"lookback,omitempty"`
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
	// Now is the logical now after the wait, set when Closed.
	Now Moment `json:"now"`
}

// EndWaitRequest closes a wait whose timer fired, whose signal came, or whose
// context the author canceled (Abandon).
type EndWaitRequest struct {
	Step    Step   `json:"step"`
	WaitID  string `json:"waitId"`
	Abandon bool   `json:"abandon,omitempty"`
}

// SendRequest asks for one mail. Props is JSON of the template's props type.
type SendRequest struct {
	Step                Step            `json:"step"`
	Key                 string          `json:"key"` // E-28
	Template            string          `json:"template"`
	Props               json.RawMessage `json:"props,omitempty"`
	Subject             string          `json:"subject,omitempty"`
	From                string          `json:"from,omitempty"`
	ReplyTo             string          `json:"replyTo,omitempty"`
	Category            string          `json:"category,omitempty"`
	SkipPreferenceCheck bool            `json:"skipPreferenceCheck,omitempty"`
	// Window replaces the default send window; the zero value keeps it (E-25).
	Window hogsend.Window `json:"window,omitzero"`
	// OnHold replaces the default; "" keeps it (E-26).
	OnHold hogsend.OnHold `json:"onHold,omitempty"`
}

// SendResult is a verdict, or Ended when the enrollment was over at the claim, or
// Held when a pause holds it, or Deferred when the gate lets it wait.
type SendResult struct {
	Verdict  hogsend.Verdict `json:"verdict"`
	Ended    bool            `json:"ended"`
	Held     *Hold           `json:"held,omitempty"`
	Deferred *Deferral       `json:"deferred,omitempty"`
}

// Deferral lets a send wait. It is asked for again at Until, and the whole gate then
// decides anew (E-26).
type Deferral struct {
	// WaitID and StepKey are those of its wait.
	WaitID  string `json:"waitId"`
	StepKey string `json:"stepKey"`
	// Node is where the enrollment stands meanwhile.
	Node  string    `json:"node"`
	Until time.Time `json:"until"`
}

// TriggerRequest ingests an event caused by a journey (J-135).
type TriggerRequest struct {
	Step       Step                 `json:"step"`
	Event      hogsend.TriggerEvent `json:"event"`
	OccurredAt time.Time            `json:"occurredAt"`
}

// Effect answers an effect that has no value: Ended when the enrollment was over,
// Held when a pause holds it.
type Effect struct {
	Ended bool  `json:"ended"`
	Held  *Hold `json:"held,omitempty"`
}

// Hold says that a paused journey did not let an effect begin (J-101). Nothing of
// it happened; it is asked for again once the signal of ID has come.
type Hold struct {
	EnrollmentID string `json:"enrollmentId"`
	ID           string `json:"id"`
	// Node is where the enrollment stands while it is held.
	Node string `json:"node"`
}

// SubscribedRequest asks for IsSubscribed (J-140).
type SubscribedRequest struct {
	EnrollmentID string `json:"enrollmentId"`
	Category     string `json:"category,omitempty"`
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

// ExitRequest ends the enrollment at the author's wish (J-136).
type ExitRequest struct {
	Step   Step   `json:"step"`
	Reason string `json:"reason"`
}

// sealed marks the types that carry what people said or are: their payloads are
// encrypted in Temporal's history (invariant 9). The others carry ids only.
func (Claim) Sealed()            {}
func (WaitState) Sealed()        {}
func (BeginWaitRequest) Sealed() {}
func (SendRequest) Sealed()      {}
func (TriggerRequest) Sealed()   {}
func (OnceRequest) Sealed()      {}
func (OnceValue) Sealed()        {}
func (FinishRequest) Sealed()    {}
func (ContactValue) Sealed()     {}

// ContactValue is a contact read by a journey.
type ContactValue struct {
	Contact hogsend.Contact `json:"contact"`
}
