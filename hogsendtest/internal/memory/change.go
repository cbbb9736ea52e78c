package memory

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
)

var _ cascade.Backend = (*transaction)(nil)

// change makes a change whose events and contacts it names get ids in order.
func (b *Backend) change(body decide.Body) *decide.Change {
	c := &decide.Change{ID: b.newID(), At: b.Now(), Body: body}
	if _, isEvent := body.(*decide.Occurrence); isEvent {
		c.ContactID = b.newID()
	}
	return c
}

// repeats reports whether an idempotency key is taken.
func (b *Backend) repeats(space, key string) bool {
	_, taken := b.taken[eventKey{space, key}]
	return taken
}

func (b *Backend) newDecider() *cascade.Decider {
	d := &cascade.Decider{
		Recorder: decide.Recorder{Config: b.decider, Began: b.Now()}, Index: b.index, Buckets: b.buckets,
		SwitchedOff: map[string]bool{}, Paused: map[string]contract.PauseEntries{}, OptOuts: map[string]*uuid.UUID{}, Choices: map[string]decide.OptOuts{},
	}
	for id, s := range b.switches {
		d.SwitchedOff[id] = s.off
		if !s.pausedAt.IsZero() {
			d.Paused[id] = s.entries
		}
	}
	for _, p := range b.preferences {
		d.Choices[p.EmailKey] = decide.OptOuts{UnsubscribedAll: p.UnsubscribedAll, Categories: p.Categories}
		if !p.UnsubscribedAll {
			continue
		}
		d.OptOuts[p.EmailKey] = nil
		if p.contact != nil {
			d.OptOuts[p.EmailKey] = &p.contact.id
		}
	}
	return d
}

// rekey writes what a change did to the keys of contacts.
func (b *Backend) rekey(i *decide.Identities) error {
	for _, k := range i.NewKeys() {
		b.keys[k.ContactKey] = k.ContactID
	}
	moved, gone := i.ChangedKeys()
	for _, k := range moved {
		b.keys[k.ContactKey] = k.ContactID
	}
	for _, k := range gone {
		delete(b.keys, k)
	}
	addresses, contacts := i.Left()
	for n, address := range addresses { // opt-outs stay with who leaves the address (E-20)
		for _, p := range b.preferences {
			if p.EmailKey == address && p.contact == nil {
				p.contact = b.byID[contacts[n]]
			}
		}
	}
	return nil
}

// find finds everything that a change names.
func (b *Backend) find(c *decide.Change) []decide.Found {
	var found []decide.Found
	add := func(kind, key string, id uuid.UUID) {
		row := b.byID[id]
		if row == nil {
			return
		}
		found = append(found, decide.Found{
			Kind: kind, Key: key, ID: row.id, Identity: row.Identity, FirstSeen: row.firstSeen, LastSeen: row.lastSeen, CreatedAt: row.created, UpdatedAt: row.updated, WrittenAt: row.written,
		})
	}
	userID, address, anonymousID := c.Named()
	if id, ok := b.keys[decide.ContactKey{Kind: decide.KeyUser, Key: userID}]; ok {
		add(decide.KeyUser, userID, id)
	}
	if id, ok := decide.ParseID(userID); ok {
		add(decide.FoundByID, userID, id)
	}
	if key := decide.EmailKey(address); key != "" {
		if id, ok := b.keys[decide.ContactKey{Kind: decide.KeyEmail, Key: key}]; ok {
			add(decide.KeyEmail, key, id)
		}
		for _, row := range b.contacts {
			if row.EmailKey == key && row.ExternalID != "" && !row.merged {
				add(decide.FoundByAddress, key, row.id)
			}
		}
	}
	if id, ok := b.keys[decide.ContactKey{Kind: decide.KeyAnonymous, Key: anonymousID}]; ok {
		add(decide.KeyAnonymous, anonymousID, id)
	}
	if _, isEvent := c.Body.(*decide.Occurrence); !isEvent {
		add(decide.FoundByID, c.ContactID.String(), c.ContactID)
	}
	if o := c.Origin(); o != nil {
		add(decide.FoundByID, o.ContactID.String(), o.ContactID)
	}
	return found
}

// load loads the state of every contact that the change is about.
func (t *transaction) load() {
	for _, c := range t.identities.Concerned() {
		c.State = decide.State{}
		if row := t.byID[c.ID]; row != nil && row.id == c.ID {
			t.loadContact(c, row)
		}
	}
}

func (t *transaction) loadContact(c *decide.Contact, row *contact) {
	c.OptedOut = slices.ContainsFunc(t.preferences, func(p *preference) bool { return p.contact == row && p.UnsubscribedAll })
	c.Known = row.properties
	live := slices.DeleteFunc(slices.Clone(row.enrollments), func(n *enrollment) bool { return !n.live() })
	slices.SortFunc(live, func(x, y *enrollment) int {
		return cmp.Or(cmp.Compare(x.JourneyID, y.JourneyID), cmp.Compare(x.Entry, y.Entry))
	})
	for _, n := range live {
		c.Live = append(c.Live, &decide.Enrollment{
			ID: n.ID, JourneyID: n.JourneyID, Key: n.Key, Entry: n.Entry, Hops: n.Hops, Node: n.node, WorkflowID: n.WorkflowID, CreatedAt: n.CreatedAt, Context: n.Context,
		})
	}
	for _, n := range row.enrollments {
		h := c.Journey(t.canonical(n.JourneyID))
		h.Entry = max(h.Entry, n.Entry)
		if !n.live() {
			h.Ended = true
			if n.CreatedAt.After(h.NewestEnded) {
				h.NewestEnded = n.CreatedAt
			}
		}
	}
	for _, w := range t.waits {
		if w.enrollment.contact == row && w.status == contract.WaitOpen {
			open := w.Wait
			c.Waits = append(c.Waits, &open)
		}
	}
	for _, m := range row.memberships {
		past := c.Pasts[m.BucketID]
		c.Remember(m.BucketID, bucket.Past{Epoch: max(past.Epoch, m.Epoch), Left: decide.Later(past.Left, m.left), Evaluated: decide.Later(past.Evaluated, m.Evaluated)})
		if m.left.IsZero() {
			working := m.copy()
			c.Memberships = append(c.Memberships, &working)
		}
	}
}
