package cascade

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
)

// trigger guards and enrolls into the journeys that the event triggers, by journey
// id and independently of each other (I-43 step 7, J-16).
func (d *Decider) trigger(e *eventState) error {
	for _, j := range d.Index.Triggered(e.name) {
		reason, detail, err := d.guard(e, j)
		if err != nil {
			return err
		}
		if reason != "" {
			if reason == contract.GuardLoop {
				d.Looped = append(d.Looped, j.ID)
			}
			d.decide(e, j, reason, uuid.Nil, detail)
			continue
		}
		if r := e.about.reaction(j); r != nil && r.Overlap == hogsend.OverlapCancelPrevious {
			if err := d.supersede(e, j); err != nil {
				return err
			}
		}
		if err := d.enroll(e, j); err != nil {
			return err
		}
	}
	return nil
}

// guard returns the first reason, in the order of J.4, not to enroll.
func (d *Decider) guard(e *eventState, j *hogsend.Journey) (reason contract.GuardReason, detail json.RawMessage, err error) {
	switch {
	case j.Disabled:
		return contract.GuardJourneyDisabled, nil, nil
	case d.SwitchedOff[j.ID]:
		return contract.GuardSwitchedOff, nil, nil
	case d.Paused[j.ID]:
		return contract.GuardPaused, nil, nil
	case e.late:
		return contract.GuardLateEvent, nil, nil
	case e.hops > d.HopLimit:
		return contract.GuardLoop, nil, nil
	case e.deleted:
		return contract.GuardContactDeleted, nil, nil
	}
	if len(j.Trigger.Conditions) > 0 {
		values, err := e.values()
		if err != nil {
			return "", nil, err
		}
		if failed := criteria.Failed(j.Trigger.Conditions, values); len(failed) > 0 {
			detail, err = failedDetail(failed)
			return contract.GuardConditions, detail, err
		}
	}
	reaction := e.about.reaction(j)
	if reaction != nil {
		if reason := Filtered(reaction, e.about.membership.Epoch, e.about.event.Reason); reason != "" {
			return reason, nil, nil
		}
	}
	if h := e.contact.Past(j.ID); h != nil && h.Ended {
		switch {
		case j.EntryLimit == hogsend.Once:
			return contract.GuardOnce, nil, nil
		case j.EntryLimit == hogsend.OncePerPeriod && d.Now.Sub(h.NewestEnded) < period(j):
			return contract.GuardPeriod, nil, nil
		}
	}
	if !j.EnrollUnsubscribed && d.optedOut(e) {
		return contract.GuardUnsubscribed, nil, nil
	}
	if reaction != nil && Overlaps(reaction) {
		return "", nil, nil
	}
	for _, n := range e.contact.Live {
		if n.Ended || d.Index.ID(n.JourneyID) != j.ID {
			continue
		}
		if j.Reaction != nil {
			return contract.GuardOverlapSkip, nil, nil
		}
		detail, err := d.digesting(e, n)
		return contract.GuardAlreadyActive, detail, err
	}
	return "", nil, nil
}

// Filtered are the guards that only reactions have (J-39).
func Filtered(r *bucket.Reaction, epoch int, leaveReason string) contract.GuardReason {
	switch {
	case r.FirstEntryOnly && epoch > 1:
		return contract.GuardFirstEntry
	case len(r.Reasons) > 0 && !slices.Contains(r.Reasons, hogsend.LeaveReason(leaveReason)):
		return contract.GuardReasonFilter
	}
	return ""
}

// Overlaps reports whether a reaction runs although an earlier run of it is under way.
func Overlaps(r *bucket.Reaction) bool {
	return r.Overlap == hogsend.OverlapAllow || r.Overlap == hogsend.OverlapCancelPrevious
}

// digesting names the open digest of a live enrollment that the event goes into, nil
// if there is none (J-143).
func (d *Decider) digesting(e *eventState, n *decide.Enrollment) (json.RawMessage, error) {
	for _, w := range e.contact.Waits {
		if !w.Digest || w.Closed || w.EnrollmentID != n.ID || w.Deadline != nil && d.Now.After(*w.Deadline) {
			continue
		}
		place, err := e.wakes(w)
		if err != nil {
			return nil, err
		}
		if place >= 0 {
			return json.Marshal(map[string]string{"digest": w.Label})
		}
	}
	return nil, nil
}

func failedDetail(failed []hogsend.Condition) (json.RawMessage, error) {
	body, err := criteria.Marshal(failed)
	if err != nil {
		return nil, fmt.Errorf("encode failed conditions: %w", err)
	}
	return json.RawMessage(`{"failed":` + string(body) + `}`), nil
}

func period(j *hogsend.Journey) time.Duration {
	if j.EntryPeriod == 0 {
		return hogsend.Day
	}
	return j.EntryPeriod
}

// optedOut reports whether the contact, as the event sees it, is unsubscribed from
// everything: by its address, by a linked record, or by an address it has left (E-20).
func (d *Decider) optedOut(e *eventState) bool {
	if e.contact.OptedOut {
		return true
	}
	if _, out := d.OptOuts[e.resolution.EmailKey]; out && e.resolution.EmailKey != "" {
		return true
	}
	return slices.ContainsFunc(d.identities.AddressesLeft(e.contact, e.resolution.Place), func(emailKey string) bool {
		owner, out := d.OptOuts[emailKey]
		return out && owner == nil
	})
}

// decide writes down why a journey was entered, or was not.
func (d *Decider) decide(e *eventState, j *hogsend.Journey, reason contract.GuardReason, enrollmentID uuid.UUID, detail json.RawMessage) {
	if detail == nil {
		detail = emptyObject
	}
	kind := "enrollment"
	if j.Reaction != nil {
		kind = "reaction"
	}
	d.Effects.Decisions = append(d.Effects.Decisions, decide.Decision{
		ID: d.NewID(), At: e.received, Type: kind, ContactID: e.contact.ID, JourneyID: j.ID, EventID: e.id, EventName: e.name,
		Reason: reason, EnrollmentID: enrollmentID, Detail: detail,
	})
}
