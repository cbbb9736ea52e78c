package cascade

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
)

// passed are the instants of the contact that time alone has reached before the
// change, in order, leaves first: memberships that are too old and leaves held back
// (B-12), and definitions that a backfill has not brought to it (W-22).
func (d *Decider) passed(c *work) []*Evaluation {
	var found []*Evaluation
	buckets, contact, now := d.Buckets, c.Contact, d.instant(c)
	if tick, ok := c.Body.(*decide.Tick); ok {
		if c.At.IsZero() {
			now = d.Began // its place in the batch makes it no later: edges may come first
		}
		for i := range tick.Edges {
			edge := &tick.Edges[i]
			if b := buckets.On(edge.BucketID); b != nil && edge.At.After(contact.RevivedAt) {
				at := decide.Later(decide.Later(edge.At, edge.Newest), contact.LastEvaluated(b))
				found = append(found, &Evaluation{Contact: contact, Bucket: b, At: at, kind: evaluatesEdge})
			}
		}
	}
	for _, m := range contact.Memberships {
		b := buckets.On(m.BucketID)
		if b == nil || !d.looksAt(b) {
			continue
		}
		if at, byAge := m.Due(); !at.IsZero() && !at.After(now) {
			silent := b.Backfill != nil && b.Backfill.Mode.SilentLeaves && !at.After(b.Backfill.At) && d.Progress.Awaits(contact, b)
			found = append(found, &Evaluation{Contact: contact, Bucket: b, At: at, Known: byAge, kind: evaluatesDue, membership: m, silent: silent})
		}
	}
	for _, b := range buckets.Backfilling {
		if d.looksAt(b) && d.Progress.Awaits(contact, b) {
			at := decide.Later(b.Backfill.At, contact.LastEvaluated(b))
			found = append(found, &Evaluation{Contact: contact, Bucket: b, At: at, kind: evaluatesBackfill})
		}
	}
	slices.SortStableFunc(found, func(a, b *Evaluation) int {
		if n := a.At.Compare(b.At); n != 0 {
			return n
		}
		if n := strings.Compare(a.Bucket.ID, b.Bucket.ID); n != 0 {
			return n
		}
		return a.rank() - b.rank()
	})
	// What comes for one bucket at one instant is one evaluation (W-3).
	return slices.CompactFunc(found, func(a, b *Evaluation) bool { return a.Bucket == b.Bucket && a.At.Equal(b.At) })
}

// rank orders what comes for one bucket at one instant: the greatest age wins (B-22).
func (e *Evaluation) rank() int {
	switch {
	case e.kind == evaluatesDue && e.Known:
		return 0
	case e.kind == evaluatesDue:
		return 1
	case e.kind == evaluatesBackfill:
		return 2
	}
	return 3
}

// looksAt reports whether the decider cares for what time has brought in a bucket: a
// chunk of a backfill cares for its own bucket only.
func (d *Decider) looksAt(b *decide.CompiledBucket) bool {
	return !d.inChunk() || b.Backfill != nil && b.Backfill.ID == d.Chunk.Backfill
}

func (d *Decider) inChunk() bool { return d.Chunk.Backfill != uuid.Nil }

// candidates are the buckets that what the change does may move the contact into or
// out of, by bucket id (B-7).
func (d *Decider) candidates(c *work) []*Evaluation {
	buckets := d.Buckets
	if len(buckets.All) == 0 {
		return nil
	}
	now := d.instant(c)
	if m, ok := c.Body.(*decide.Move); ok {
		return d.ordered(c, m, now)
	}
	found := buckets.Candidates(c.Change)
	if len(found) == 0 {
		return nil
	}
	upsert, ok := c.Body.(*decide.Upsert)
	imported := ok && upsert.Imported
	evaluations := make([]*Evaluation, 0, len(found))
	for b, known := range found {
		evaluations = append(evaluations, &Evaluation{Contact: c.Contact, Bucket: b, At: now, Known: known, Holds: known, imported: imported})
	}
	slices.SortFunc(evaluations, func(a, b *Evaluation) int { return strings.Compare(a.Bucket.ID, b.Bucket.ID) })
	return evaluations
}

// ordered is the evaluation that a script replaces.
func (d *Decider) ordered(c *work, m *decide.Move, now time.Time) []*Evaluation {
	b := d.Buckets.On(m.BucketID)
	if b == nil {
		return nil
	}
	return []*Evaluation{{Contact: c.Contact, Bucket: b, At: now, Known: true, Holds: m.Enters, reason: m.Reason}}
}

func question(list []Question, c *decide.Contact, patch map[string]json.RawMessage, evaluations []*Evaluation) []Question {
	if len(evaluations) == 0 {
		return list
	}
	return append(list, Question{Contact: c, Patch: patch, Evaluations: evaluations})
}

// transitionState loads what the transitions need that the evaluations may lead to.
// Most of them lead to none.
func (d *Decider) transitionState(evaluations []*Evaluation) error {
	names := map[string]bool{}
	evaluations = slices.DeleteFunc(evaluations, func(e *Evaluation) bool { return e.Idle })
	for _, e := range evaluations {
		names[e.Bucket.Entered()], names[e.Bucket.Left()] = true, true
		names[hogsend.AnyEntered], names[hogsend.AnyLeft] = true, true
	}
	if len(names) == 0 {
		return nil
	}
	if err := d.backend.TransitionState(evaluations, slices.Sorted(maps.Keys(names))); err != nil {
		return fmt.Errorf("read memberships: %w", err)
	}
	return nil
}

// evaluateCaused evaluates an event that the steps of another change caused: it was
// not known when its wave was evaluated.
func (d *Decider) evaluateCaused(e *eventState) ([]*Evaluation, error) {
	buckets := d.Buckets.ByEvent(e.name)
	evaluations := make([]*Evaluation, len(buckets))
	for i, b := range buckets {
		evaluations[i] = &Evaluation{Contact: e.contact, Bucket: b, At: d.Now}
	}
	step := Step{Effects: d.Take(), Questions: question(nil, e.contact, nil, evaluations)}
	if err := d.backend.Evaluate(step); err != nil {
		return nil, fmt.Errorf("evaluate buckets: %w", err)
	}
	return evaluations, d.transitionState(slices.Clone(evaluations))
}
