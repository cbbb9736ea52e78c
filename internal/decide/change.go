// Package decide decides what an event, the clock, a timer or an operator changes: the
// contact, its enrollments, waits and memberships, and what Temporal is told. State
// comes in, effects go out: it does no I/O, reads no clock and makes no uuid of its
// own, so that production decides with it over Postgres and a test in memory.
//
// Identities decides to which contacts changes belong, from what was read of them. The
// decider of package cascade then applies the changes to the state of these contacts, and
// a Recorder collects the Effects. What a single step of a journey does, such as a send or
// a wait, package steps decides.
package decide

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
)

// ErrStale says that what was decided is not so any more, because something was read
// before somebody else changed it: read again, and decide again.
var ErrStale = errors.New("contacts changed while being locked")

// Name spaces of idempotency keys (I-35).
const (
	SpaceClient   = "client"
	SpaceInternal = "internal"
)

// Change is one thing that is asked for: an event, or another change of one contact.
// Its Body says which.
type Change struct {
	// ID is a fresh uuid: that of the event which the change stores, if it stores one.
	ID uuid.UUID
	// ContactID is the contact that the change is about. For an event it is a fresh uuid
	// for the contact that it may create.
	ContactID uuid.UUID
	// Space and Key are the idempotency key; Key is "" for none.
	Space, Key string
	// At is the instant of the change in virtual time. Zero means the instant of its
	// transaction, in the order of the batch.
	At   time.Time
	Body Body
	// Also is what the caller wants written along whatever the change does, unless it does
	// nothing; it comes back in Effects.Attached.
	Also []any
	// Trace is the W3C traceparent that what the change causes goes on with; "" for none. It
	// decides nothing.
	Trace string

	Outcome
	Resolution
}

// Body is what a change does: *Occurrence, *Upsert, *Update, *End, *Tick, *Dwell, *Due, *Delete,
// *Replay, *Unite, *Announcement or *Move.
type Body interface{ body() }

// Occurrence is an event.
type Occurrence struct {
	Event
	// From is the enrollment that causes it; nil for none.
	From *Origin
}

// Upsert writes into the contact that its keys name, without an event: they make, revive and
// merge contacts as those of an event do (R-4, R-46, rows of imports).
type Upsert struct {
	UserID, Email, AnonymousID string
	Properties                 map[string]json.RawMessage
	// Lists are choices about lists, by id (E-59).
	Lists map[string]bool
	// Create refuses keys that live contacts have, by ErrExists.
	Create bool
	// Imported moves the contact silently (W-34).
	Imported bool
	// Zoned is that of Update.
	Zoned bool
}

// ErrExists says that a contact that is to be made is there already.
var ErrExists = errors.New("contact exists already")

// Update writes into a contact without an event: properties (I-33), keys that an
// operator gives it, or what became of a mail to it (B-6).
type Update struct {
	// ExternalID and Email replace what the contact has; "" leaves it. NoEmail takes the
	// address away.
	ExternalID, Email string
	NoEmail           bool
	Properties        map[string]json.RawMessage
	// Zoned says that Attached moves the contact to another time zone.
	Zoned bool
	// Template is that of the mail that Attached is about; "" for none.
	Template string
	// Attached is what the caller wants written along; it comes back in
	// Effects.Attached, before buckets look.
	Attached []any
	// From is the enrollment that causes it; nil for none.
	From *Origin
}

// Origin is the step of an enrollment that causes a change.
type Origin struct {
	EnrollmentID  uuid.UUID
	StepKey, Node string
	// JourneyID and ContactID are what the backend knows of the enrollment.
	JourneyID string
	ContactID uuid.UUID
}

// End is the end of an enrollment.
type End struct {
	Origin
	// Status is completed, failed or exited.
	Status contract.EnrollmentStatus
	// Error is the text of a failure (J-94).
	Error string
	// Reason is the exit reason (J-81).
	Reason contract.ExitReason
	// Cancels tells the workflow, because it is not the workflow that ends.
	Cancels bool
}

// Tick lets time pass for a contact up to the change's instant.
type Tick struct {
	// Edges are those that the contact's events have passed.
	Edges []Edge
}

// Edge is an instant at which time alone may change what the criteria of a bucket
// say of a contact (W-2).
type Edge struct {
	BucketID string
	At       time.Time
	// Newest is when something happened last that the bucket looks at, if that is known
	// and later: no edge undoes what a newer event decided (W-6).
	Newest time.Time
}

// Dwell fires a dwell reaction of a membership.
type Dwell struct {
	BucketID, Label string
	MembershipID    uuid.UUID
	Ordinal         int
	Due             time.Time
}

// Due tells a member of a recurrence.
type Due struct {
	BucketID, Label string
	MembershipID    uuid.UUID
	Due             time.Time
}

// Delete deletes the contact softly (I-48).
type Delete struct{}

// Replay runs an event that is stored once more through what it causes, under its own id: it
// writes no row of it and no property (I-53).
type Replay struct {
	Event
	ID       uuid.UUID
	Received time.Time
	// Entered are the journeys that it has enrolled the contact in already: it does so in
	// none of them again (O-26).
	Entered []string
}

// Unite makes one contact of two, because a person says so: also of two that have
// external ids. Missing is set when one of them is deleted or unknown.
type Unite struct{ Other uuid.UUID }

