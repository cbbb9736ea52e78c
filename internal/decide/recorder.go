package decide

import (
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// Config says what is decided by.
type Config struct {
	// LateHorizon is how old an event may be that still has an effect on journeys (I-40).
	LateHorizon time.Duration
	// HopLimit is the highest hop count that enrolls (J-147).
	HopLimit int
	// DwellHorizon keeps only timers of dwell reactions that are due within it in
	// Temporal; 0 hands all of them over at once (B-49).
	DwellHorizon time.Duration
	// DwellRate bounds what a backfill mirrors in a second (B-55).
	DwellRate int
	// Mirror says that PostHog is configured: without it no membership is mirrored, and
	// nothing that a journey learns is told (B-54, J-137).
	Mirror bool
	// Captures says of a stored event whether PostHog is told of it (P-11); nil of none.
	Captures func(name, source string) bool
	// NewID makes uuids that sort in the order in which they are made.
	NewID func() uuid.UUID
	// Simulated asks only which transitions there are: nothing follows from them, no
	// event, no timer, no mirror. A Tick ends, bucket by bucket, behind the first instant
	// at which there may be something to do, since what comes later depends on it, and the
	// caller asks again from there: so that no instant comes after what is newer.
	Simulated bool
}

// Recorder collects effects while they are decided.
type Recorder struct {
	Config
	// Began is the instant of the transaction, Now that of the change that is decided.
	Began, Now time.Time
	Effects    Effects

	unwritten []*Contact // with something to write, once each
}

// Take hands over what was decided since it was called last.
func (r *Recorder) Take() *Effects {
	e := r.Effects
	r.Effects = Effects{}
	if len(r.unwritten) > 0 {
		e.Contacts = make([]ContactWrite, len(r.unwritten))
		for i, c := range r.unwritten {
			e.Contacts[i] = c.write(r.Began)
		}
		r.unwritten = nil
	}
	return &e
}

// mark notes that there is something to write of a contact.
func (r *Recorder) Mark(c *Contact) {
	if !c.unwritten {
		c.unwritten = true
		r.unwritten = append(r.unwritten, c)
	}
}

// enqueue decides that a row of the outbox is written. Rows with one ordering key are
// delivered in order.
func (r *Recorder) Enqueue(orderingKey, eventID uuid.UUID, kind contract.OutboxKind, key string, payload any) {
	r.EnqueueAt(orderingKey, eventID, kind, key, payload, time.Time{})
}

// enqueueAt is enqueue for a row that is not delivered before an instant.
func (r *Recorder) EnqueueAt(orderingKey, eventID uuid.UUID, kind contract.OutboxKind, key string, payload any, at time.Time) {
	r.Effects.Outbox = append(r.Effects.Outbox, OutboxMessage{
		ID: r.NewID(), OrderingKey: orderingKey, EventID: eventID, Kind: kind, Key: key, Payload: payload, Due: at,
	})
}

func (r *Recorder) Log(enrollmentID uuid.UUID, stepKey, action, from, to string, detail map[string]any) {
	r.Effects.StepLogs = append(r.Effects.StepLogs, StepLog{
		EnrollmentID: enrollmentID, StepKey: stepKey, Action: action, From: from, To: to, Detail: detail,
	})
}

// mirror follows the membership with a person property of PostHog, not before an
// instant (B-54).
func (r *Recorder) MirrorMembership(contactID uuid.UUID, b *CompiledBucket, m *bucket.Membership, member bool, at time.Time) {
	if !b.SyncToPostHog || !r.Mirror {
		return
	}
	what := "left"
	if member {
		what = "entered"
	}
	r.MirrorMember(contactID, m.ID, b.PostHogPropertyKey, what, member, at)
}

// MirrorMember tells PostHog of one membership; what tells one message from another.
func (r *Recorder) MirrorMember(contactID, membershipID uuid.UUID, property, what string, member bool, at time.Time) {
	r.EnqueueAt(contactID, uuid.Nil, contract.OutboxMirror, "mirror/"+membershipID.String()+"/"+what, contract.MirrorPayload{
		ContactID: contactID.String(), StayID: membershipID.String(), Property: property, Member: member,
	}, at)
}

// write is what there is to write of a contact.
func (c *Contact) write(began time.Time) ContactWrite {
	w := ContactWrite{
		ID: c.ID, Identity: c.Identity, Patch: c.patch, HasNull: c.erases, FirstSeen: c.FirstSeen, LastSeen: c.LastSeen,
		Created: c.created.Instant(began), Updated: c.changed.Instant(began), Written: c.WrittenAt,
	}
	if c.written.Index > 0 {
		w.Written = c.written.Instant(began)
	}
	switch {
	case !c.Stored:
		w.Kind = ContactInsert
	case c.Changed():
		w.Kind = ContactUpdate
	default:
		w.Kind = ContactSeen
	}
	c.Stored, c.patch, c.erases, c.unwritten = true, nil, false, false
	return w
}
