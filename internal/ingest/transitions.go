package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// pass applies what time alone has brought before an item: instant after instant,
// at one instant leaves before joins (W-5, B-12).
func (w *wave) pass(it *item) error {
	for rest := it.before; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].at.Equal(rest[0].at) {
			n++
		}
		cause := &flow{id: it.id, person: it.verdict.person, verdict: &it.verdict, root: &item{}}
		if err := w.overdue(cause, rest[0].at, true); err != nil {
			return err
		}
		if err := w.transit(cause, rest[:n]); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) == 0 {
			now := it.instant(w.began)
			if it.kind == kindTick {
				now = w.began
			}
			return w.overdue(cause, now.Add(time.Microsecond), false)
		}
	}
	return nil
}

// overdue ends the stays that an earlier check has made or held back, and that time
// ends again before an instant (B-12, W-7). Between two checks of a bucket time alone
// does not change what its criteria say: a leave that is held back is one. Behind the
// last of them only the greatest age is sure.
func (w *wave) overdue(cause *flow, before time.Time, sure bool) error {
	if w.watch != nil { // a simulation looks again for each instant
		return nil
	}
	for {
		var first *check
		for _, s := range cause.person.stays {
			g := w.catalog.segments.byID[s.BucketID]
			if g == nil || !g.on || w.chunk != uuid.Nil && (g.settling == nil || g.settling.id != w.chunk) {
				continue
			}
			at, byAge := s.Due()
			if at.IsZero() || !at.Before(before) || !sure && !byAge || first != nil && !at.Before(first.at) {
				continue
			}
			first = &check{segment: g, at: at, kind: checkDue, stay: s, known: byAge}
		}
		if first == nil {
			return nil
		}
		if err := w.transit(cause, []*check{first}); err != nil {
			return err
		}
	}
}

// transition is a change of a membership that is to be announced.
type transition struct {
	segment *segment
	stay    *bucket.Stay
	past    bucket.Past
	at      time.Time
	mode    bucket.Mode
	enters  bool
	anchor  time.Time // zero, or what settling found (W-27)
}

// transit moves the contact by what the checks of one instant found: leaves first,
// then joins, each by bucket id; the event of each transition runs through the steps
// before the next one (I-43 step 6).
func (w *wave) transit(cause *flow, checks []*check) error {
	var leaves, joins []transition
	for _, c := range checks {
		d, ok := w.decide(cause.person, c)
		switch {
		case !ok:
		case d.enters:
			joins = append(joins, d)
		default:
			leaves = append(leaves, d)
		}
	}
	for i := range leaves {
		if err := w.leave(cause, &leaves[i]); err != nil {
			return err
		}
	}
	for i := range joins {
		if err := w.join(cause, &joins[i]); err != nil {
			return err
		}
	}
	return nil
}

// decide applies what a check does besides transitions, and returns the transition.
func (w *wave) decide(p *person, c *check) (transition, bool) {
	g, active, past := c.segment, p.stay(c.segment.ID), p.pasts[c.segment.ID]
	if c.kind == checkSettle {
		w.settled(p, g)
	}
	if c.moot {
		return transition{}, false
	}
	// No edge undoes what a newer evaluation decided (W-6).
	at, latest := c.at, past.Evaluated
	if active != nil {
		latest = active.Evaluated
	}
	at = later(at, latest)
	d := transition{segment: g, stay: active, past: past, at: at, mode: w.mode(c), anchor: c.anchor}
	if c.kind == checkDue {
		if active == nil || active != c.stay {
			return d, false
		}
		d.at = c.at
		if due, byAge := active.Due(); byAge {
			d.mode.Reason = string(hogsend.LeftByMaxDwell)
			return d, due.Equal(c.at)
		}
		if active.Leave == nil || !active.Leave.At.Equal(c.at) {
			return d, false
		}
		d.mode.SilentLeaves, d.mode.Reason = active.Leave.Silent, active.Leave.Reason
	}
	switch g.Evaluate(active, c.holds, at) {
	case bucket.Enter:
		d.enters = true
		return d, c.kind != checkEdge || g.ClockJoins()
	case bucket.Leave:
		if d.mode.Reason == "" {
			d.mode.Reason = string(hogsend.LeftByCriteria)
		}
		return d, true
	case bucket.Keep:
		active.Evaluated = later(active.Evaluated, at)
		if active.Leave != nil {
			active.Leave = nil
			w.changes.evaluated(active)
		}
	case bucket.Defer:
		active.Leave, active.Evaluated = g.Hold(active, d.mode), later(active.Evaluated, at)
		w.changes.evaluated(active)
	case bucket.Nothing:
	}
	return d, false
}

