package cascade

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// decide writes down why a journey was entered, or was not.
func (d *Decider) decide(e *eventState, j *hogsend.Journey, g guarded, enrollmentID uuid.UUID) {
	detail := g.detail
	if detail == nil {
		detail = emptyObject
	}
	kind := "enrollment"
	if j.Reaction != nil {
		kind = "reaction"
	}
	if c := d.current; c != nil && len(c.decided) < maxDecided {
		c.decided = append(c.decided, decide.Decided{JourneyID: j.ID, Key: g.key, EventName: e.name, Reason: g.reason, EnrollmentID: enrollmentID})
	}
	d.Effects.Decisions = append(d.Effects.Decisions, decide.Decision{
		ID: d.NewID(), At: e.received, Type: kind, ContactID: e.contact.ID, JourneyID: j.ID, Key: g.key, EventID: e.id, EventName: e.name,
		Reason: g.reason, EnrollmentID: enrollmentID, Detail: detail,
	})
}

// guarded is what the guards of a journey say of an event.
type guarded struct {
	key    string               // what the enrollment is about (J-153)
	reason contract.GuardReason // not to enroll; "" for none
	detail json.RawMessage
}
