package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// stepEnd is the step key of the log row of an end that has no step of its own.
const stepEnd = "end"

// state is what the steps of I-43 look at and change of one contact.
type state struct {
	live     []*enrollment // non-terminal, in the order of enter
	waits    []*wait       // open, by registration
	history  []*history
	optedOut bool // by a record linked to the contact
	patch    map[string]json.RawMessage
	erases   bool
	dirty    bool
	stays    []*bucket.Stay             // active, in buckets in force or not, by bucket id
	pasts    map[string]bucket.Past     // of earlier stays, where it was needed
	known    map[string]json.RawMessage // stored values of properties that buckets name
}

type enrollment struct {
	id               uuid.UUID
	journeyID        string
	entry            int32
	hops, retries    int
	node, workflowID string
	createdAt        time.Time
	over             bool
	bornOf           *item // what caused its enrollment, in this transaction
}

type wait struct {
	storedb.IngestWaitsRow
	awaited []awaited // read when first asked for
	closed  bool
}

// awaited is an event that ends a wait.
type awaited struct {
	event      string
	conditions []hogsend.Condition
}

// events are what ends the wait: one event, or the first of several (J-130).
func (wt *wait) events() ([]awaited, error) {
	if wt.awaited != nil {
		return wt.awaited, nil
	}
	alternatives := []criteria.Alternative{{Event: wt.EventName, Where: wt.Conditions}}
	if wt.Alternatives != nil {
		alternatives = nil
		if err := json.Unmarshal(wt.Alternatives, &alternatives); err != nil {
			return nil, fmt.Errorf("read events of wait %s: %w", wt.ID, err)
		}
	}
	for _, a := range alternatives {
		one := awaited{event: a.Event}
		if len(a.Where) > 0 {
			conditions, err := criteria.Unmarshal(a.Where)
			if err != nil {
				return nil, fmt.Errorf("read conditions of wait %s: %w", wt.ID, err)
			}
			one.conditions = conditions
		}
		wt.awaited = append(wt.awaited, one)
	}
	return wt.awaited, nil
}

// history is what entry limits know of one contact and journey, former ids included.
type history struct {
	journeyID   string
	entry       int32
	ended       bool
	newestEnded time.Time
}

// flow is one event on its way through the steps.
type flow struct {
	id         uuid.UUID
	person     *person
	verdict    *verdict
	name       string
	properties json.RawMessage
	value      *float64
	currency   string
	source     string
	hops       int
	occurred   time.Time
	received   time.Time
	late, dead bool
	conflict   bool
	root       *item // what was asked for that caused it (J-73)
	parsed     criteria.Values
	isParsed   bool
	written    bool      // its row was written ahead, for buckets to see
	about      *occasion // the transition it tells of; nil for other events
	checks     []*check  // what buckets may make of it
}

// values are the properties as conditions see them, parsed when first asked for.
func (e *flow) values() (criteria.Values, error) {
	if !e.isParsed {
		values, err := criteria.ParseValues(e.properties)
		if err != nil {
			return criteria.Values{}, fmt.Errorf("parse event properties: %w", err)
		}
		e.parsed, e.isParsed = values, true
	}
	return e.parsed, nil
}

func (e *flow) holds(conditions []hogsend.Condition) (bool, error) {
	if len(conditions) == 0 {
		return true, nil
	}
	values, err := e.values()
	if err != nil {
		return false, err
	}
	return criteria.Match(conditions, values), nil
}

// wave applies events one after another in memory: what it reads was loaded under
// the contacts' locks, what it decides is written by one flush. It does no I/O.
type wave struct {
	cfg     *Config
	catalog *catalog
	began   time.Time             // the transaction's instant
	flips   []Flip                // that time alone made
	now     time.Time             // that of the item
	off     map[string]bool       // journeys switched off by an operator
	paused  map[string]bool       // journeys that are paused
	optOuts map[string]*uuid.UUID // addresses opted out of everything, with the contact of the record
	left    []leaving
	changes changes
	looped  []string  // journeys that the loop guard kept out
	chunk   uuid.UUID // the backfill whose chunk this is
	moved   int64     // how many contacts it has moved
	watch   *watcher  // looks on in a simulation, where nothing follows from a transition; nil in life
	// judge asks the database what the criteria say of an event that was not
	// foreseen. Nothing else here does I/O.
	judge func(e *flow) ([]*check, error)
}

