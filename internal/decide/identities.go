package decide

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Kinds of the keys by which contacts are found.
const (
	KeyUser      = "user"
	KeyAnonymous = "anonymous"
	KeyEmail     = "email" // of a contact without an external id
)

// ContactKey is a key that leads to one contact. Those of merged contacts lead to the
// survivor.
type ContactKey struct{ Kind, Key string }

// KeyOwner gives a key to a contact: uuid.Nil keeps it from everybody until the
// commit.
type KeyOwner struct {
	ContactKey
	ContactID uuid.UUID
	At        time.Time // when it was given, in the order of the batch
}

// Found is a contact as it was read and what it was found by: a key, the uuid that was
// asked for (FoundByID), or as one of those identified contacts that have an address
// (FoundByAddress).
type Found struct {
	Kind, Key string
	ID        uuid.UUID
	Identity
	FirstSeen, LastSeen, CreatedAt, UpdatedAt, WrittenAt time.Time
}

// Ways in which contacts are found besides by a key.
const (
	FoundByID      = "id"      // also a uuid that was merged away, with the survivor's row
	FoundByAddress = "address" // of many the ones last seen
)

// keyState is who has a key: as it was read, and as it will be.
type keyState struct {
	read, owner *Contact
	given       time.Time
	reserved    bool // an address given to an identified contact: kept from others until the commit
}

// Identities decides to which contacts the changes of a batch belong, in array order,
// as if they came one by one (I-17). It is made from unlocked reads: the locks of the
// contacts that it names make what it decided hold, or it is made again.
type Identities struct {
	began    time.Time
	place    Place // of the change that is looked at
	contacts map[uuid.UUID]*Contact
	ids      map[string]*Contact // by the uuid asked for, also a merged-away one
	keys     map[ContactKey]*keyState
	order    []*Contact // in order of appearance
	address  map[string][]*Contact
	adopted  []string // addresses that got a new owner
	left     []leaving
}

// leaving is an address that a contact has no longer; its opt-outs stay with it (E-20).
type leaving struct {
	emailKey string
	contact  *Contact
	index    int
}

// NewIdentities takes what was found of everything that the changes name: the keys and
// uuids in them, and the identified contacts that have one of their addresses.
func NewIdentities(began time.Time, found []Found) *Identities {
	i := &Identities{
		began: began, contacts: make(map[uuid.UUID]*Contact, len(found)), keys: make(map[ContactKey]*keyState, len(found)),
		ids: map[string]*Contact{}, address: map[string][]*Contact{},
	}
	for k := range found {
		row := &found[k]
		c := i.contacts[row.ID]
		if c == nil {
			c = i.take(row)
		}
		switch row.Kind {
		case KeyUser, KeyAnonymous, KeyEmail:
			i.keys[ContactKey{row.Kind, row.Key}] = &keyState{read: c, owner: c}
		case FoundByID:
			i.ids[row.Key] = c
		}
	}
	return i
}

// take notes a contact that was not found before.
func (i *Identities) take(row *Found) *Contact {
	c := &Contact{
		ID: row.ID, Identity: row.Identity, read: row.Identity, Stored: true, FirstSeen: row.FirstSeen, LastSeen: row.LastSeen,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, WrittenAt: row.WrittenAt, readAt: row.WrittenAt,
	}
	i.contacts[c.ID] = c
	i.order = append(i.order, c)
	if c.EmailKey != "" {
		i.address[c.EmailKey] = append(i.address[c.EmailKey], c)
		if !c.Identified() {
			i.keys[ContactKey{KeyEmail, c.EmailKey}] = &keyState{read: c, owner: c}
		}
	}
	return c
}

// Contact is the one with the uuid, as it was read or made; nil for an unknown one.
func (i *Identities) Contact(id uuid.UUID) *Contact { return i.contacts[id] }

// Concerned are the contacts that changes are about, in order of appearance: those
// whose locks make the decisions hold.
func (i *Identities) Concerned() []*Contact {
	var all []*Contact
	for _, c := range i.order {
		if c.NeedsLock {
			all = append(all, c)
		}
	}
	return all
}

// Merging reports whether contacts are merged.
func (i *Identities) Merging() bool {
	return slices.ContainsFunc(i.order, func(c *Contact) bool { return c.Merging })
}

// AddressesLeft are those that a contact has left by the changes up to a place.
func (i *Identities) AddressesLeft(c *Contact, place Place) []string {
	var left []string
	for _, l := range i.left {
		if l.index <= place.Index && l.contact.Survivor() == c {
			left = append(left, l.emailKey)
		}
	}
	return left
}

// Adopted are the addresses that got a new owner.
func (i *Identities) Adopted() []string { return i.adopted }

// Knows reports whether the decisions were made with id as an identified owner of the
// address. One that left it meanwhile makes no difference that an order of the two
// transactions would not make.
func (i *Identities) Knows(emailKey string, id uuid.UUID) bool {
	c := i.contacts[id]
	return c != nil && c.read.EmailKey == emailKey && c.read.ExternalID != ""
}

