package decide

import (
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// delete ends what a contact is in, without a word to anybody but workflows, timers
// and the mirror (I-48).
func (d *Decider) delete(c *Change) error {
	contact := c.Contact
	for _, n := range contact.Live {
		if !n.ended {
			d.close(contact, n, exit(contract.ExitDeleted))
			d.cancel(contact, n, uuid.Nil)
		}
	}
	for _, m := range contact.Memberships {
		b := d.Catalog.Buckets.byID[m.BucketID]
		if b == nil {
			continue // its timers were canceled when it went
		}
		d.CancelTimers(contact.ID, b, m)
		d.mirror(contact.ID, b, m, false, time.Time{})
	}
	contact.Memberships, contact.DeletedAt = nil, d.now
	d.effects.Deleted = append(d.effects.Deleted, contact.ID)
	return nil
}

// Retire ends a membership of a bucket that no registry has any more, without a word
// to anybody but its timers and the mirror (W-31).
func (d *Decider) Retire(contactID uuid.UUID, b *CompiledBucket, m *bucket.Membership) {
	d.now = d.Began
	d.effects.Transitions = append(d.effects.Transitions, Transition{
		Contact: &Contact{ID: contactID}, Bucket: b, Membership: m, At: d.now, Reason: bucket.LeftRetired,
	})
	d.CancelTimers(contactID, b, m)
	d.mirror(contactID, b, m, false, time.Time{})
}
