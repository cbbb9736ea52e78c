package hogsendtest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/workflows/names"
)

// Reasons why a journey was not entered, in the words of the decisions log.
const (
	reasonDisabled     = "journey_disabled"
	reasonSwitchedOff  = "journey_disabled_by_admin"
	reasonPaused       = "journey_paused"
	reasonLate         = "late_event"
	reasonLoop         = "loop_guard"
	reasonConditions   = "trigger_conditions_not_met"
	reasonFirstEntry   = "first_entry_only"
	reasonFilter       = "reason_filter"
	reasonOnce         = "already_entered_once"
	reasonPeriod       = "period_not_elapsed"
	reasonUnsubscribed = "user_unsubscribed"
	reasonActive       = "already_active"
	reasonOverlap      = "overlap_skip"
	reasonSuperseded   = "superseded"
)

// incoming is an event on its way in.
type incoming struct {
	name              string
	properties        hogsend.Properties
	contactProperties hogsend.Properties
	occurred          time.Time // zero means now
	source            string
	hops              int
}

// begin starts what is one transaction in production.
func (w *world) begin() *cause {
	for _, p := range w.contacts {
		p.live = slices.DeleteFunc(p.live, func(n *enrollment) bool { return !n.isLive() })
		slices.SortFunc(p.live, func(a, b *enrollment) int {
			return cmp.Or(cmp.Compare(a.journeyID, b.journeyID), cmp.Compare(a.entry, b.entry))
		})
	}
	return &cause{}
}

// ingest applies one event of a contact: contact, event, exits, waits, triggers (J-17).
func (w *world) ingest(root *cause, p *person, in incoming) (*event, error) {
	raw, plain, err := asJSON(in.properties)
	if err != nil {
		return nil, err
	}
	e := w.newEvent(p, in.name, raw, plain, root)
	e.Source, e.hops = cmp.Or(in.source, "api"), in.hops
	if !in.occurred.IsZero() {
		e.OccurredAt = in.occurred.UTC().Truncate(time.Microsecond)
	}
	e.late = e.ReceivedAt.Sub(e.OccurredAt) > lateHorizon
	if p.firstSeen.IsZero() || e.OccurredAt.Before(p.firstSeen) {
		p.firstSeen = e.OccurredAt
	}
	if e.OccurredAt.After(p.lastSeen) {
		p.lastSeen = e.OccurredAt
	}
	if err := w.patch(p, in.contactProperties); err != nil {
		return nil, err
	}
	return e, w.apply(e)
}

func (w *world) newEvent(p *person, name string, raw json.RawMessage, plain hogsend.Properties, root *cause) *event {
	seq := int64(len(w.events) + 1)
	e := &event{
		StoredEvent: hogsend.StoredEvent{ID: idOf("event", seq), Name: name, Properties: plain, OccurredAt: w.now(), ReceivedAt: w.now()},
		seq:         seq, person: p, raw: raw, root: root,
	}
	w.events = append(w.events, e)
	return e
}

// apply runs the steps that follow the event's row.
func (w *world) apply(e *event) error {
	if err := w.exits(e); err != nil {
		return err
	}
	if err := w.wake(e); err != nil {
		return err
	}
	return w.trigger(e)
}

// internal ingests an event that something else caused, within it (J-90).
func (w *world) internal(root *cause, p *person, name, source string, properties hogsend.Properties, hops int, key string, about *transition) error {
	if key != "" {
		if w.keys[key] {
			return nil
		}
		w.keys[key] = true
	}
	raw, plain, err := asJSON(properties)
	if err != nil {
		return err
	}
	e := w.newEvent(p, name, raw, plain, root)
	e.Source, e.hops, e.about = source, hops, about
	if about != nil {
		e.OccurredAt = about.at
	}
	return w.apply(e)
}

