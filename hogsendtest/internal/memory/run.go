package memory

import (
	"fmt"
	"time"

	"github.com/hogsend/hogsend/internal/decide"
)

// run decides one change and writes what was decided.
func (b *Backend) run(c *decide.Change) error {
	t := &transaction{Backend: b, identities: decide.NewIdentities(b.Now(), b.find(c))}
	if err := t.identities.Resolve(c); err != nil {
		return fmt.Errorf("resolve contact: %w", err)
	}
	if !c.Active() {
		return nil
	}
	for _, contact := range t.identities.Concerned() {
		// When it was seen is decided with the event, by what stands under its lock.
		contact.FirstSeen, contact.LastSeen = time.Time{}, time.Time{}
		if row := b.byID[contact.ID]; row != nil {
			contact.FirstSeen, contact.LastSeen = row.firstSeen, row.lastSeen
		}
	}
	t.load()
	d := b.newDecider()
	if err := d.Run(t.identities, []*decide.Change{c}, t); err != nil {
		return err
	}
	if err := b.apply(d.Take()); err != nil {
		return err
	}
	if err := b.moveDates(); err != nil {
		return err
	}
	if c.Key != "" {
		b.taken[eventKey{c.Space, c.Key}] = c.Contact.Survivor().ID
	}
	return b.rekey(t.identities)
}
