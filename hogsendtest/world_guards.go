package hogsendtest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// trigger guards and enrolls into the journeys that the event triggers, by journey id
// and independently of each other (J-16).
func (w *world) trigger(e *event) error {
	for _, j := range w.registry.triggers[e.Name] {
		reason, failed, err := w.guard(e, j)
		if err != nil {
			return err
		}
		if reason != "" {
			w.decide(e, j, reason, nil, failed)
			if reason == contract.GuardAlreadyActive {
				if w.decisions[len(w.decisions)-1].Digest, err = w.digesting(e, j); err != nil {
					return err
				}
			}
			continue
		}
		if r, own := w.reaction(e, j); own && r.Overlap == hogsend.OverlapCancelPrevious {
			if err := w.supersede(e, j); err != nil {
				return err
			}
		}
		w.enroll(e, j)
	}
	return nil
}

// guard is the first reason not to enroll, in the order of J.4 (J-32 to J-43).
func (w *world) guard(e *event, j *hogsend.Journey) (reason contract.GuardReason, failed []hogsend.Condition, err error) {
	state := w.switches[j.ID]
	switch {
	case j.Disabled:
		return contract.GuardJourneyDisabled, nil, nil
	case state != nil && state.off:
		return contract.GuardSwitchedOff, nil, nil
	case state != nil && state.pausedAt != nil:
		return contract.GuardPaused, nil, nil
	case e.late:
		return contract.GuardLateEvent, nil, nil
	case e.hops > hopLimit:
		return contract.GuardLoop, nil, nil
	}
	if len(j.Trigger.Conditions) > 0 {
		values, err := criteria.ParseValues(e.raw)
		if err != nil {
			return "", nil, err
		}
		if failed := criteria.Failed(j.Trigger.Conditions, values); len(failed) > 0 {
			return contract.GuardConditions, failed, nil
		}
	}
	reaction, own := w.reaction(e, j)
	if own {
		if reason := e.about.filtered(reaction); reason != "" {
			return reason, nil, nil
		}
	}
	if made, ended := e.person.ended[j.ID]; ended {
		switch {
		case j.EntryLimit == hogsend.Once:
			return contract.GuardOnce, nil, nil
		case j.EntryLimit == hogsend.OncePerPeriod && w.now().Sub(made) < cmp.Or(j.EntryPeriod, hogsend.Day):
			return contract.GuardPeriod, nil, nil
		}
	}
	if !j.EnrollUnsubscribed && w.unsubscribed(e.person) {
		return contract.GuardUnsubscribed, nil, nil
	}
	if own && (reaction.Overlap == hogsend.OverlapAllow || reaction.Overlap == hogsend.OverlapCancelPrevious) {
		return "", nil, nil
	}
	for _, n := range e.person.live {
		if !n.isLive() || w.canonical(n.journeyID) != j.ID {
			continue
		}
		if j.Reaction != nil {
			return contract.GuardOverlapSkip, nil, nil
		}
		return contract.GuardAlreadyActive, nil, nil
	}
	return "", nil, nil
}

func (w *world) decide(e *event, j *hogsend.Journey, reason contract.GuardReason, n *enrollment, failed []hogsend.Condition) {
	d := Decision{At: e.ReceivedAt, Contact: e.person.name(), Journey: j.ID, Event: e.Name, Outcome: string(contract.OutcomeEnrolled), Reason: string(reason)}
	if reason != "" {
		d.Outcome = string(contract.OutcomeSkipped)
	}
	d.Failed = failed
	w.decisions = append(w.decisions, d)
}

// enter puts an enrollment in its place among the live ones: by the instant of its
// entry, then by journey id, then by entry (I-43).
func (p *person) enter(n *enrollment) {
	i, _ := slices.BinarySearchFunc(p.live, n, func(a, b *enrollment) int {
		return cmp.Or(cmp.Compare(a.bornOf.place, b.bornOf.place), strings.Compare(a.journeyID, b.journeyID), cmp.Compare(a.entry, b.entry))
	})
	p.live = slices.Insert(p.live, i, n)
}

// enroll makes the enrollment, its decision, its log and its start (J-48 to J-51).
func (w *world) enroll(e *event, j *hogsend.Journey) {
	p := e.person
	p.entries[j.ID]++
	entry := p.entries[j.ID]
	n := &enrollment{
		id: idOf("enrollment", p.id, j.ID, entry), journeyID: j.ID, person: p, entry: entry, hops: e.hops, status: contract.EnrollmentActive, node: "start",
		version: j.Version, createdAt: w.now(), trigger: e, bornOf: e.root, workflowType: typeOf(j),
	}
	n.workflowID = contract.JourneyWorkflowID(j.ID, p.id, entry)
	reaction, own := w.reaction(e, j)
	if own {
		n.workflowID = contract.ReactionWorkflowID(j.ID, p.id, e.about.epoch)
		if reaction.Schedule.Every != 0 {
			n.workflowID = contract.ReactionFireID(n.workflowID, e.about.ordinal)
		}
	}
	w.enrollments = append(w.enrollments, n)
	w.byID[n.id] = n
	p.enter(n)
	w.decide(e, j, "", n, nil)
	detail := j.ID
	if entry > 1 {
		detail += "#" + strconv.Itoa(entry)
	}
	w.log(n, "start", "enrolled", "", "start", detail)
	if own && reaction.Schedule.After != 0 {
		e.about.started = n // by the workflow that slept until now
		return
	}
	w.tell(message{kind: tellStart, workflowID: n.workflowID, what: n.workflowType, enrollment: n.id, journeyID: j.ID, personID: p.id})
}
