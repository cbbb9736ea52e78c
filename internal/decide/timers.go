package decide

import (
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// Timers of a membership are in order per membership, not per contact: one that is due
// in a year must not be in the way of what the contact does meanwhile (B-49).

// ScheduleTimers lets Temporal sleep until each dwell reaction of the membership is due
// (B-39).
func (r *Recorder) ScheduleTimers(contactID uuid.UUID, b *CompiledBucket, m *bucket.Membership) {
	for i := range b.Definition.Reactions {
		reaction := &b.Definition.Reactions[i]
		if reaction.Schedule == nil {
			continue
		}
		if _, at, ok := reaction.Schedule.Next(m, r.Now); ok {
			r.ScheduleTimer(contactID, b.ID, reaction.JourneyID, reaction.Schedule, m, at, r.HandOver(at), "")
		}
	}
}

// ScheduleTimer hands one timer to Temporal, not before an instant. round tells one
// from an earlier one of the same membership; "" for the first.
func (r *Recorder) ScheduleTimer(contactID uuid.UUID, bucketID, journeyID string, s *bucket.Schedule, m *bucket.Membership, at, notBefore time.Time, round string) {
	id := contactID.String()
	r.EnqueueAt(m.ID, uuid.Nil, contract.OutboxDwell, contract.DwellKey(journeyID, id, m.Epoch)+round, contract.DwellPayload{
		WorkflowID: contract.ReactionWorkflowID(journeyID, id, m.Epoch), WorkflowType: journeyID,
		BucketID: bucketID, ContactID: id, StayID: m.ID.String(), Label: s.Label, Due: at, Repeats: s.Repeats,
	}, notBefore)
}

// HandOver is when a timer that is due at an instant is handed to Temporal (B-49).
func (c *Config) HandOver(due time.Time) time.Time {
	if c.DwellHorizon == 0 {
		return time.Time{}
	}
	return due.Add(-c.DwellHorizon)
}

// CancelTimers cancels the timers of a membership; a run that has started goes on
// (B-36, B-43).
func (r *Recorder) CancelTimers(contactID uuid.UUID, b *CompiledBucket, m *bucket.Membership) {
	for i := range b.Definition.Reactions {
		if reaction := &b.Definition.Reactions[i]; reaction.Schedule != nil {
			r.CancelTimer(contactID, reaction.JourneyID, reaction.Schedule, m, "")
		}
	}
}

// CancelTimer cancels one timer, unless it is a run by now.
func (r *Recorder) CancelTimer(contactID uuid.UUID, journeyID string, s *bucket.Schedule, m *bucket.Membership, round string) {
	if !s.Repeats && m.Fired[s.Label] > 0 {
		return
	}
	id := contract.ReactionWorkflowID(journeyID, contactID.String(), m.Epoch)
	r.Enqueue(m.ID, uuid.Nil, contract.OutboxCancel, contract.CancelKey(id)+round, contract.CancelPayload{WorkflowID: id})
}

// Retire ends a membership of a bucket that no registry has any more, without a word
// to anybody but its timers and the mirror (W-31).
func (r *Recorder) Retire(contactID uuid.UUID, b *CompiledBucket, m *bucket.Membership) {
	r.Now = r.Began
	r.Effects.Transitions = append(r.Effects.Transitions, Transition{
		Contact: &Contact{ID: contactID}, Bucket: b, Membership: m, At: r.Now, Reason: bucket.LeftRetired,
	})
	r.CancelTimers(contactID, b, m)
	r.MirrorMembership(contactID, b, m, false, time.Time{})
}
