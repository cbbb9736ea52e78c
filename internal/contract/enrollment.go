package contract

import (
	"time"

	"github.com/hogsend/hogsend"
)

// EventPosition is a place in the order of reception of a contact's events: everything
// received at or before it has been seen (J-117).
type EventPosition struct {
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
	Status     EnrollmentStatus    `json:"status"`
	ContactID  string              `json:"contactId"`
	Enrollment hogsend.Enrollment  `json:"enrollment"`
	Event      hogsend.StoredEvent `json:"event"`
	Now        EventPosition       `json:"now"`
	BuildID    string              `json:"buildId"`
	// Held says that a pause holds the entry: Run is not called until it is released (J-168).
	Held *PausedEffect `json:"held,omitempty"`
}

// FinishRequest records how a journey ended (J-61 to J-63). Status is completed,
// failed or exited.
type FinishRequest struct {
	EnrollmentID string           `json:"enrollmentId"`
	Status       EnrollmentStatus `json:"status"`
	// Error is the text of a failure, cut to 4,096 bytes when it is stored (J-94).
	Error string `json:"error,omitempty"`
	// Reason is the exit reason.
	Reason ExitReason `json:"reason,omitempty"`
}

// Finish is the terminal state that stands: the first commit wins (J-65).
type Finish struct {
	Status EnrollmentStatus `json:"status"`
}

// Effect answers an effect that has no value: Ended when the enrollment was over,
// Held when a pause holds it.
type Effect struct {
	Ended bool          `json:"ended"`
	Held  *PausedEffect `json:"held,omitempty"`
}

// PausedEffect says that a paused journey did not let an effect begin (J-101). Nothing of
// it happened; it is asked for again once the signal of ID has come.
type PausedEffect struct {
	EnrollmentID string `json:"enrollmentId"`
	ID           string `json:"id"`
	// Node is where the enrollment stands while it is held.
	Node string `json:"node"`
}

// ExitRequest ends the enrollment at the author's wish (J-136).
type ExitRequest struct {
	Step   Step       `json:"step"`
	Reason ExitReason `json:"reason"`
}
