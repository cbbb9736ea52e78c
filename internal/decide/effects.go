package decide

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// Effects are what was decided, for a backend to write: in the order of the fields,
// and of each field in its own order. A field refers only to what stands in fields
// above it or was written before, but for events: the contact of an event that is
// handed over ahead, for buckets to see, may follow later.
type Effects struct {
	Contacts []ContactWrite
	// Choices are written into records that are there, of several of one address the last
	// one counts.
	Choices  []ChoiceWrite
	Attached []any
	// Checked says that statements of Attached must be seen to have succeeded.
	Checked bool
	Events  []StoredEvent
	// Keys are the idempotency keys of internal events; none of them may be taken.
	Keys     []EventKey
	Matched  []WaitMatch
	Ended    []EnrollmentEnd
	Enrolled []NewEnrollment
	// Marks are the events that came of what enrolled, behind the enrollment: of several of
	// one enrollment the last one counts (J-117).
	Marks []Mark
	Nodes []NodeChange
	Fired []DwellFire
	// Transitions are the joins and leaves, as they happened.
	Transitions []Transition
	Evaluated   []MembershipEvaluation
	Backfilled  []Backfilled
	Tallies     []BackfillTally
	// Deleted are contacts that are deleted softly. The memberships that they have still
	// end with the reason deleted, also those of buckets that are not in force.
	Deleted   []uuid.UUID
	Decisions []Decision
	StepLogs  []StepLog
	Outbox    []OutboxMessage
}

// ContactWrite writes the row of a contact.
type ContactWrite struct {
	ID uuid.UUID
	Identity
	Kind ContactWriteKind
	// Patch merges into the properties by top-level key; a JSON null removes the key,
	// and HasNull says that there is one (I-32).
	Patch   map[string]json.RawMessage
	HasNull bool
	// Written is when values were written last, Updated when anything but FirstSeen and
	// LastSeen was; Written is zero for never.
	FirstSeen, LastSeen, Created, Updated, Written time.Time
}

// ContactWriteKind says how much of a contact is written.
type ContactWriteKind int

// The kinds: a new row; all of it but Created; FirstSeen and LastSeen only.
const (
	ContactInsert ContactWriteKind = iota
	ContactUpdate
	ContactSeen
)

// StoredEvent is the row of an event.
type StoredEvent struct {
	ID, ContactID          uuid.UUID
	Name                   string
	Properties             json.RawMessage
	Value                  *float64
	Currency, Source       string
	Hops                   int
	IdentityConflict       bool
	CauseID                uuid.UUID // the event that caused it in its transaction (I-61); uuid.Nil for none
	OccurredAt, ReceivedAt time.Time
}

// EventKey is the idempotency key of an internal event, in SpaceInternal.
type EventKey struct {
	Key                string
	EventID, ContactID uuid.UUID
}

// WaitMatch closes a wait by an event, the one at Place if the wait is for several.
type WaitMatch struct {
	WaitID, EventID uuid.UUID
	Place           int
}

// EnrollmentEnd ends a stored enrollment and closes its open waits.
type EnrollmentEnd struct {
	EnrollmentID uuid.UUID
	Status       contract.EnrollmentStatus
	Error        string
	Reason       contract.ExitReason
}

// NewEnrollment is an enrollment to be stored. With an ExitReason it has ended within
// what stored it, so that it is never in the way of the next one.
type NewEnrollment struct {
	ID, ContactID uuid.UUID
	JourneyID     string
	Key           string // "" for none (J-153)
	Entry         int32
	// Context are the scalars of the event that triggered it.
	Context    json.RawMessage
	EventID    uuid.UUID
	Hops       int
	Version    string
	WorkflowID string
	Concurrent bool
	ExitReason contract.ExitReason
	CreatedAt  time.Time
	// Held is set when a pause holds it at its start (J-168).
	Held *HeldEntry
}

// HeldEntry is an entry that a pause holds.
type HeldEntry struct {
	ID uuid.UUID
	// JourneyIDs are all ids of its journey, of which one is paused.
	JourneyIDs []string
	// Start is what the outbox is told at its release; nil when a workflow is there that
	// waits for it.
	Start *contract.StartPayload
}

// Mark is an event that a wait of an enrollment does not look back to.
type Mark struct{ EnrollmentID, EventID uuid.UUID }

// NodeChange is the node at which an enrollment stands now.
type NodeChange struct {
	EnrollmentID uuid.UUID
	Node         string
}

// DwellFire notes that a dwell reaction of a membership has fired.
type DwellFire struct {
	MembershipID uuid.UUID
	Label        string
	Ordinal      int
}

// Transition is a join or a leave.
type Transition struct {
	Contact    *Contact
	Bucket     *CompiledBucket
	Membership *bucket.Membership
	Enters     bool
	At         time.Time
	Source     bucket.Source
	Reason     string // of a leave
}

// MembershipEvaluation notes that a member goes on being one, with or without a leave
// that is held back.
type MembershipEvaluation struct {
	MembershipID uuid.UUID
	At           time.Time
	Leave        *bucket.Deferred
}

// BackfillTally counts what a backfill did.
type BackfillTally struct {
	BackfillID   uuid.UUID
	Joined, Left int64
}

// Decision is a row of the decisions log: why a journey was entered, or was not.
type Decision struct {
	ID           uuid.UUID
	At           time.Time
	Type         string // enrollment or reaction
	ContactID    uuid.UUID
	JourneyID    string
	Key          string
	EventID      uuid.UUID
	EventName    string
	Reason       contract.GuardReason // "" when it was entered
	EnrollmentID uuid.UUID            // uuid.Nil when it was not
	Detail       json.RawMessage
}

// StepLog is a row of the step log of an enrollment.
type StepLog struct {
	EnrollmentID              uuid.UUID
	StepKey, Action, From, To string
	Detail                    map[string]any
}

// OutboxMessage is a row of the outbox. Rows with one OrderingKey are delivered in
// order; a Key that is taken makes the row a repetition, which is dropped.
type OutboxMessage struct {
	ID          uuid.UUID
	OrderingKey uuid.UUID
	EventID     uuid.UUID // uuid.Nil for none
	Kind        contract.OutboxKind
	Key         string
	Payload     any       // of the type that the kind carries
	Due         time.Time // zero for at once
	Trace       string    // that of the change that caused it, which the backend knows
}