// mode is how the transitions of a check show.
func (w *wave) mode(c *check) bucket.Mode {
	switch {
	case c.kind == checkSettle || c.settles:
		return c.segment.settling.mode
	case c.kind == checkDue || c.kind == checkEdge:
		return bucket.Mode{Source: bucket.SourceClock}
	}
	return bucket.Mode{Source: bucket.SourceEvent}
}

// settled notes that a contact was settled before the backfill came to it.
func (w *wave) settled(p *person, g *segment) {
	if g.settling.id == w.chunk {
		return
	}
	c := &w.changes.settled
	c.BucketIds, c.ContactIds = append(c.BucketIds, g.ID), append(c.ContactIds, p.id)
	c.Generations = append(c.Generations, int32(g.settling.generation)) //nolint:gosec // counts changes of one bucket
}

// join makes a stay, arms its dwell reactions and announces it (B-13, B-39).
func (w *wave) join(cause *flow, d *transition) error {
	p, g := cause.person, d.segment
	s := g.Join(newID(), d.past, d.at)
	s.Anchor = earlier(s.Anchor, d.anchor)
	p.begin(s)
	w.changes.join(p, s, d.mode.Source)
	w.changes.tally(d, 1, 0)
	if w.watch != nil {
		w.watch.join(p, g, s)
		return nil
	}
	if d.mode.Source == bucket.SourceClock {
		w.flips = append(w.flips, Flip{g.ID, "entered"})
	}
	if d.mode.Source != bucket.SourceBackfill || g.settling == nil || g.settling.id != w.chunk { // else once all have joined
		if err := w.arm(p, g, s); err != nil {
			return err
		}
	}
	if err := w.mirror(p, g, s, true, w.pace(d)); err != nil {
		return err
	}
	switch {
	case d.mode.SilentJoins:
		return nil
	case s.Muted:
		w.mute(cause, g, d)
		return nil
	}
	_, err := w.tellTransition(cause, g, s, hogsend.ReactionEnter, d.at, bucketEvent{Source: d.mode.Source})
	return err
}

// mute leaves a decision for the reaction that a muted join does not run (B-18).
func (w *wave) mute(cause *flow, g *segment, d *transition) {
	for _, j := range g.reactions {
		if j.Reaction.Kind != hogsend.ReactionEnter {
			continue
		}
		e := &flow{id: cause.id, person: cause.person, verdict: cause.verdict, name: g.Entered(), received: w.now}
		w.changes.decide(e, j, g.MutedBecause(d.past, d.at), uuid.Nil, nil)
	}
}

// leave ends a stay and its timers, and announces it.
func (w *wave) leave(cause *flow, d *transition) error {
	p, g, s := cause.person, d.segment, d.stay
	p.stays = slices.DeleteFunc(p.stays, func(o *bucket.Stay) bool { return o == s })
	// A merge may have numbered stays that ended before after this one (I-27).
	p.remember(g.ID, bucket.Past{Epoch: max(s.Epoch, d.past.Epoch), Left: later(d.past.Left, d.at), Evaluated: later(s.Evaluated, d.at)})
	w.changes.leave(s, d.at, d.mode.Reason)
	w.changes.tally(d, 0, 1)
	if w.watch != nil {
		w.watch.leave(p, g, s, d.at, d.mode.Reason)
		return nil
	}
	if d.mode.Source == bucket.SourceClock {
		w.flips = append(w.flips, Flip{g.ID, "left"})
	}
	if err := w.disarm(cause, g, s); err != nil {
		return err
	}
	if err := w.mirror(p, g, s, false, w.pace(d)); err != nil {
		return err
	}
	if d.mode.SilentLeaves {
		return nil
	}
	_, err := w.tellTransition(cause, g, s, hogsend.ReactionLeave, d.at, bucketEvent{Source: d.mode.Source, Reason: d.mode.Reason})
	return err
}