// NewKeys are the keys that nobody had: the ones to insert, in no order.
func (i *Identities) NewKeys() []KeyOwner {
	var all []KeyOwner
	for k, s := range i.keys {
		if s.read != nil {
			continue
		}
		owner := s.owner.Survivor()
		switch {
		case owner != nil:
			all = append(all, KeyOwner{k, owner.ID, s.given})
		case s.reserved:
			all = append(all, KeyOwner{k, uuid.Nil, s.given})
		}
	}
	return all
}

// ChangedKeys are the keys that change hands, and those that nobody has any more.
func (i *Identities) ChangedKeys() (moved []KeyOwner, gone []ContactKey) {
	for k, s := range i.keys {
		owner := s.owner.Survivor()
		switch {
		case s.read == owner:
			if s.reserved && owner == nil {
				gone = append(gone, k)
			}
		case owner == nil:
			gone = append(gone, k)
		case s.read != nil:
			moved = append(moved, KeyOwner{k, owner.ID, s.given})
		}
	}
	return moved, gone
}

// Left are the addresses that contacts had before, with the contacts: opt-outs of an
// address that are linked to nobody are linked to the contact that leaves it (E-20).
func (i *Identities) Left() (emailKeys []string, contacts []uuid.UUID) {
	for _, l := range i.left {
		emailKeys, contacts = append(emailKeys, l.emailKey), append(contacts, l.contact.Survivor().ID)
	}
	return emailKeys, contacts
}

func (i *Identities) owner(kind, key string) *Contact {
	if key == "" {
		return nil
	}
	if s := i.keys[ContactKey{kind, key}]; s != nil {
		return s.owner.Survivor()
	}
	return nil
}

func (i *Identities) give(kind, key string, c *Contact) {
	k := ContactKey{kind, key}
	if i.keys[k] == nil {
		i.keys[k] = &keyState{}
	}
	i.keys[k].owner, i.keys[k].given = c, i.instant()
}

// free ends the reservation of an address by c.
func (i *Identities) free(emailKey string, c *Contact) {
	if s := i.keys[ContactKey{KeyEmail, emailKey}]; s != nil && s.owner.Survivor() == c {
		s.owner = nil
	}
}

// byUser resolves a user id: external id, else contact uuid. What browsers call
// somebody is another name space (I-20).
func (i *Identities) byUser(userID string) *Contact {
	if c := i.owner(KeyUser, userID); c != nil {
		return c
	}
	if id, ok := ParseID(userID); ok {
		return i.ids[id.String()].Survivor()
	}
	return nil
}

// ParseID accepts the one form in which contact uuids are shown.
func ParseID(s string) (uuid.UUID, bool) {
	if len(s) != 36 {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil
}

// byEmail resolves an address: the identified contact last seen with it, else the
// unidentified one that has it, and a deleted one only if no live one has it (I-22).
func (i *Identities) byEmail(emailKey string) *Contact {
	live, deleted := i.lastSeen(emailKey, false), i.lastSeen(emailKey, true)
	owner := i.owner(KeyEmail, emailKey)
	switch {
	case live != nil:
		return live
	case owner != nil && owner.DeletedAt.IsZero():
		return owner
	case deleted != nil:
		return deleted
	}
	return owner
}

// lastSeen is who of the identified contacts with the address was seen last.
func (i *Identities) lastSeen(emailKey string, deleted bool) *Contact {
	var best *Contact
	for _, c := range i.address[emailKey] {
		if c.into == nil && c.Identified() && c.EmailKey == emailKey && c.DeletedAt.IsZero() != deleted && (best == nil || seenLater(c, best)) {
			best = c
		}
	}
	return best
}

func seenLater(a, b *Contact) bool {
	return a.LastSeen.After(b.LastSeen) || a.LastSeen.Equal(b.LastSeen) && less(a.ID, b.ID)
}

// leave takes the address away from c.
func (i *Identities) leave(c *Contact) {
	if c.EmailKey == "" {
		return
	}
	i.free(c.EmailKey, c)
	i.left = append(i.left, leaving{c.EmailKey, c, i.place.Index})
}

// note remembers that c may be found by the address.
func (i *Identities) note(emailKey string, c *Contact) {
	if emailKey != "" && !slices.Contains(i.address[emailKey], c) {
		i.address[emailKey] = append(i.address[emailKey], c)
	}
}

// change notes that the change that is looked at changes something of c.
func (i *Identities) change(c *Contact) { c.UpdatedAt, c.changed = i.instant(), i.place }

// wrote notes that it writes values into c: properties, an address. Only such a write
// decides whose values a merge keeps (I-25).
func (i *Identities) wrote(c *Contact) {
	i.change(c)
	c.WrittenAt, c.written = i.instant(), i.place
}

// instant is when the change happens that is looked at.
func (i *Identities) instant() time.Time { return i.place.Instant(i.began) }

// see moves first and last seen (I-31).
func (i *Identities) see(r *Resolution, ev *Event) {
	if r.Deleted {
		return
	}
	c, at := r.Contact, ev.Occurred(i.instant())
	if c.FirstSeen.IsZero() || at.Before(c.FirstSeen) {
		c.FirstSeen = at
	}
	c.LastSeen = Later(c.LastSeen, at)
}
