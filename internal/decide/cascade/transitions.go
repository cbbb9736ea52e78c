package cascade

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// pass applies what time alone has brought before a change: instant after instant,
// at one instant leaves before joins (W-5, B-12).
func (d *Decider) pass(c *work) error {
	for rest := c.due; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].At.Equal(rest[0].At) {
			n++
		}
		cause := causeOf(c)
		cause.cause = d.newCause()
		if err := d.endOverdue(cause, rest[0].At, true); err != nil {
			return err
		}
		if err := d.transit(cause, rest[:n]); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) == 0 {
			now := d.instant(c)
			if _, ok := c.Body.(*decide.Tick); ok {
				now = d.Began
			}
			return d.endOverdue(cause, now.Add(time.Microsecond), false)
		}
	}
	return nil
}

// endOverdue ends the memberships that an earlier evaluation has made or held back,
// and that time ends again before an instant (B-12, W-7). Between two evaluations of a
// bucket time alone does not change what its criteria say: a leave that is held back
// is one. Behind the last of them only the greatest age is sure.
func (d *Decider) endOverdue(cause *eventState, before time.Time, sure bool) error {
	if d.Simulated { // it evaluates again for each instant
		return nil
	}
	for {
		var first *Evaluation
		for _, m := range cause.contact.Memberships {
			b := d.Buckets.On(m.BucketID)
			if b == nil || !d.looksAt(b) {
				continue
			}
			at, byAge := m.Due()
			if at.IsZero() || !at.Before(before) || !sure && !byAge || first != nil && !at.Before(first.At) {
				continue
			}
			first = &Evaluation{Contact: cause.contact, Bucket: b, At: at, kind: evaluatesDue, membership: m, Known: byAge}
		}
		if first == nil {
			return nil
		}
		if err := d.transit(cause, []*Evaluation{first}); err != nil {
			return err
		}
	}
}

// transition is a change of a membership that is to be announced.
type transition struct {
	bucket     *decide.CompiledBucket
	membership *bucket.Membership
	past       bucket.Past
	at         time.Time
	mode       bucket.Mode
	enters     bool
	anchor     time.Time // zero, or what a backfill found (W-27)
	imported   bool      // W-34
}

// transit moves the contact by what the evaluations of one instant found: leaves
// first, then joins, each by bucket id; the event of each transition runs through the
// steps before the next one (I-43 step 6).
func (d *Decider) transit(cause *eventState, evaluations []*Evaluation) error {
	var leaves, joins []transition
	for _, e := range evaluations {
		t, ok := d.moves(cause.contact, e)
		switch {
		case !ok:
		case t.enters:
			joins = append(joins, t)
		default:
			leaves = append(leaves, t)
		}
	}
	for i := range leaves {
		if err := d.leave(cause, &leaves[i]); err != nil {
			return err
		}
	}
	for i := range joins {
		if err := d.join(cause, &joins[i]); err != nil {
			return err
		}
	}
	return nil
}

// moves applies what an evaluation does besides transitions, and returns the
// transition.
func (d *Decider) moves(c *decide.Contact, e *Evaluation) (transition, bool) {
	b, active, past := e.Bucket, c.Membership(e.Bucket.ID), c.Pasts[e.Bucket.ID]
	if e.kind == evaluatesBackfill && b.Backfill.ID != d.Chunk.Backfill {
		// A backfill need not come to the contact any more.
		d.Effects.Backfilled = append(d.Effects.Backfilled, decide.Backfilled{BucketID: b.ID, Generation: b.Backfill.Generation, ContactID: c.ID})
	}
	if e.Idle {
		return transition{}, false
	}
	// No edge undoes what a newer evaluation decided (W-6).
	at, latest := e.At, past.Evaluated
	if active != nil {
		latest = active.Evaluated
	}
	at = decide.Later(at, latest)
	t := transition{bucket: b, membership: active, past: past, at: at, mode: e.mode(), anchor: e.Anchor, imported: e.imported}
	if e.kind == evaluatesDue {
		if active == nil || active != e.membership {
			return t, false
		}
		t.at = e.At
		if due, byAge := active.Due(); byAge {
			t.mode.Reason = string(hogsend.LeftByMaxDwell)
			return t, due.Equal(e.At)
		}
		if active.Leave == nil || !active.Leave.At.Equal(e.At) {
			return t, false
		}
		t.mode.SilentLeaves, t.mode.Reason = active.Leave.Silent, active.Leave.Reason
	}
	switch b.Evaluate(active, e.Holds, at) {
	case bucket.Enter:
		t.enters = true
		return t, e.kind != evaluatesEdge || b.ClockJoins()
	case bucket.Leave:
		if t.mode.Reason == "" {
			t.mode.Reason = string(hogsend.LeftByCriteria)
		}
		return t, true
	case bucket.Keep:
		active.Evaluated = decide.Later(active.Evaluated, at)
		if active.Leave != nil {
			active.Leave = nil
			d.evaluated(active)
		}
	case bucket.Defer:
		active.Leave, active.Evaluated = b.Hold(active, t.mode), decide.Later(active.Evaluated, at)
		d.evaluated(active)
	case bucket.Nothing:
	}
	return t, false
}