// flow makes the event of an item, before anything is done with it.
func (w *wave) flow(it *item) *flow {
	v, ev := &it.verdict, &it.event
	now := it.instant(w.began)
	e := &flow{
		id: it.id, person: v.person, verdict: v, name: ev.Name, properties: ev.Properties, value: ev.Value,
		currency: ev.Currency, source: ev.Source, hops: ev.Hops, occurred: occurred(ev, now), received: now, dead: v.dead, conflict: v.conflict,
		root: it,
	}
	if len(e.properties) == 0 {
		e.properties = emptyObject
	}
	if e.source == "" {
		e.source = "api"
	}
	e.late = now.Sub(e.occurred) > w.cfg.LateHorizon
	return e
}

// apply runs one item through the steps of I-43 and fills in its result.
func (w *wave) apply(it *item) error {
	v := &it.verdict
	w.now = it.instant(w.began)
	if err := w.pass(it); err != nil {
		return err
	}
	switch it.kind {
	case kindEnd:
		e := v.person.find(it.origin)
		if e == nil {
			return errStale // it has ended meanwhile: read again which way
		}
		it.status = it.end.Status
		return w.finish(v, e, *it.end, &flow{verdict: v, person: v.person, root: it})
	case kindTick:
		return nil
	case kindTouch:
		return w.touch(it)
	case kindDwell:
		return w.dwell(it)
	case kindDelete:
		return w.delete(it)
	case kindDue:
		return w.due(it)
	case kindEvent:
	}
	ev, e := &it.event, it.flow
	e.checks = it.own
	if it.origin != uuid.Nil {
		if err := w.triggered(it, e); err != nil {
			return err
		}
	}
	it.result = Result{Stored: true, Late: e.late, ContactKey: v.contactKey, ContactID: v.person.id, EventID: it.id}
	if !e.dead {
		w.see(e, ev)
	}
	w.changes.event(e)
	if err := w.capture(e); err != nil {
		return err
	}
	exits, err := w.exits(e)
	if err != nil {
		return err
	}
	it.result.Exits = exits
	return w.follow(e)
}

// touch writes properties without an event (I-33) and lets buckets see them.
func (w *wave) touch(it *item) error {
	v := &it.verdict
	if !it.wrote {
		w.changes.writes = append(w.changes.writes, it.writes...)
	}
	cause := &flow{id: it.id, person: v.person, verdict: v, root: it, hops: it.event.Hops}
	if it.origin != uuid.Nil {
		n := v.person.find(it.origin)
		if n == nil {
			return errStale
		}
		cause.hops = w.hops(n)
		to := n.node
		if it.node != "" && it.node != n.node {
			to = it.node
			w.changes.nodes = append(w.changes.nodes, standing{n.id, to})
		}
		keys := slices.Sorted(maps.Keys(it.event.ContactProperties))
		if err := w.changes.log(n.id, it.stepKey, "identified", n.node, to, map[string]any{"properties": keys}); err != nil {
			return err
		}
		n.node = to
	}
	if len(it.event.ContactProperties) > 0 {
		w.patch(v.person, it.event.ContactProperties)
		w.mark(v.person)
		if err := w.learned(it); err != nil {
			return err
		}
	}
	return w.transit(cause, it.own)
}

// triggered notes that an enrollment caused the event (J-135).
func (w *wave) triggered(it *item, e *flow) error {
	cause := it.source.find(it.origin)
	if cause == nil {
		return errStale
	}
	e.hops = w.hops(cause)
	to := cause.node
	if it.node != "" && it.node != cause.node {
		to = it.node
		w.changes.nodes = append(w.changes.nodes, standing{cause.id, to})
	}
	err := w.changes.log(cause.id, it.stepKey, "event_triggered", cause.node, to, map[string]any{"eventId": e.id, "event": e.name})
	cause.node = to
	return err
}

// hops of an event that an enrollment causes (J-146).
func (w *wave) hops(e *enrollment) int {
	if w.now.Sub(e.createdAt) >= time.Hour {
		return 0
	}
	return e.hops + 1
}