// arm lets Temporal sleep until each dwell reaction of the stay is due (B-39).
func (w *wave) arm(p *person, g *segment, s *bucket.Stay) error {
	for i := range g.Reactions {
		r := &g.Reactions[i]
		if r.Schedule == nil {
			continue
		}
		_, at, ok := r.Schedule.Next(s, w.now)
		if !ok {
			continue
		}
		// In order per stay, not per contact: a timer that is due in a year must not be
		// in the way of what the contact does meanwhile (B-49).
		if err := w.changes.tellAt(s.ID, uuid.Nil, contract.OutboxDwell, contract.DwellKey(r.JourneyID, p.id.String(), s.Epoch),
			dwellPayload(p.id, g.ID, r.JourneyID, r.Schedule, s, at), w.cfg.armAt(at)); err != nil {
			return err
		}
	}
	return nil
}

func dwellPayload(contactID uuid.UUID, bucketID, journeyID string, schedule *bucket.Schedule, s *bucket.Stay, at time.Time) contract.DwellPayload {
	return contract.DwellPayload{
		WorkflowID: contract.ReactionWorkflowID(journeyID, contactID.String(), s.Epoch), WorkflowType: journeyID,
		BucketID: bucketID, ContactID: contactID.String(), StayID: s.ID.String(), Label: schedule.Label, Due: at, Repeats: schedule.Repeats,
	}
}

// armAt is when a timer that is due at an instant is handed to Temporal (B-49).
func (c *Config) armAt(due time.Time) time.Time {
	if c.DwellHorizon == 0 {
		return time.Time{}
	}
	return due.Add(-c.DwellHorizon)
}

// disarm cancels the timers of a stay; a run that has started goes on (B-36, B-43).
func (w *wave) disarm(cause *flow, g *segment, s *bucket.Stay) error {
	for i := range g.Reactions {
		r := &g.Reactions[i]
		if r.Schedule == nil || !r.Schedule.Repeats && s.Fired[r.Schedule.Label] > 0 {
			continue
		}
		id := contract.ReactionWorkflowID(r.JourneyID, cause.person.id.String(), s.Epoch)
		if err := w.changes.tell(s.ID, uuid.Nil, contract.OutboxCancel, contract.CancelKey(id), contract.CancelPayload{WorkflowID: id}); err != nil {
			return err
		}
	}
	return nil
}

// bucketEvent is what the events of transitions tell, exactly (B-25).
type bucketEvent struct {
	BucketID   string        `json:"bucketId"`
	BucketName string        `json:"bucketName"`
	UserID     string        `json:"userId"`
	Transition string        `json:"transition"`
	Source     bucket.Source `json:"source"`
	EntryCount int           `json:"entryCount"`
	Reason     string        `json:"reason,omitempty"`
	DwellCount int           `json:"dwellCount,omitempty"`

	label string
}

