package decide

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
)

// EmailKey is an address as it is compared (I-55).
func EmailKey(email string) string { return address.Key(email) }

// Identity is what decides which contact an event belongs to.
type Identity struct {
	ExternalID, AnonymousID, Email, EmailKey string
	DeletedAt                                time.Time // zero for a contact that is not deleted
	// RevivedAt is when its deletion was undone last, zero for never. What fell due until
	// then is nothing to the clock: all buckets looked at the contact then (I-49).
	RevivedAt time.Time
}

// Key is how replies and events name the contact with the uuid: never by what a browser
// calls it, which is no user id (I-15, I-20).
func (i *Identity) Key(id uuid.UUID) string {
	if i.ExternalID != "" {
		return i.ExternalID
	}
	return id.String()
}

// Contact is one contact while changes of it are decided: how it was read, and how it
// will be.
type Contact struct {
	ID uuid.UUID
	Identity
	FirstSeen, LastSeen, CreatedAt time.Time
	// UpdatedAt is when it was changed last, other than being seen. WrittenAt is when an
	// event or an operator wrote values of it last; zero for never.
	UpdatedAt, WrittenAt time.Time
	// Stored is set when its row exists.
	Stored bool
	// NeedsLock is set when a change is about it.
	NeedsLock bool
	// Merging is set when it takes part in a merge.
	Merging bool

	State

	read      Identity
	readAt    time.Time // WrittenAt as it was read
	into      *Contact  // the survivor, once merged away
	created   Place     // of the change that makes it
	changed   Place     // of the change that changed it last
	written   Place     // of the change that wrote values last
	patch     map[string]json.RawMessage
	erases    bool // the patch has a null
	unwritten bool // there is something to write
}

// Identified reports whether the contact has an external id.
func (c *Contact) Identified() bool { return c.ExternalID != "" }

// Key is how replies and events name the contact (I-15).
func (c *Contact) Key() string { return c.Identity.Key(c.ID) }

// Survivor follows the merges that were decided; it is nil for nil.
func (c *Contact) Survivor() *Contact {
	for c != nil && c.into != nil {
		c = c.into
	}
	return c
}

// MergedAway reports whether the contact has been merged into another one.
func (c *Contact) MergedAway() bool { return c.into != nil }

// Changed reports whether a change changes more of the contact than when it was seen.
func (c *Contact) Changed() bool { return c.changed.Index > 0 }

// Unchanged reports whether the contact is still as its identity was decided from.
func (c *Contact) Unchanged(now Identity, written time.Time) bool {
	return now.ExternalID == c.read.ExternalID && now.AnonymousID == c.read.AnonymousID && now.Email == c.read.Email &&
		now.EmailKey == c.read.EmailKey && now.DeletedAt.Equal(c.read.DeletedAt) && now.RevivedAt.Equal(c.read.RevivedAt) && (!c.Merging || written.Equal(c.readAt))
}

// reaches reports whether an event applies to the contact: a deleted one is revived
// only by what happened after its deletion (I-49).
func (c *Contact) reaches(ev *Event) bool {
	return c.DeletedAt.IsZero() || ev.Timestamp == nil || ev.Timestamp.After(c.DeletedAt)
}

// merge merges properties into those to be written (I-32).
func (c *Contact) MergeProperties(properties map[string]json.RawMessage) {
	if len(properties) == 0 {
		return
	}
	if c.patch == nil {
		c.patch = make(map[string]json.RawMessage, len(properties))
	}
	if c.Known == nil {
		c.Known = make(map[string]json.RawMessage, len(properties))
	}
	for key, value := range properties {
		c.patch[key], c.Known[key] = value, value
		c.erases = c.erases || IsNull(value)
	}
}

func IsNull(value json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(value), []byte("null")) }

// changes reports whether a write gives the property another value (B-7).
func (c *Contact) Changes(key string, value json.RawMessage) bool {
	var was, will any
	stored, there := c.Known[key]
	if there && json.Unmarshal(stored, &was) != nil || json.Unmarshal(value, &will) != nil {
		return true
	}
	return !reflect.DeepEqual(was, will) // null and missing are one
}

// Earlier is the first of two instants, of which a zero one is none.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Later is the second of two instants; a zero one is before all.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func less(a, b uuid.UUID) bool { return bytes.Compare(a[:], b[:]) < 0 }

// Place is where a change stands in its batch, counted from 1, or in virtual time.
type Place struct {
	Index int
	At    time.Time // zero: by the index
}

// Instant is when the change happens in a transaction that began at an instant: in the
// order of the batch, so that what is later is told from what is earlier as if the
// changes had come one by one (I-17).
func (p Place) Instant(began time.Time) time.Time {
	if !p.At.IsZero() {
		return p.At
	}
	return began.Add(time.Duration(p.Index) * time.Microsecond)
}
