package cascade

import (
	"time"

	"github.com/hogsend/hogsend/internal/decide"
)

// follow runs the steps after the exits. Bucket events move nobody: there are no
// loops (I-45).
func (d *Decider) follow(e *eventState) error {
	if err := d.wake(e); err != nil {
		return err
	}
	if !e.deleted && e.source != decide.SourceBucket {
		if e.evaluations == nil && len(d.Buckets.ByEvent(e.name)) > 0 {
			evaluations, err := d.evaluateCaused(e)
			if err != nil {
				return err
			}
			e.evaluations = evaluations
		}
		if err := d.transit(e, e.evaluations); err != nil {
			return err
		}
	}
	return d.trigger(e)
}

// internal applies an event that another one caused, within it. key is its idempotency
// key; "" if that was taken before.
func (d *Decider) internal(cause, e *eventState, key string) error {
	e.contact, e.resolution, e.cause, e.hops = cause.contact, cause.resolution, cause.cause, cause.hops
	e.received, e.deleted, e.event = d.Now, cause.resolution.Deleted, true
	if cause.event && cause.id != e.id {
		e.causedBy = cause.id
	}
	d.store(e)
	d.capture(e)
	if key != "" {
		d.Effects.Keys = append(d.Effects.Keys, decide.EventKey{Key: key, EventID: e.id, ContactID: e.contact.ID})
	}
	if _, err := d.exits(e); err != nil {
		return err
	}
	return d.follow(e)
}

// hops of an event that an enrollment causes (J-146).
func (d *Decider) hops(n *decide.Enrollment) int {
	if d.Now.Sub(n.CreatedAt) >= time.Hour {
		return 0
	}
	return n.Hops + 1
}
