package cascade

import (
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
)

// delete ends what a contact is in, without a word to anybody but workflows, timers
// and the mirror (I-48).
func (d *Decider) delete(c *work) error {
	contact := c.Contact
	for _, n := range contact.Live {
		if !n.Ended {
			d.close(contact, n, exit(contract.ExitDeleted))
			d.cancel(contact, n, uuid.Nil)
		}
	}
	for _, m := range contact.Memberships {
		b := d.Buckets.ByID(m.BucketID)
		if b == nil {
			continue // its timers were canceled when it went
		}
		d.CancelTimers(contact.ID, b, m)
		d.MirrorMembership(contact.ID, b, m, false, time.Time{})
	}
	contact.Memberships, contact.DeletedAt = nil, d.Now
	d.Effects.Deleted = append(d.Effects.Deleted, contact.ID)
	return nil
}