func (e *event) holds(conditions []hogsend.Condition) (bool, error) {
	if len(conditions) == 0 {
		return true, nil
	}
	values, err := criteria.ParseValues(e.raw)
	if err != nil {
		return false, err
	}
	return criteria.Match(conditions, values), nil
}

// exits ends the enrollments whose exit rules match (J-71).
func (w *world) exits(e *event) error {
	var ended []*enrollment
	for _, n := range e.person.live {
		j := w.registry.byID[n.journeyID]
		if !n.isLive() || n.bornOf == e.root || j == nil {
			continue
		}
		for i := range j.ExitOn {
			if j.ExitOn[i].Event != e.Name {
				continue
			}
			holds, err := e.holds(j.ExitOn[i].Where)
			if err != nil {
				return err
			}
			if holds {
				ended = append(ended, n)
				break
			}
		}
	}
	return w.endAll(e.root, ended, end{status: statusExited, reason: "event:" + e.Name, key: stepEnd, cancels: true})
}

// end is how an enrollment ends.
type end struct {
	status, reason, failure, key string
	// cancels tells its workflow, because it is not the workflow that ends.
	cancels bool
}

const stepEnd = "end"

// endAll closes enrollments before the first of them is announced (J-75).
func (w *world) endAll(root *cause, ended []*enrollment, how end) error {
	for _, n := range ended {
		w.close(n, how)
	}
	for _, n := range ended {
		if err := w.announce(root, n, how); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) close(n *enrollment, how end) {
	from := n.node
	n.status, n.exitReason, n.failure, n.endedAt = how.status, how.reason, cut(how.failure, 4096), w.now()
	for _, wt := range w.waits {
		if wt.enrollment == n && wt.status == waitOpen {
			wt.status = waitClosed
		}
	}
	id := w.canonical(n.journeyID)
	if n.createdAt.After(n.person.ended[id]) {
		n.person.ended[id] = n.createdAt
	}
	w.log(n, how.key, how.status, from, how.status, cmp.Or(how.reason, n.failure))
	if how.cancels {
		w.tell(message{kind: tellCancel, workflowID: n.workflowID})
	}
}

func (w *world) canonical(journeyID string) string {
	if j := w.registry.byID[journeyID]; j != nil {
		return j.ID
	}
	return journeyID
}

// announce ingests the internal event of an end (J-87 to J-89).
func (w *world) announce(root *cause, n *enrollment, how end) error {
	name := ""
	if j := w.registry.byID[n.journeyID]; j != nil {
		name = j.Name
	}
	properties := hogsend.Properties{
		"journeyId": n.journeyID, "journeyName": name, "stateId": n.id, "userId": n.person.key(), "entryCount": n.entry,
	}
	key := how.status
	switch how.status {
	case statusFailed:
		properties["error"] = clip(how.failure, 1000)
		key += ":" + strconv.Itoa(1+n.retries)
	case statusExited:
		properties["reason"] = how.reason
	}
	return w.internal(root, n.person, "journey:"+how.status, "journey", properties, w.hops(n), "journey:"+n.id+":"+key, nil)
}

// hops of an event that an enrollment causes (J-146).
func (w *world) hops(n *enrollment) int {
	if w.now().Sub(n.createdAt) >= time.Hour {
		return 0
	}
	return n.hops + 1
}

// clip cuts text to n characters.
func clip(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// cut cuts text to n bytes at a character boundary, as it is stored (J-94).
func cut(s string, n int) string {
	clean := make([]byte, 0, min(len(s), n))
	for _, r := range s {
		if r == 0 {
			continue
		}
		if len(clean)+utf8.RuneLen(r) > n {
			break
		}
		clean = utf8.AppendRune(clean, r)
	}
	return string(clean)
}

// wake closes the waits that the event matches, each once.
func (w *world) wake(e *event) error {
	if e.late {
		return nil
	}
	for _, wt := range w.waits {
		n := wt.enrollment
		if wt.status != waitOpen || n.person != e.person || !n.isLive() || wt.event != e.Name || wt.deadline != nil && w.now().After(*wt.deadline) {
			continue
		}
		matched, err := e.holds(wt.conditions)
		if err != nil {
			return err
		}
		if !matched {
			continue
		}
		wt.status, wt.matched = waitMatched, e
		w.tell(message{kind: tellSignal, workflowID: n.workflowID, what: names.SignalWait, waitID: wt.id, eventID: e.ID})
	}
	return nil
}

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
func (w *world) guard(e *event, j *hogsend.Journey) (reason string, failed []hogsend.Condition, err error) {
	state := w.switches[j.ID]
	switch {
	case j.Disabled:
		return reasonDisabled, nil, nil
	case state != nil && state.off:
		return reasonSwitchedOff, nil, nil
	case state != nil && state.pausedAt != nil:
		return reasonPaused, nil, nil
	case e.late:
		return reasonLate, nil, nil
	case e.hops > hopLimit:
		return reasonLoop, nil, nil
	}
	if len(j.Trigger.Conditions) > 0 {
		values, err := criteria.ParseValues(e.raw)
		if err != nil {
			return "", nil, err
		}
		if failed := criteria.Failed(j.Trigger.Conditions, values); len(failed) > 0 {
			return reasonConditions, failed, nil
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
			return reasonOnce, nil, nil
		case j.EntryLimit == hogsend.OncePerPeriod && w.now().Sub(made) < cmp.Or(j.EntryPeriod, hogsend.Day):
			return reasonPeriod, nil, nil
		}
	}
	if !j.EnrollUnsubscribed && w.unsubscribed(e.person) {
		return reasonUnsubscribed, nil, nil
	}
	if own && (reaction.Overlap == hogsend.OverlapAllow || reaction.Overlap == hogsend.OverlapCancelPrevious) {
		return "", nil, nil
	}
	for _, n := range e.person.live {
		if !n.isLive() || w.canonical(n.journeyID) != j.ID {
			continue
		}
		if j.Reaction != nil {
			return reasonOverlap, nil, nil
		}
		return reasonActive, nil, nil
	}
	return "", nil, nil
}

func (w *world) decide(e *event, j *hogsend.Journey, reason string, n *enrollment, failed []hogsend.Condition) {
	d := Decision{At: e.ReceivedAt, Contact: e.person.name(), Journey: j.ID, Event: e.Name, Outcome: "enrolled", Reason: reason}
	if reason != "" {
		d.Outcome = "skipped"
	}
	d.Failed = failed
	w.decisions = append(w.decisions, d)
}

// enroll makes the enrollment, its decision, its log and its start (J-48 to J-51).
func (w *world) enroll(e *event, j *hogsend.Journey) {
	p := e.person
	p.entries[j.ID]++
	entry := p.entries[j.ID]
	n := &enrollment{
		id: idOf("enrollment", p.id, j.ID, entry), journeyID: j.ID, person: p, entry: entry, hops: e.hops, status: statusActive, node: "start",
		version: j.Version, createdAt: w.now(), trigger: e, bornOf: e.root, workflowType: typeOf(j),
	}
	n.workflowID = names.JourneyWorkflowID(j.ID, p.id, entry)
	reaction, own := w.reaction(e, j)
	if own {
		n.workflowID = names.ReactionWorkflowID(j.ID, p.id, e.about.epoch)
		if reaction.Schedule.Every != 0 {
			n.workflowID = names.ReactionFireID(n.workflowID, e.about.ordinal)
		}
	}
	w.enrollments = append(w.enrollments, n)
	w.byID[n.id] = n
	p.live = append(p.live, n)
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

// finish ends an enrollment, unless it has ended (J-65); the status that stands is
// returned.
func (w *world) finish(n *enrollment, how end) (string, error) {
	if !n.isLive() {
		return n.status, nil
	}
	root := w.begin()
	w.close(n, how)
	return how.status, w.announce(root, n, how)
}
