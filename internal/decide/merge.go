package decide

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// merges makes the merges of a change true, so that its own steps and those of later
// changes find everything at the survivor. What came before is written first: the
// merge must see it.
func (d *Decider) merges(c *Change) error {
	d.now = d.instant(c)
	end := exit(contract.ExitMerged)
	for _, m := range c.Merges {
		exited := d.endDoubles(m, c.ID, end)
		m.Into.FirstSeen, m.Into.LastSeen = Earlier(m.Into.FirstSeen, m.From.FirstSeen), Later(m.Into.LastSeen, m.From.LastSeen)
		moving := slices.Clone(m.From.Memberships)
		if err := d.backend.Merge(d.Take(), m, d.now); err != nil {
			return fmt.Errorf("merge contacts: %w", err)
		}
		d.mark(m.Into)
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

// endDoubles ends, of the live enrollments of a journey that two contacts have, those
// that were made later than one of the other contact (J-57), in the order of their
// entry (I-43).
func (d *Decider) endDoubles(m *Merge, eventID uuid.UUID, end *End) []*Enrollment {
	var all, exited []*Enrollment
	owners := map[*Enrollment]*Contact{}
	for _, c := range []*Contact{m.Into, m.From} { // at one instant the survivor's goes on
		for _, n := range c.Live {
			if !n.ended {
				owners[n] = c
				all = append(all, n)
			}
		}
	}
	slices.SortStableFunc(all, byEntry)
	kept := all[:0]
	for _, n := range all {
		owner := owners[n]
		if !slices.ContainsFunc(kept, func(k *Enrollment) bool {
			return owners[k] != owner && d.Catalog.ID(k.JourneyID) == d.Catalog.ID(n.JourneyID)
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
func (d *Decider) moveTimers(m *Merge, moved []*bucket.Membership) {
	for _, old := range moved {
		b := d.Catalog.Buckets.byID[old.BucketID]
		if b == nil {
			continue
		}
		d.CancelTimers(m.From.ID, b, old)
		if s := m.Into.Membership(old.BucketID); s != nil && s.ID == old.ID {
			d.ScheduleTimers(m.Into.ID, b, s)
		}
	}
}
