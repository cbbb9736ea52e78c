package decide

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// instant is when a change happens.
func (d *Decider) instant(c *Change) time.Time { return c.Place.Instant(d.Began) }

// passed are the instants of the contact that time alone has reached before the
// change, in order, leaves first: memberships that are too old and leaves held back
// (B-12), and definitions that a backfill has not brought to it (W-22).
func (d *Decider) passed(c *Change) []*Evaluation {
	var found []*Evaluation
	buckets, contact, now := d.Catalog.Buckets, c.Contact, d.instant(c)
	if tick, ok := c.Body.(*Tick); ok {
		if c.At.IsZero() {
			now = d.Began // its place in the batch makes it no later: edges may come first
		}
		for i := range tick.Edges {
			edge := &tick.Edges[i]
			if b := buckets.on(edge.BucketID); b != nil {
				at := Later(Later(edge.At, edge.Newest), contact.evaluated(b))
				found = append(found, &Evaluation{Contact: contact, Bucket: b, At: at, kind: evaluatesEdge})
			}
		}
	}
	for _, m := range contact.Memberships {
		b := buckets.on(m.BucketID)
		if b == nil || !d.looksAt(b) {
			continue
		}
		if at, byAge := m.Due(); !at.IsZero() && !at.After(now) {
			silent := b.Backfill != nil && b.Backfill.Mode.SilentLeaves && !at.After(b.Backfill.At) && d.Progress.awaits(contact, b)
			found = append(found, &Evaluation{Contact: contact, Bucket: b, At: at, Known: byAge, kind: evaluatesDue, membership: m, silent: silent})
		}
	}
	for _, b := range buckets.Backfilling {
		if d.looksAt(b) && d.Progress.awaits(contact, b) {
			at := Later(b.Backfill.At, contact.evaluated(b))
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
func (d *Decider) looksAt(b *CompiledBucket) bool {
	return !d.inChunk() || b.Backfill != nil && b.Backfill.ID == d.Chunk.Backfill
}

func (d *Decider) inChunk() bool { return d.Chunk.Backfill != uuid.Nil }

// evaluated is the latest evaluation of the bucket that is known for the contact.
func (s *State) evaluated(b *CompiledBucket) time.Time {
	if m := s.Membership(b.ID); m != nil {
		return m.Evaluated
	}
	return s.Pasts[b.ID].Evaluated
}

// candidates are the buckets that what the change does may move the contact into or
// out of, by bucket id (B-7).
func (d *Decider) candidates(c *Change) []*Evaluation {
	buckets := d.Catalog.Buckets
	if len(buckets.All) == 0 {
		return nil
	}
	now := d.instant(c)
	if m, ok := c.Body.(*Move); ok {
		return d.ordered(c, m, now)
	}
	found := map[*CompiledBucket]bool{} // whether the answer is known
	add := func(list []*CompiledBucket) {
		for _, b := range list {
			found[b] = false
		}
	}
	switch b := c.Body.(type) {
	case *Occurrence:
		add(buckets.byEvent[b.Name])
	case *Update:
		add(buckets.byTemplate[b.Template])
	}
	for key, value := range c.ContactProperties() {
		if list := buckets.byProperty[key]; len(list) > 0 && c.Contact.changes(key, value) {
			add(list)
		}
	}
	switch {
	case c.Revived || len(c.Merges) > 0:
		for _, b := range buckets.All {
			if b.On {
				found[b] = false
			}
		}
	case c.Created:
		for _, b := range buckets.blank {
			if _, named := found[b]; !named {
				found[b] = true
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	evaluations := make([]*Evaluation, 0, len(found))
	for b, known := range found {
		evaluations = append(evaluations, &Evaluation{Contact: c.Contact, Bucket: b, At: now, Known: known, Holds: known})
	}
	slices.SortFunc(evaluations, func(a, b *Evaluation) int { return strings.Compare(a.Bucket.ID, b.Bucket.ID) })
	return evaluations
}

// ordered is the evaluation that a script replaces.
func (d *Decider) ordered(c *Change, m *Move, now time.Time) []*Evaluation {
	b := d.Catalog.Buckets.on(m.BucketID)
	if b == nil {
		return nil
	}
	return []*Evaluation{{Contact: c.Contact, Bucket: b, At: now, Known: true, Holds: m.Enters, reason: m.Reason}}
}
