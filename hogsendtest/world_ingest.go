package hogsendtest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
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
	}
	w.causes++
	return &cause{place: w.causes}
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
	return w.endAll(e.root, ended, end{status: contract.EnrollmentExited, reason: contract.ExitByEvent(e.Name), key: stepEnd, cancels: true})
}

// end is how an enrollment ends.
type end struct {
	status       contract.EnrollmentStatus
	reason       contract.ExitReason
	failure, key string
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
	n.status, n.exitReason, n.failure, n.endedAt = how.status, how.reason, clip.Stored(how.failure, 4096), w.now()
	for _, wt := range w.waits {
		if wt.enrollment == n && wt.status == contract.WaitOpen {
			wt.status = contract.WaitClosed
		}
	}
	id := w.canonical(n.journeyID)
	if n.createdAt.After(n.person.ended[id]) {
		n.person.ended[id] = n.createdAt
	}
	w.log(n, how.key, string(how.status), from, string(how.status), cmp.Or(string(how.reason), n.failure))
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
	key := string(how.status)
	switch how.status {
	case contract.EnrollmentFailed:
		properties["error"] = clip.First(how.failure, 1000)
		key += ":" + strconv.Itoa(1+n.retries)
	case contract.EnrollmentExited:
		properties["reason"] = how.reason
	}
	return w.internal(root, n.person, "journey:"+string(how.status), "journey", properties, w.hops(n), "journey:"+n.id+":"+key, nil)
}

// hops of an event that an enrollment causes (J-146).
func (w *world) hops(n *enrollment) int {
	if w.now().Sub(n.createdAt) >= time.Hour {
		return 0
	}
	return n.hops + 1
}

// wake closes the waits that the event matches, each once.
func (w *world) wake(e *event) error {
	if e.late {
		return nil
	}
	for _, wt := range w.waits {
		n := wt.enrollment
		if wt.status != contract.WaitOpen || n.person != e.person || !n.isLive() || wt.deadline != nil && w.now().After(*wt.deadline) {
			continue
		}
		place, err := wt.wakes(e)
		if err != nil {
			return err
		}
		if place < 0 {
			continue
		}
		wt.status, wt.matched, wt.place = contract.WaitMatched, e, place
		w.tell(message{kind: tellSignal, workflowID: n.workflowID, what: contract.SignalWait, waitID: wt.id, eventID: e.ID})
	}
	return nil
}

// finish ends an enrollment, unless it has ended (J-65); the status that stands is
// returned.
func (w *world) finish(n *enrollment, how end) (contract.EnrollmentStatus, error) {
	if !n.isLive() {
		return n.status, nil
	}
	root := w.begin()
	w.close(n, how)
	return how.status, w.announce(root, n, how)
}
