package contract

import (
	"encoding/json"
	"strings"
	"time"
)

// OutboxKind says what an outbox row tells; it decides which payload type the row
// carries and where it goes.
type OutboxKind string

// The kinds of outbox rows.
const (
	OutboxStart  OutboxKind = "start"
	OutboxSignal OutboxKind = "signal"
	OutboxCancel OutboxKind = "cancel"
	OutboxDwell  OutboxKind = "dwell"
	OutboxMirror OutboxKind = "mirror"
	OutboxRetry  OutboxKind = "retry"
	OutboxRun    OutboxKind = "run"
	OutboxForget OutboxKind = "forget"
	// OutboxCapture is told to PostHog; nothing writes one while there is none.
	OutboxCapture OutboxKind = "capture"
	// OutboxWebhook is told to a destination of the author's (P-15).
	OutboxWebhook OutboxKind = "webhook"
)

// OutboxKinds are all of them.
func OutboxKinds() []OutboxKind {
	return []OutboxKind{OutboxStart, OutboxSignal, OutboxCancel, OutboxDwell, OutboxMirror, OutboxRetry, OutboxRun, OutboxForget, OutboxCapture, OutboxWebhook}
}

// Destinations of outbox rows. Each has an order of its own for every contact and
// outages of its own (P-14).
const (
	ToTemporal = "temporal"
	ToPostHog  = "posthog"
)

// ToWebhook is the destination of rows for what an author registers.
func ToWebhook(id string) string { return "webhook:" + id }

// WebhookID is the id of the message that a row of the outbox is.
func WebhookID(rowID string) string { return "msg_" + strings.ReplaceAll(rowID, "-", "") }

// Destination is where rows of the kind go.
func (k OutboxKind) Destination() string {
	if k == OutboxMirror || k == OutboxCapture {
		return ToPostHog
	}
	return ToTemporal
}

// StartPayload starts the workflow of an enrollment (J-51). It carries ids only.
type StartPayload struct {
	WorkflowID   string `json:"workflowId"`
	WorkflowType string `json:"workflowType"`
	EnrollmentID string `json:"enrollmentId"`
	JourneyID    string `json:"journeyId"`
	ContactID    string `json:"contactId"`
	// BucketID is given for reactions.
	BucketID string `json:"bucketId,omitempty"`
}

// DwellPayload starts the workflow that sleeps until a dwell reaction of a stay is
// due (B-39). It carries ids only.
type DwellPayload struct {
	WorkflowID   string `json:"workflowId"`
	WorkflowType string `json:"workflowType"`
	BucketID     string `json:"bucketId"`
	ContactID    string `json:"contactId"`
	StayID       string `json:"stayId"`
	Label        string `json:"label"`
	// Due is the first instant at which there is something to do.
	Due     time.Time `json:"due"`
	Repeats bool      `json:"repeats,omitempty"`
}

// MirrorPayload sets or removes the person property of a membership (B-54).
type MirrorPayload struct {
	ContactID string `json:"contactId"`
	// StayID is one of the contact's stays in the bucket.
	StayID   string `json:"stayId"`
	Property string `json:"property"`
	// Member is what the row was written for; what is sent is what holds then (P-12).
	Member bool `json:"member"`
}

// SignalPayload tells a workflow that an event closed one of its waits (J-126).
type SignalPayload struct {
	WorkflowID string `json:"workflowId"`
	// Signal is the signal's name.
	Signal string `json:"signal"`
	WaitID string `json:"waitId"`
	// EventID is the event that closed the wait.
	EventID string `json:"eventId"`
}

// CancelPayload cancels the workflow of an exited enrollment (J-76).
type CancelPayload struct {
	WorkflowID string `json:"workflowId"`
}

// RetryPayload takes up a failed enrollment where it failed (J-96).
type RetryPayload struct {
	WorkflowID   string `json:"workflowId"`
	EnrollmentID string `json:"enrollmentId"`
	// RunID is the run that ended: once another one is current, the row was delivered.
	RunID string `json:"runId"`
}

// RunPayload starts a workflow of the product that is of no enrollment, with the id of
// what it is about as its only input.
type RunPayload struct {
	WorkflowID   string `json:"workflowId"`
	WorkflowType string `json:"workflowType"`
	ID           string `json:"id"`
}

// WebhookPayload is what happened, for a destination of the author's: type and data are of
// the catalog (P-17), and ContactID is "" of what is about nobody.
type WebhookPayload struct {
	Type      string          `json:"type"`
	ContactID string          `json:"contactId,omitempty"`
	At        time.Time       `json:"at"`
	Data      json.RawMessage `json:"data"`
}

// CapturePayload is one event for PostHog (J-137). Properties of the person are
// written by the event $set, with the properties $set, an object, and $unset, a list.
type CapturePayload struct {
	// UUID is the event's id there, the same on every delivery.
	UUID       string          `json:"uuid"`
	ContactID  string          `json:"contactId"`
	Event      string          `json:"event"`
	Properties json.RawMessage `json:"properties"`
	Timestamp  time.Time       `json:"timestamp"`
}

// ForgetPayload deletes from Temporal what it keeps of an erased contact (I-51).
type ForgetPayload struct {
	ErasureID string `json:"erasureId"`
}
