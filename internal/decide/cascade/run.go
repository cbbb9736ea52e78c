package cascade

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
)

// Occurring are the names of the events that the changes may cause, besides those of
// transitions: what listens to them is loaded before Run.
func (d *Decider) Occurring(identities *decide.Identities, changes []*decide.Change) []string {
	names := map[string]bool{}
	for _, c := range changes {
		if !c.Active() {
			continue
		}
		if len(c.Lists()) > 0 {
			names[decide.EmailUnsubscribed], names[decide.EmailResubscribed] = true, true
		}
		switch b := c.Body.(type) {
		case *decide.Occurrence:
			names[b.Name] = true
		case *decide.Replay:
			names[b.Name] = true
		case *decide.End:
			names["journey:"+string(b.Status)] = true
		case *decide.Dwell:
			names[hogsend.Dwell(b.BucketID, b.Label)], names[hogsend.AnyDwell] = true, true
		case *decide.Announcement:
			for _, name := range b.Names() {
				names[name] = true
			}
		case *decide.Due:
			names[hogsend.Due(b.BucketID, b.Label)] = true
		}
	}
	if d.Index.Exits() || identities.Merging() {
		names[decide.JourneyExited] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Run applies the changes that identities has resolved, in array order. Take hands over
// what it has decided and not given to the backend before.
func (d *Decider) Run(identities *decide.Identities, changes []*decide.Change, b Backend) error {
	d.identities, d.backend = identities, b
	var ready, rest []*work
	for _, c := range changes {
		if c.Active() {
			rest = append(rest, &work{Change: c, cause: d.newCause()})
		}
	}
	for len(rest) > 0 {
		if ready, rest = d.wave(rest); len(ready[0].Merges) > 0 {
			if err := d.merges(ready[0]); err != nil {
				return err
			}
		}
		for _, c := range ready {
			if occurrence, ok := c.Body.(*decide.Occurrence); ok {
				c.event = d.occurrence(c, &occurrence.Event)
			}
		}
		if err := d.evaluate(ready); err != nil {
			return err
		}
		for _, c := range ready {
			if err := d.apply(c); err != nil {
				return fmt.Errorf("apply change: %w", err)
			}
		}
	}
	for _, c := range identities.Concerned() {
		if !c.MergedAway() && (!c.Stored || c.Changed()) {
			d.Mark(c)
		}
	}
	return nil
}

// wave takes the changes that can be evaluated together: no change that buckets look
// at is behind another one of its contact, so that its evaluation sees what came
// before and nothing of what comes after (I-17). Behind a merge begins a new wave.
func (d *Decider) wave(changes []*work) (ready, rest []*work) {
	concerned := map[*decide.Contact]bool{}
	for i, c := range changes {
		if len(c.Merges) > 0 {
			if len(ready) == 0 && len(rest) == 0 {
				return changes[:1], changes[1:]
			}
			return ready, append(rest, changes[i:]...)
		}
		contact := c.Contact.Survivor()
		if concerned[contact] {
			rest = append(rest, c)
			continue
		}
		ready = append(ready, c)
		if d.concerns(c, contact) {
			concerned[contact] = true
		}
	}
	return ready, rest
}

// concerns reports whether a bucket may look at the change. It may say so too often.
func (d *Decider) concerns(c *work, contact *decide.Contact) bool {
	b := d.Buckets
	return len(b.All) > 0 &&
		(c.Created || c.Revived || len(contact.Memberships) > 0 || len(b.Backfilling) > 0 || b.MayMove(c.Change))
}

// evaluate finds out what the criteria say that the changes of a wave concern: before
// each change as of the instants that have passed by then, and with the change. The
// events of the wave are handed over for that.
func (d *Decider) evaluate(wave []*work) error {
	if !d.Simulated {
		if err := d.lastEvaluations(wave); err != nil {
			return err
		}
	}
	var due, own []Question
	for _, c := range wave {
		c.due, c.own = nil, nil
		if c.Deleted {
			continue
		}
		c.due, c.own = d.passed(c), d.candidates(c)
		if !d.Simulated { // there a tick stops where another evaluation would matter
			repeated(c.due, c.own)
		}
		due, own = question(due, c.Contact, nil, c.due), question(own, c.Contact, c.ContactProperties(), c.own)
	}
	if len(due) == 0 && len(own) == 0 {
		return nil
	}
	steps := []Step{{Effects: d.Take(), Questions: due}}
	if len(own) > 0 {
		for _, c := range wave {
			if c.event != nil {
				d.store(c.event)
				c.event.stored = true
			}
			d.attach(c)
		}
		steps = append(steps, Step{Effects: d.Take(), Questions: own})
	}
	if err := d.backend.Evaluate(steps...); err != nil {
		return fmt.Errorf("evaluate buckets: %w", err)
	}
	if d.Simulated {
		for _, c := range wave {
			c.stop()
		}
	}
	var all []*Evaluation
	for _, c := range wave {
		all = append(append(all, c.due...), c.own...)
	}
	return d.transitionState(all)
}

// repeated notes where several evaluations are of one bucket.
func repeated(due, own []*Evaluation) {
	if len(due)+len(own) < 2 {
		return
	}
	seen := map[*decide.CompiledBucket]*Evaluation{}
	for _, list := range [][]*Evaluation{due, own} {
		for _, e := range list {
			if first := seen[e.Bucket]; first != nil {
				first.Repeated, e.Repeated = true, true
			}
			seen[e.Bucket] = e
		}
	}
}

// lastEvaluations finds out how far buckets have been evaluated for the contacts of
// passed edges (W-6).
func (d *Decider) lastEvaluations(wave []*work) error {
	var ticks []*decide.Change
	for _, c := range wave {
		if t, ok := c.Body.(*decide.Tick); ok && len(t.Edges) > 0 {
			ticks = append(ticks, c.Change)
		}
	}
	if len(ticks) == 0 {
		return nil
	}
	if err := d.backend.LastEvaluations(ticks); err != nil {
		return fmt.Errorf("read last evaluations: %w", err)
	}
	return nil
}

// stop cuts a tick of a simulation short, bucket by bucket, behind the first instant at
// which there may be something to do.
func (c *work) stop() {
	if _, ok := c.Body.(*decide.Tick); !ok {
		return
	}
	c.Stopped = map[string]time.Time{}
	c.due = slices.DeleteFunc(c.due, func(e *Evaluation) bool {
		if _, over := c.Stopped[e.Bucket.ID]; over {
			return true
		}
		if !e.Idle {
			c.Stopped[e.Bucket.ID] = e.At
		}
		return false
	})
}
