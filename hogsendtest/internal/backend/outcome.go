package backend

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Outcome is everything that came of a script, each list in the order in which it was
// made. Contacts are named as the script names them.
type Outcome struct {
	Contacts    []Contact
	Events      []StoredEvent
	Decisions   []Decision
	Enrollments []Enrollment
	StepLogs    []StepLog
	Sends       []Send
	Memberships []Membership
	Captures    []Capture
	// Once are the values that were kept, by enrollment and label.
	Once map[string]json.RawMessage
	// Changes are kept by memory only.
	Changes []PropertyChange
}

// Contact is a contact that was not merged into another one.
type Contact struct {
	Name string
	hogsend.Contact
	FirstSeen, LastSeen time.Time
}

// StoredEvent is an event of a contact. Properties are as stored, whatever their size.
type StoredEvent struct {
	hogsend.StoredEvent
	Contact string
	Raw     json.RawMessage
	Hops    int
}

// Decision is a row of the decisions log. Reason is "" for an enrollment.
type Decision struct {
	At                      time.Time
	Contact, Journey, Event string
	Key, Reason             string
	Detail                  json.RawMessage
}

// Enrollment is one run of a journey for a contact.
type Enrollment struct {
	ID, Contact, Journey, WorkflowID string
	Key                              string
	Entry, Hops                      int
	Status                           contract.EnrollmentStatus
	Node, ExitReason, Error          string
	EnrolledAt, EndedAt              time.Time
}

// StepLog is a row of the step log of an enrollment.
type StepLog struct {
	EnrollmentID     string
	At               time.Time
	Key, Action      string
	From, To         string
	Detail           json.RawMessage
	Contact, Journey string
	Entry            int
}

// Send is a mail that a journey asked for.
type Send struct {
	ID, Key, Contact, Journey, Template string
	// About is the contact of the enrollment.
	About                       string
	To, From, ReplyTo, Category string
	Subject, HTML, Text         string
	Files                       []hogsend.File
	Props                       json.RawMessage
	Status                      contract.SendStatus
	Reason                      string
	// At is when the provider took it, or when it took its status.
	At              time.Time
	Opened, Clicked bool
}

// Membership is one membership of a bucket.
type Membership struct {
	Contact, BucketID   string
	Epoch               int
	EnteredAt, LeftAt   time.Time // LeftAt is zero for an active one
	Source, LeaveReason string
	Muted               bool
}

// Capture is an event that a journey had for PostHog.
type Capture struct {
	At             time.Time
	Contact, Event string
	Properties     json.RawMessage
}

// PropertyChange is one property of a contact that was written; Value is nil for one
// that was removed.
type PropertyChange struct {
	At                time.Time
	Contact, Property string
	Value             any
}