// enter puts an enrollment in its place among the live ones: by the instant of its
// entry, then by journey id, then by entry (I-43). Whatever ends, cancels or moves
// several of them takes them in this order, so that what each causes comes in the same
// order whether they were read from the database or made a moment ago.
func (p *person) enter(n *enrollment) {
	i, _ := slices.BinarySearchFunc(p.live, n, byEntry)
	p.live = slices.Insert(p.live, i, n)
}

func byEntry(a, b *enrollment) int {
	return cmp.Or(a.createdAt.Compare(b.createdAt), strings.Compare(a.journeyID, b.journeyID), cmp.Compare(a.entry, b.entry))
}

func (p *person) find(enrollmentID uuid.UUID) *enrollment {
	for _, e := range p.live {
		if e.id == enrollmentID && !e.over {
			return e
		}
	}
	return nil
}

// see writes what a public event changes on its contact: properties, first and last seen.
func (w *wave) see(e *flow, ev *Event) {
	p := e.person
	first, last := p.firstSeen, p.lastSeen
	if first.IsZero() || e.occurred.Before(first) {
		first = e.occurred
	}
	last = later(last, e.occurred)
	if !p.inserted || p.wroteAs > 0 || !first.Equal(p.firstSeen) || !last.Equal(p.lastSeen) {
		w.mark(p)
	}
	p.firstSeen, p.lastSeen = first, last
	w.patch(p, ev.ContactProperties)
}

// patch merges properties into those to be written (I-32).
func (w *wave) patch(p *person, properties map[string]json.RawMessage) {
	if len(properties) == 0 {
		return
	}
	if p.patch == nil {
		p.patch = make(map[string]json.RawMessage, len(properties))
	}
	for key, value := range properties {
		p.patch[key] = value
		if p.known == nil {
			p.known = map[string]json.RawMessage{}
		}
		p.known[key] = value
		p.erases = p.erases || bytes.Equal(bytes.TrimSpace(value), []byte("null"))
	}
}

func (w *wave) mark(p *person) {
	if !p.dirty {
		p.dirty = true
		w.changes.people = append(w.changes.people, p)
	}
}

func (p *person) patchJSON() json.RawMessage {
	if len(p.patch) == 0 {
		return emptyObject
	}
	body, err := json.Marshal(p.patch)
	if err != nil { // a value that is no JSON: Postgres refuses it with the rest
		return json.RawMessage(err.Error())
	}
	return body
}

// follow runs the steps after the exits. Bucket events move nobody: there are no
// loops (I-45).
func (w *wave) follow(e *flow) error {
	if err := w.wake(e); err != nil {
		return err
	}
	if !e.dead && e.source != sourceBucket {
		if e.checks == nil && len(w.catalog.segments.byEvent[e.name]) > 0 {
			checks, err := w.judge(e)
			if err != nil {
				return err
			}
			e.checks = checks
		}
		if err := w.transit(e, e.checks); err != nil {
			return err
		}
	}
	return w.trigger(e)
}

// sourceBucket is the source of the events of transitions (I-47).
const sourceBucket = "bucket"

// exits ends the enrollments whose exit rules match, then lets their internal
// events run (I-43 step 4). It returns the enrollments it looked at (J-72).
func (w *wave) exits(e *flow) ([]Exit, error) {
	if len(w.catalog.exits) == 0 {
		return nil, nil
	}
	var inspected []Exit
	var ended []*enrollment
	for _, n := range e.person.live {
		if n.over || n.bornOf == e.root {
			continue
		}
		j := w.catalog.exits[n.journeyID]
		if j == nil {
			continue
		}
		matched, err := e.exits(j)
		if err != nil {
			return nil, err
		}
		if matched {
			ended = append(ended, n)
		}
		inspected = append(inspected, Exit{JourneyID: n.journeyID, EnrollmentID: n.id, Exited: matched})
	}
	return inspected, w.endAll(e, ended, End{Status: contract.EnrollmentExited, Reason: contract.ExitByEvent(e.name), StepKey: stepEnd})
}

// endAll ends enrollments from outside: each is closed and its workflow canceled
// before the first is announced.
func (w *wave) endAll(e *flow, ended []*enrollment, end End) error {
	for _, n := range ended {
		if err := w.close(e.person, n, end); err != nil {
			return err
		}
		if err := w.changes.tell(e.person.id, e.id, contract.OutboxCancel, contract.CancelKey(n.id.String()),
			contract.CancelPayload{WorkflowID: n.workflowID}); err != nil {
			return err
		}
	}
	for _, n := range ended {
		if err := w.announce(e, n, end); err != nil {
			return err
		}
	}
	return nil
}