// tellTransition stores the event of a transition, and the generic one if something
// listens to it, and lets each run through the steps (B-24, B-26).
func (w *wave) tellTransition(cause *flow, g *segment, s *bucket.Stay, kind hogsend.ReactionKind, at time.Time, what bucketEvent) (*occasion, error) {
	what.BucketID, what.BucketName, what.UserID, what.EntryCount = g.ID, g.Name, cause.verdict.contactKey, s.Epoch
	var name, generic string
	switch kind {
	case hogsend.ReactionEnter:
		what.Transition, name, generic = "entered", g.Entered(), hogsend.AnyEntered
	case hogsend.ReactionLeave:
		what.Transition, name, generic = "left", g.Left(), hogsend.AnyLeft
	case hogsend.ReactionDwell:
		what.Transition, name, generic = "dwell", hogsend.Dwell(g.ID, what.label), hogsend.AnyDwell
	}
	key := "bucket:" + g.ID + ":" + cause.person.id.String() + ":" + what.Transition + ":" + strconv.Itoa(s.Epoch)
	if kind == hogsend.ReactionDwell {
		key = dwellKey(g.ID, cause.person.id, s.Epoch, what.label, what.DwellCount)
	}
	body, err := json.Marshal(what)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	about := &occasion{segment: g, stay: s, event: what}
	e := &flow{id: newID(), name: name, properties: body, source: sourceBucket, occurred: at, about: about}
	if kind == hogsend.ReactionDwell {
		e.id = cause.id // its key was taken with the item (B-42)
		err = w.internal(cause, e, "")
	} else {
		err = w.internal(cause, e, key)
	}
	if err != nil {
		return nil, err
	}
	if !w.listens(cause.person, generic) {
		return about, nil
	}
	return about, w.internal(cause, &flow{id: newID(), name: generic, properties: body, source: sourceBucket, occurred: at}, key+":generic")
}

// occasion is the transition that a bucket event tells of: what its own reactions
// are guarded by.
type occasion struct {
	segment *segment
	stay    *bucket.Stay
	event   bucketEvent
	// started is set by a dwell whose workflow is the run (B-29).
	started *enrollment
}

// internal ingests an event that another one caused, within it. key is its
// idempotency key; "" if that was taken before.
func (w *wave) internal(cause, e *flow, key string) error {
	e.person, e.verdict, e.root, e.hops = cause.person, cause.verdict, cause.root, cause.hops
	e.received, e.dead = w.now, cause.verdict.dead
	w.changes.event(e)
	if err := w.capture(e); err != nil {
		return err
	}
	if key != "" {
		w.changes.internalKey(key, e)
	}
	if _, err := w.exits(e); err != nil {
		return err
	}
	return w.follow(e)
}

// listens reports whether a journey or a wait of the contact takes the event (B-26).
func (w *wave) listens(p *person, name string) bool {
	if len(w.catalog.triggers[name]) > 0 || w.catalog.exitEvents[name] {
		return true
	}
	return slices.ContainsFunc(p.waits, func(wt *wait) bool {
		events, err := wt.events()
		return !wt.closed && (err != nil || slices.ContainsFunc(events, func(a awaited) bool { return a.event == name })) // wake reports the error
	})
}

// reacts are the guards that only reactions have, the filters (J-39).
func (o *occasion) filtered(r *bucket.Reaction) contract.GuardReason {
	switch {
	case r.FirstEntryOnly && o.stay.Epoch > 1:
		return contract.GuardFirstEntry
	case len(r.Reasons) > 0 && !slices.Contains(r.Reasons, hogsend.LeaveReason(o.event.Reason)):
		return contract.GuardReasonFilter
	}
	return ""
}

// reaction is the reaction of the transition's own bucket that the journey is; nil
// for other journeys.
func (o *occasion) reaction(j *hogsend.Journey) *bucket.Reaction {
	if o == nil || j.Reaction == nil || j.Reaction.BucketID != o.segment.ID {
		return nil
	}
	i := slices.IndexFunc(o.segment.Reactions, func(r bucket.Reaction) bool { return r.JourneyID == j.ID })
	if i < 0 {
		return nil
	}
	return &o.segment.Reactions[i]
}

// supersede ends the earlier runs of a reaction whose policy is cancel-previous (B-34).
func (w *wave) supersede(e *flow, j *hogsend.Journey) error {
	end := End{Status: contract.EnrollmentExited, Reason: contract.ExitSuperseded, StepKey: stepEnd}
	var ended []*enrollment
	for _, n := range e.person.live {
		if !n.over && n.journeyID == j.ID {
			ended = append(ended, n)
		}
	}
	return w.endAll(e, ended, end)
}
