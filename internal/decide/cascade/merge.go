package cascade

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// merges makes the merges of a change true, so that its own steps and those of later
// changes find everything at the survivor. What came before is written first: the
// merge must see it.
func (d *Decider) merges(c *work) error {
	d.Now, d.current = d.instant(c), c
	end := exit(contract.ExitMerged)
	for _, m := range c.Merges {
		exited := d.endDoubles(m, c.ID, end)
		m.Into.FirstSeen, m.Into.LastSeen = decide.Earlier(m.Into.FirstSeen, m.From.FirstSeen), decide.Later(m.Into.LastSeen, m.From.LastSeen)
		moving := slices.Clone(m.From.Memberships)
		if err := d.backend.Merge(d.Take(), m, d.Now); err != nil {
			return fmt.Errorf("merge contacts: %w", err)
		}
		d.Mark(m.Into)
		if !d.Simulated {
			d.moveTimers(m, moving)
		}
		cause := causeOf(c)
		cause.contact = m.Into
		for _, n := range exited {
			if err := d.announce(cause, n, end); err != nil {
				return err
			}
		}
	}
	return nil
}

// endDoubles ends, of the live enrollments of a journey and key that two contacts have, those
// that were made later than one of the other contact (J-57), in the order of their
// entry (I-43).
func (d *Decider) endDoubles(m *decide.Merge, eventID uuid.UUID, end *decide.End) []*decide.Enrollment {
	var all, exited []*decide.Enrollment
	owners := map[*decide.Enrollment]*decide.Contact{}
	for _, c := range []*decide.Contact{m.Into, m.From} { // at one instant the survivor's goes on
		for _, n := range c.Live {
			if !n.Ended {
				owners[n] = c
				all = append(all, n)
			}
		}
	}
	slices.SortStableFunc(all, decide.ByEntry)
	kept := all[:0]
	for _, n := range all {
		owner := owners[n]
		if !slices.ContainsFunc(kept, func(k *decide.Enrollment) bool {
			return owners[k] != owner && d.Index.ID(k.JourneyID) == d.Index.ID(n.JourneyID) && k.Key == n.Key
		}) {
			kept = append(kept, n)
			continue
		}
		d.close(owner, n, end)
		d.cancel(m.Into, n, eventID)
		exited = append(exited, n)
	}
	return exited
}

// moveTimers gives the dwell timers of moved memberships the survivor's uuid and
// epoch; the anchor stays, and so do the fires that are done (I-27).
func (d *Decider) moveTimers(m *decide.Merge, moved []*bucket.Membership) {
	for _, old := range moved {
		b := d.Buckets.ByID(old.BucketID)
		if b == nil {
			continue
		}
		d.CancelTimers(m.From.ID, b, old)
		if s := m.Into.Membership(old.BucketID); s != nil && s.ID == old.ID {
			d.ScheduleTimers(m.Into.ID, b, s)
		}
	}
}
