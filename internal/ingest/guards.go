package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// trigger guards and enrolls into the journeys that the event triggers, by journey
// id and independently of each other (I-43 step 7, J-16).
func (w *wave) trigger(e *flow) error {
	for _, j := range w.catalog.triggers[e.name] {
		reason, detail, err := w.guard(e, j)
		if err != nil {
			return err
		}
		if reason != "" {
			if reason == contract.GuardLoop {
				w.looped = append(w.looped, j.ID)
			}
			w.changes.decide(e, j, reason, uuid.Nil, detail)
			continue
		}
		if r := e.about.reaction(j); r != nil && r.Overlap == hogsend.OverlapCancelPrevious {
			if err := w.supersede(e, j); err != nil {
				return err
			}
		}
		if err := w.enroll(e, j); err != nil {
			return err
		}
	}
	return nil
}

// guard returns the first reason, in the order of J.4, not to enroll.
func (w *wave) guard(e *flow, j *hogsend.Journey) (reason contract.GuardReason, detail json.RawMessage, err error) {
	switch {
	case j.Disabled:
		return contract.GuardJourneyDisabled, nil, nil
	case w.off[j.ID]:
		return contract.GuardSwitchedOff, nil, nil
	case w.paused[j.ID]:
		return contract.GuardPaused, nil, nil
	case e.late:
		return contract.GuardLateEvent, nil, nil
	case e.hops > w.cfg.HopLimit:
		return contract.GuardLoop, nil, nil
	case e.dead:
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
		if reason := e.about.filtered(reaction); reason != "" {
			return reason, nil, nil
		}
	}
	if h := e.person.past(j.ID); h != nil && h.ended {
		switch {
		case j.EntryLimit == hogsend.Once:
			return contract.GuardOnce, nil, nil
		case j.EntryLimit == hogsend.OncePerPeriod && w.now.Sub(h.newestEnded) < period(j):
			return contract.GuardPeriod, nil, nil
		}
	}
	if !j.EnrollUnsubscribed && w.optedOut(e) {
		return contract.GuardUnsubscribed, nil, nil
	}
	if reaction != nil && (reaction.Overlap == hogsend.OverlapAllow || reaction.Overlap == hogsend.OverlapCancelPrevious) {
		return "", nil, nil
	}
	for _, n := range e.person.live {
		if n.over || w.catalog.id(n.journeyID) != j.ID {
			continue
		}
		if j.Reaction != nil {
			return contract.GuardOverlapSkip, nil, nil
		}
		detail, err := w.digesting(e, n)
		return contract.GuardAlreadyActive, detail, err
	}
	return "", nil, nil
}

// digesting names the open digest of a live enrollment that the event goes into, nil
// if there is none (J-143).
func (w *wave) digesting(e *flow, n *enrollment) (json.RawMessage, error) {
	for _, wt := range e.person.waits {
		if !wt.Digest || wt.closed || wt.EnrollmentID != n.id || wt.Deadline != nil && w.now.After(*wt.Deadline) {
			continue
		}
		place, err := e.wakes(wt)
		if err != nil {
			return nil, err
		}
		if place >= 0 {
			return json.Marshal(map[string]string{"digest": wt.Label})
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

// past is the contact's history in a journey; nil when it never entered.
func (p *person) past(journeyID string) *history {
	for _, h := range p.history {
		if h.journeyID == journeyID {
			return h
		}
	}
	return nil
}

// optedOut reports whether the contact, as the event sees it, is unsubscribed from
// everything: by its address, by a linked record, or by an address it has left (E-20).
func (w *wave) optedOut(e *flow) bool {
	if e.person.optedOut {
		return true
	}
	if _, out := w.optOuts[e.verdict.emailKey]; out && e.verdict.emailKey != "" {
		return true
	}
	for _, l := range w.left {
		if owner, out := w.optOuts[l.emailKey]; out && owner == nil && l.index <= e.verdict.index && l.person.survivor() == e.person {
			return true
		}
	}
	return false
}

// enroll makes the enrollment, its decision, its log and its start (J-48 to J-51).
func (w *wave) enroll(e *flow, j *hogsend.Journey) error {
	h := e.person.past(j.ID)
	if h == nil {
		h = &history{journeyID: j.ID}
		e.person.history = append(e.person.history, h)
	}
	h.entry++
	n := &enrollment{
		id: newID(), journeyID: j.ID, entry: h.entry, hops: e.hops, node: "start", createdAt: w.now, bornOf: e.root,
	}
	kind := contract.JourneyType(j.ID)
	n.workflowID = contract.JourneyWorkflowID(j.ID, e.person.id.String(), int(h.entry))
	reaction := e.about.reaction(j)
	if reaction != nil {
		kind, n.workflowID = j.ID, contract.ReactionWorkflowID(j.ID, e.person.id.String(), e.about.stay.Epoch)
		if reaction.Schedule != nil && reaction.Schedule.Repeats {
			n.workflowID = contract.ReactionFireID(n.workflowID, e.about.event.DwellCount)
		}
	}
	e.person.enter(n)
	given, err := scalars(e.properties)
	if err != nil {
		return err
	}
	p := &w.changes.enrolled
	p.Ids = append(p.Ids, n.id)
	p.ContactIds = append(p.ContactIds, e.person.id)
	p.JourneyIds = append(p.JourneyIds, n.journeyID)
	p.Entries = append(p.Entries, n.entry)
	p.Contexts = append(p.Contexts, given)
	p.EventIds = append(p.EventIds, e.id)
	p.Hops = append(p.Hops, int16(n.hops)) //nolint:gosec // within the hop limit
	p.Versions = append(p.Versions, j.Version)
	p.WorkflowIds = append(p.WorkflowIds, n.workflowID)
	p.Concurrent = append(p.Concurrent, reaction != nil && reaction.Overlap == hogsend.OverlapAllow)
	p.ExitReasons = append(p.ExitReasons, "")
	p.Created = append(p.Created, n.createdAt)
	w.changes.decide(e, j, "", n.id, nil)
	if err := w.changes.log(n.id, "start", "enrolled", "", "start", map[string]any{"eventId": e.id, "entry": n.entry}); err != nil {
		return err
	}
	start := contract.StartPayload{
		WorkflowID: n.workflowID, WorkflowType: kind, EnrollmentID: n.id.String(), JourneyID: j.ID, ContactID: e.person.id.String(),
	}
	if reaction != nil {
		start.BucketID = j.Reaction.BucketID
		if reaction.Schedule != nil && !reaction.Schedule.Repeats {
			e.about.started = n // by the workflow that slept until now
			return nil
		}
	}
	return w.changes.tell(e.person.id, e.id, contract.OutboxStart, contract.StartKey(j.ID, n.id.String()), start)
}

// scalars keeps the strings, numbers and booleans of a JSON object.
func scalars(properties json.RawMessage) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(properties, &all); err != nil {
		return nil, fmt.Errorf("parse event properties: %w", err)
	}
	for key, value := range all {
		if value = bytes.TrimSpace(value); len(value) == 0 || value[0] == '{' || value[0] == '[' || value[0] == 'n' {
			delete(all, key)
		}
	}
	body, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode context: %w", err)
	}
	return body, nil
}
