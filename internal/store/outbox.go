package store

// OutboxKind says what an outbox row tells Temporal; it decides which payload
// type the row carries.
type OutboxKind string

// The kinds of outbox rows.
const (
	OutboxStart  OutboxKind = "start"
	OutboxSignal OutboxKind = "signal"
	OutboxCancel OutboxKind = "cancel"
	OutboxRetry  OutboxKind = "retry"
)

// StartPayload starts the workflow of an enrollment (J-51). It carries ids only.
type StartPayload struct {
	WorkflowID   string `json:"workflowId"`
	WorkflowType string `json:"workflowType"`
	EnrollmentID string `json:"enrollmentId"`
	JourneyID    string `json:"journeyId"`
	ContactID    string `json:"contactId"`
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
