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
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// trigger guards and enrolls into the journeys that the event triggers, by journey
// id and independently of each other (I-43 step 7, J-16).
func (d *Decider) trigger(e *eventState) error {
	for _, j := range d.Index.Triggered(e.name) {
		if e.entered(d.Index.IDs(j.ID)) {
			continue
		}
		g, err := d.guard(e, j)
		if err != nil {
			return err
		}
		if g.reason != "" {
			if g.reason == contract.GuardLoop {
				d.Looped = append(d.Looped, j.ID)
			}
			d.decide(e, j, g, uuid.Nil)
			continue
		}
		if r := e.about.reaction(j); r != nil && r.Overlap == hogsend.OverlapCancelPrevious {
			if err := d.supersede(e, j); err != nil {
				return err
			}
		}
		if err := d.enroll(e, j, g.key); err != nil {
			return err
		}
	}
	return nil
}

// guard finds the first reason, in the order of J.4, not to enroll.
func (d *Decider) guard(e *eventState, j *hogsend.Journey) (g guarded, err error) {
	if g.reason = d.closed(e, j); g.reason != "" {
		return g, nil
	}
	if g, err = d.wants(e, j); g.reason != "" || err != nil {
		return g, err
	}
	asked, err := d.admit(e, j, g.key)
	if err != nil {
		return g, err
	}
	if asked.Audience && !asked.Holds {
		g.reason = contract.GuardNotInAudience
		g.detail, err = failedDetail(asked.Failed)
		return g, err
	}
	reaction := e.about.reaction(j)
	if reaction != nil {
		if g.reason = Filtered(reaction, e.about.membership.Epoch, e.about.event.Reason); g.reason != "" {
			return g, nil
		}
	}
	switch {
	case !asked.Ended:
	case j.EntryLimit == hogsend.Once:
		g.reason = contract.GuardOnce
	case j.EntryLimit == hogsend.OncePerPeriod && d.Now.Sub(asked.NewestEnded) < period(j):
		g.reason = contract.GuardPeriod
	}
	if g.reason == "" && !j.EnrollUnsubscribed && j.Category != steps.Transactional && d.optedOut(e) {
		g.reason = contract.GuardUnsubscribed
	}
	if g.reason != "" || reaction != nil && Overlaps(reaction) {
		return g, nil
	}
	return d.active(e, j, g)
}

// closed are the guards that ask for no property of the event.
func (d *Decider) closed(e *eventState, j *hogsend.Journey) contract.GuardReason {
	switch {
	case j.Disabled:
		return contract.GuardJourneyDisabled
	case d.SwitchedOff[j.ID]:
		return contract.GuardSwitchedOff
	case d.Paused[j.ID] == contract.DropEntries:
		return contract.GuardPaused
	case e.late:
		return contract.GuardLateEvent
	case e.hops > d.HopLimit:
		return contract.GuardLoop
	case e.deleted:
		return contract.GuardContactDeleted
	}
	return ""
}

// wants are the guards that look at the event's own properties. It finds the key.
func (d *Decider) wants(e *eventState, j *hogsend.Journey) (g guarded, err error) {
	if len(j.Trigger.Conditions) == 0 && j.Key == "" {
		return g, nil
	}
	values, err := e.values()
	if err != nil {
		return g, err
	}
	if failed := criteria.Failed(j.Trigger.Conditions, values); len(failed) > 0 {
		g.reason = contract.GuardConditions
		g.detail, err = failedDetail(failed)
		return g, err
	}
	if j.Key == "" {
		return g, nil
	}
	key, ok := criteria.KeyOf(values, j.Key)
	if !ok { // J-150
		g.reason = contract.GuardKeyMissing
		g.detail, err = json.Marshal(map[string]string{"property": j.Key})
		return g, err
	}
	g.key = key
	return g, nil
}

// admit asks what is known of the contact: whether it is in the journey's audience
// (J-151), and of its earlier enrollments, with a key those of the key (J-153).
func (d *Decider) admit(e *eventState, j *hogsend.Journey, key string) (*Admission, error) {
	a := &Admission{Contact: e.contact, Journey: j, Key: key, At: d.Now, Audience: j.Audience != nil}
	if h := e.contact.Past(j.ID); h != nil && j.Key == "" {
		a.Ended, a.NewestEnded = h.Ended, h.NewestEnded
	}
	a.History = j.Key != "" && j.EntryLimit != hogsend.Unlimited
	if !a.Audience && !a.History {
		return a, nil
	}
	if err := d.backend.Admit(d.Take(), a); err != nil {
		return a, fmt.Errorf("look at contact: %w", err)
	}
	return a, nil
}

// maxActive is how many enrollments of one journey with a key a contact has at once (J-152).
const maxActive = 1000

// active are the guards that look at the contact's live enrollments.
func (d *Decider) active(e *eventState, j *hogsend.Journey, g guarded) (guarded, error) {
	others := 0
	for _, n := range e.contact.Live {
		if n.Ended || d.Index.ID(n.JourneyID) != j.ID {
			continue
		}
		if j.Key != "" && n.Key != g.key {
			others++
			continue
		}
		if j.Reaction != nil {
			g.reason = contract.GuardOverlapSkip
			return g, nil
		}
		var err error
		g.reason = contract.GuardAlreadyActive
		g.detail, err = d.digesting(e, n)
		return g, err
	}
	if others >= maxActive {
		g.reason = contract.GuardTooManyActive
	}
	return g, nil
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

// supersede ends the earlier runs of a reaction whose policy is cancel-previous (B-34).
func (d *Decider) supersede(e *eventState, j *hogsend.Journey) error {
	var ended []*decide.Enrollment
	for _, n := range e.contact.Live {
		if !n.Ended && n.JourneyID == j.ID {
			ended = append(ended, n)
		}
	}
	return d.endAll(e, ended, exit(contract.ExitSuperseded))
}