func (e *flow) exits(j *hogsend.Journey) (bool, error) {
	for i := range j.ExitOn {
		if j.ExitOn[i].Event != e.name {
			continue
		}
		if holds, err := e.holds(j.ExitOn[i].Where); holds || err != nil {
			return holds, err
		}
	}
	return false, nil
}

// close writes the end of an enrollment, without what follows from it.
func (w *wave) close(p *person, n *enrollment, end End) error {
	n.over = true
	for _, wt := range p.waits {
		if wt.EnrollmentID == n.id {
			wt.closed = true
		}
	}
	for _, h := range p.history {
		if h.journeyID == w.catalog.id(n.journeyID) {
			h.ended, h.newestEnded = true, later(h.newestEnded, n.createdAt)
		}
	}
	w.changes.end(n.id, end)
	detail := map[string]any{}
	if end.Reason != "" {
		detail["reason"] = end.Reason
	}
	return w.changes.log(n.id, n.retried(end.StepKey), string(end.Status), n.node, string(end.Status), detail)
}

// finish ends an enrollment because its journey said so (J-61 to J-63).
func (w *wave) finish(v *verdict, n *enrollment, end End, cause *flow) error {
	if err := w.close(v.person, n, end); err != nil {
		return err
	}
	return w.announce(cause, n, end)
}

// announce ingests the internal event of an end, within the event that caused it (J-90).
func (w *wave) announce(cause *flow, n *enrollment, end End) error {
	name, key := journeyExited, "exited"
	properties := map[string]any{
		"journeyId": n.journeyID, "journeyName": w.catalog.names[n.journeyID], "stateId": n.id,
		"userId": cause.verdict.contactKey, "entryCount": n.entry,
	}
	switch end.Status {
	case contract.EnrollmentCompleted:
		name, key = journeyCompleted, "completed"
	case contract.EnrollmentFailed:
		name, key = journeyFailed, "failed:"+strconv.Itoa(1+n.retries)
		properties["error"] = clip(end.Error, 1000)
	default:
		properties["reason"] = end.Reason
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	id := newID()
	if end.cancels {
		if err := w.changes.tell(cause.person.id, id, contract.OutboxCancel, contract.CancelKey(n.id.String()), contract.CancelPayload{WorkflowID: n.workflowID}); err != nil {
			return err
		}
	}
	from := *cause
	from.hops = w.hops(n)
	return w.internal(&from, &flow{
		id: id, name: name, properties: body, source: "journey", occurred: w.now,
	}, "journey:"+n.id.String()+":"+key)
}

// clip cuts text to at most n characters.
func clip(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// wake closes the waits that the event matches, each once (I-43 step 5).
func (w *wave) wake(e *flow) error {
	if e.late || e.dead {
		return nil
	}
	for _, wt := range e.person.waits {
		if wt.closed || wt.Digest || wt.Alternatives == nil && wt.EventName != e.name || wt.Deadline != nil && w.now.After(*wt.Deadline) {
			continue
		}
		n := e.person.find(wt.EnrollmentID)
		if n == nil {
			continue
		}
		place, err := e.wakes(wt)
		if err != nil {
			return err
		}
		if place < 0 {
			continue
		}
		wt.closed = true
		w.changes.match(wt.ID, e, place)
		if err := w.changes.tell(e.person.id, e.id, contract.OutboxSignal, contract.SignalKey(wt.ID.String()), contract.SignalPayload{
			WorkflowID: n.workflowID, Signal: contract.SignalWait, WaitID: wt.ID.String(), EventID: e.id.String(),
		}); err != nil {
			return err
		}
	}
	return nil
}

// wakes is the place of the first of the wait's events that this one is, -1 for none.
func (e *flow) wakes(wt *wait) (place int, err error) {
	events, err := wt.events()
	if err != nil {
		return -1, err
	}
	for i, a := range events {
		if a.event != e.name {
			continue
		}
		if holds, err := e.holds(a.conditions); holds || err != nil {
			return i, err
		}
	}
	return -1, nil
}
