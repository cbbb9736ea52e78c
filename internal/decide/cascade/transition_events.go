package cascade

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// announceTransition stores the event of a transition, and the generic one if
// something listens to it, and lets each run through the steps (B-24, B-26).
func (d *Decider) announceTransition(cause *eventState, b *decide.CompiledBucket, m *bucket.Membership, kind hogsend.ReactionKind, at time.Time, what bucketEvent) (*transitionRef, error) {
	what.BucketID, what.BucketName, what.UserID, what.EntryCount = b.ID, b.Name, cause.resolution.ContactKey, m.Epoch
	var name, generic string
	switch kind {
	case hogsend.ReactionEnter:
		what.Transition, name, generic = "entered", b.Entered(), hogsend.AnyEntered
	case hogsend.ReactionLeave:
		what.Transition, name, generic = "left", b.Left(), hogsend.AnyLeft
	case hogsend.ReactionDwell:
		what.Transition, name, generic = "dwell", hogsend.Dwell(b.ID, what.label), hogsend.AnyDwell
	}
	key := "bucket:" + b.ID + ":" + cause.contact.ID.String() + ":" + what.Transition + ":" + strconv.Itoa(m.Epoch)
	if kind == hogsend.ReactionDwell {
		key = DwellKey(b.ID, cause.contact.ID, m.Epoch, what.label, what.DwellCount)
	}
	body, err := json.Marshal(what)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	about := &transitionRef{bucket: b, membership: m, event: what}
	e := &eventState{name: name, properties: body, source: decide.SourceBucket, occurred: at, about: about}
	if kind == hogsend.ReactionDwell {
		e.id = cause.id // its key was taken with the change (B-42)
		err = d.internal(cause, e, "")
	} else {
		e.id = d.NewID()
		err = d.internal(cause, e, key)
	}
	if err != nil {
		return nil, err
	}
	if !d.listens(cause.contact, generic) {
		return about, nil
	}
	return about, d.internal(cause, &eventState{id: d.NewID(), name: generic, properties: body, source: decide.SourceBucket, occurred: at}, key+":generic")
}

// DwellKey is the idempotency key of the nth fire of a dwell reaction for one
// membership (B-42).
func DwellKey(bucketID string, contactID uuid.UUID, epoch int, label string, ordinal int) string {
	return "bucket:" + bucketID + ":" + contactID.String() + ":dwell:" + strconv.Itoa(epoch) + ":" + label + ":" + strconv.Itoa(ordinal)
}

// listens reports whether a journey or a wait of the contact takes the event (B-26).
func (d *Decider) listens(c *decide.Contact, name string) bool {
	if d.Index.Concerns(name) {
		return true
	}
	return slices.ContainsFunc(c.Waits, func(w *decide.Wait) bool {
		events, err := w.Events()
		return !w.Closed && (err != nil || slices.ContainsFunc(events, func(a steps.Awaited) bool { return a.Event == name })) // wake reports the error
	})
}