// ErrSame says that two references lead to one contact.
var ErrSame = errors.New("both are the same contact")

// Move makes a contact enter or leave a bucket whatever the criteria say: what the
// script of a test orders.
type Move struct {
	BucketID string
	Enters   bool
	Reason   string // of a leave; "" means criteria
}

func (*Occurrence) body()   {}
func (*Upsert) body()       {}
func (*Update) body()       {}
func (*End) body()          {}
func (*Tick) body()         {}
func (*Dwell) body()        {}
func (*Due) body()          {}
func (*Delete) body()       {}
func (*Replay) body()       {}
func (*Unite) body()        {}
func (*Move) body()         {}
func (*Announcement) body() {}

// Announcement writes something of a contact and tells it by internal events, such as an
// opt-out: they change nothing else of the contact (E-75).
type Announcement struct {
	Events []Announced
	// Template is that of the mail that Attached is about, which buckets look at before the
	// events; "" for none.
	Template string
	// Attached is what is written along; it comes back in Effects.Attached. Nothing is
	// done if a statement of it fails.
	Attached []any
}

// Announced is one event of an Announcement.
type Announced struct {
	Name       string
	Properties json.RawMessage
	// Key is its idempotency key among internal events: it must be free.
	Key string
	// OccurredAt is zero for now.
	OccurredAt time.Time
	// Source is SourceEmail unless said otherwise (I-47).
	Source string
}

// Names are those of the events.
func (a *Announcement) Names() []string {
	var names []string
	for _, one := range a.Events {
		if !slices.Contains(names, one.Name) {
			names = append(names, one.Name)
		}
	}
	return names
}

// Outcome is what became of a change.
type Outcome struct {
	// Result is that of an event.
	Result Result
	// Repeats: its key is taken. Missing: its contact is deleted, erased or unknown.
	// Ended: the enrollment that it ends, or that causes it, had ended. In each of these
	// cases nothing was done.
	Repeats, Missing, Ended bool
	// Twofold says of an import's row that its ids are those of two contacts; it is Missing
	// then (I-30).
	Twofold bool
	// Status is the terminal status that stands, after an End.
	Status contract.EnrollmentStatus
	// Enrolled is the enrollment that the workflow which asked for a Dwell is to run;
	// Refused says that the membership has ended or the dwell was done.
	Enrolled uuid.UUID
	Refused  bool
	// Stopped is where each bucket that a Tick moved, or may have, has come in a
	// simulation: what is later for it is for the next tick.
	Stopped map[string]time.Time
}

// Active reports whether the change still has something to do.
func (c *Change) Active() bool { return !c.Repeats && !c.Ended && c.Status == "" && !c.Missing }

// Reset undoes what an attempt made of the change.
func (c *Change) Reset() {
	*c = Change{ID: c.ID, ContactID: c.ContactID, Space: c.Space, Key: c.Key, At: c.At, Body: c.Body, Also: c.Also, Trace: c.Trace}
}

// Origin is the step of the enrollment that ends by the change or causes it; nil for
// none.
func (c *Change) Origin() *Origin {
	switch b := c.Body.(type) {
	case *End:
		return &b.Origin
	case *Occurrence:
		return b.From
	case *Update:
		return b.From
	}
	return nil
}

// Named are the keys by which the change names a contact.
func (c *Change) Named() (userID, email, anonymousID string) {
	switch b := c.Body.(type) {
	case *Occurrence:
		return b.UserID, b.Email, b.AnonymousID
	case *Upsert:
		return b.UserID, b.Email, b.AnonymousID
	case *Update:
		return b.ExternalID, b.Email, ""
	}
	return "", "", ""
}

// Makes reports whether keys say which contact the change is about: it may make it then.
func (c *Change) Makes() bool {
	switch c.Body.(type) {
	case *Occurrence, *Upsert:
		return true
	}
	return false
}

// Lists are the choices about lists that come with the change.
func (c *Change) Lists() map[string]bool {
	switch b := c.Body.(type) {
	case *Occurrence:
		return b.Lists
	case *Upsert:
		return b.Lists
	}
	return nil
}

// ContactProperties are those that the change writes.
func (c *Change) ContactProperties() map[string]json.RawMessage {
	switch b := c.Body.(type) {
	case *Occurrence:
		return b.ContactProperties
	case *Upsert:
		return b.Properties
	case *Update:
		return b.Properties
	}
	return nil
}

// Resolution is what was decided about the contact of one change. It keeps what later
// changes of the batch may change: the contact as this change sees it.
type Resolution struct {
	Contact *Contact
	// Source is the contact of the enrollment that causes the change, nil for none.
	Source *Contact
	// ContactKey and EmailKey are the contact's as of the change.
	ContactKey, EmailKey string
	// Deleted: it belongs to a deleted contact and changes nothing (I-49).
	Deleted bool
	// Created: it makes the contact. Revived: it undoes its deletion.
	Created, Revived bool
	// Linked: a contact that was there got a key.
	Linked bool
	// Conflict: a key that it gives its contact belongs to an identified one (I-62).
	Conflict bool
	Merges   []*Merge
	Place    Place
}

// Merge makes one contact of two (I-25).
type Merge struct {
	From, Into *Contact
	// FromWins: its values were written last.
	FromWins bool
}