// evaluated notes that a member goes on being one, with or without a leave held back.
func (d *Decider) evaluated(m *bucket.Membership) {
	e := decide.MembershipEvaluation{MembershipID: m.ID, At: m.Evaluated, Leave: m.Leave}
	list := d.Effects.Evaluated
	if i := slices.IndexFunc(list, func(o decide.MembershipEvaluation) bool { return o.MembershipID == m.ID }); i >= 0 {
		list[i] = e
		return
	}
	d.Effects.Evaluated = append(list, e)
}

// mode is how the transitions of an evaluation show.
func (e *Evaluation) mode() bucket.Mode {
	switch {
	case e.kind == evaluatesBackfill || e.silent:
		return e.Bucket.Backfill.Mode
	case e.kind == evaluatesDue || e.kind == evaluatesEdge:
		return bucket.Mode{Source: bucket.SourceClock}
	case e.imported:
		return bucket.Mode{Source: bucket.SourceBackfill, SilentJoins: true, SilentLeaves: true, Reason: bucket.LeftImport}
	}
	return bucket.Mode{Source: bucket.SourceEvent, Reason: e.reason}
}

// join makes a membership, schedules its dwell timers and announces it (B-13, B-39).
func (d *Decider) join(cause *eventState, t *transition) error {
	c, b := cause.contact, t.bucket
	m := b.Join(d.NewID(), t.past, t.at)
	m.Anchor = decide.Earlier(m.Anchor, t.anchor)
	c.Join(m)
	d.transited(c, t, m, "entered", 1, 0)
	if d.Simulated {
		return nil
	}
	if t.mode.Source != bucket.SourceBackfill || b.Backfill == nil || b.Backfill.ID != d.Chunk.Backfill { // else once all have joined
		d.ScheduleTimers(c.ID, b, m)
	}
	d.MirrorMembership(c.ID, b, m, true, d.pace(t))
	switch {
	case t.mode.SilentJoins:
		return nil
	case m.Muted:
		d.mute(cause, t)
		return nil
	}
	_, err := d.announceTransition(cause, b, m, hogsend.ReactionEnter, t.at, bucketEvent{Source: t.mode.Source})
	return err
}

// leave ends a membership and its timers, and announces it.
func (d *Decider) leave(cause *eventState, t *transition) error {
	c, b, m := cause.contact, t.bucket, t.membership
	c.Memberships = slices.DeleteFunc(c.Memberships, func(o *bucket.Membership) bool { return o == m })
	// A merge may have numbered memberships that ended before after this one (I-27).
	c.Remember(b.ID, bucket.Past{Epoch: max(m.Epoch, t.past.Epoch), Left: decide.Later(t.past.Left, t.at), Evaluated: decide.Later(m.Evaluated, t.at)})
	d.transited(c, t, m, "left", 0, 1)
	if d.Simulated {
		return nil
	}
	d.CancelTimers(c.ID, b, m)
	d.MirrorMembership(c.ID, b, m, false, d.pace(t))
	if t.mode.SilentLeaves {
		return nil
	}
	_, err := d.announceTransition(cause, b, m, hogsend.ReactionLeave, t.at, bucketEvent{Source: t.mode.Source, Reason: t.mode.Reason})
	return err
}

// transited notes a transition and counts it.
func (d *Decider) transited(c *decide.Contact, t *transition, m *bucket.Membership, what string, joined, left int64) {
	reason := ""
	if !t.enters {
		reason = t.mode.Reason
	}
	d.Effects.Transitions = append(d.Effects.Transitions, decide.Transition{
		Contact: c, Bucket: t.bucket, Membership: m, Enters: t.enters, At: t.at, Source: t.mode.Source, Reason: reason,
	})
	switch f := t.bucket.Backfill; {
	case t.mode.Source == bucket.SourceClock:
		d.Flips = append(d.Flips, Flip{t.bucket.ID, what})
	case t.mode.Source == bucket.SourceBackfill && f != nil && !t.imported:
		d.tally(f.ID, joined, left)
	}
}

// tally counts the transitions of a backfill (W-30).
func (d *Decider) tally(id uuid.UUID, joined, left int64) {
	list := d.Effects.Tallies
	i := slices.IndexFunc(list, func(t decide.BackfillTally) bool { return t.BackfillID == id })
	if i < 0 {
		list, i = append(list, decide.BackfillTally{BackfillID: id}), len(list)
	}
	list[i].Joined, list[i].Left = list[i].Joined+joined, list[i].Left+left
	d.Effects.Tallies = list
}

// mute leaves a decision for the reaction that a muted join does not run (B-18).
func (d *Decider) mute(cause *eventState, t *transition) {
	for _, j := range t.bucket.Reactions {
		if j.Reaction.Kind != hogsend.ReactionEnter {
			continue
		}
		e := &eventState{id: cause.id, contact: cause.contact, resolution: cause.resolution, name: t.bucket.Entered(), received: d.Now}
		d.decide(e, j, guarded{reason: t.bucket.MutedBecause(t.past, t.at)}, uuid.Nil)
	}
}

// pace spreads what a backfill mirrors by the dwell rate (B-55). It is the zero time
// for every other transition.
func (d *Decider) pace(t *transition) time.Time {
	f := t.bucket.Backfill
	if t.mode.Source != bucket.SourceBackfill || f == nil || f.ID != d.Chunk.Backfill {
		return time.Time{}
	}
	d.Chunk.Moved++
	return f.At.Add(time.Duration(d.Chunk.Moved) * time.Second / time.Duration(d.DwellRate))
}
