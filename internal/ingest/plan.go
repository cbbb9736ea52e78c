package ingest

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// EmailKey is an address as it is compared (I-55).
func EmailKey(email string) string { return address.Key(email) }

// Kinds of contact_keys.
const (
	kindUser      = "user"
	kindAnonymous = "anonymous"
	kindEmail     = "email"
)

type contactKey struct{ kind, key string }

// identity is what decides which contact an event belongs to. What was read of it
// before the locks is compared with what stands under them.
type identity struct {
	externalID, anonymousID, email, emailKey string
	deletedAt                                time.Time
}

// person is one contact within a transaction: how it was read, and how it will be.
type person struct {
	id uuid.UUID
	identity
	read                           identity
	firstSeen, lastSeen, createdAt time.Time
	wrote                          time.Time // when it was written last
	readUpdatedAt                  time.Time
	// The places in the batch of the events that made it and wrote it last; 0 is none.
	createdAs, wroteAs int

	inserted bool    // its row exists
	touched  bool    // its lock is needed
	merging  bool    // takes part in a merge
	into     *person // the survivor, once merged away

	// state is what the steps after the identity look at.
	state
}

func (p *person) identified() bool { return p.externalID != "" }

// survivor follows the merges of this transaction.
func (p *person) survivor() *person {
	for p != nil && p.into != nil {
		p = p.into
	}
	return p
}

// key is how replies and events name the contact (I-15).
func (p *person) key() string {
	switch {
	case p.externalID != "":
		return p.externalID
	case p.anonymousID != "":
		return p.anonymousID
	}
	return p.id.String()
}

// reach reports whether an event applies to the contact: a deleted one is revived
// only by what happened after its deletion (I-49).
func (p *person) reach(ev *Event) bool {
	return p.deletedAt.IsZero() || ev.Timestamp == nil || ev.Timestamp.After(p.deletedAt)
}

type merge struct {
	from, into *person
	fromWins   bool // its values were written last
}

// verdict is what the plan decided about one event. It keeps what later events of
// the batch may change: the contact as this event sees it.
type verdict struct {
	person     *person
	contactKey string
	emailKey   string
	dead       bool // belongs to a deleted contact and changes nothing (I-49)
	created    bool // makes the contact
	revived    bool // undoes its deletion
	conflict   bool
	merges     []merge
	index      int
}

type keyState struct {
	read, owner *person
	reserved    bool // an address given to an identified contact: kept from others until the commit
}

// plan decides the identities of a batch, in array order, as if one by one (I-17).
// It is made from unlocked reads; the locks it names make them hold, or it is made again.
type plan struct {
	now     time.Time
	when    time.Time // of the item that is looked at, in a simulation
	people  map[uuid.UUID]*person
	ids     map[string]*person // by the uuid asked for, also a merged-away one
	keys    map[contactKey]*keyState
	order   []*person // in order of appearance
	address map[string][]*person
	adopted []string // addresses that got a new owner
	left    []leaving
	index   int
}

type leaving struct {
	emailKey string
	person   *person
	index    int
}

func newPlan(now time.Time, rows []found) *plan {
	p := &plan{
		now: now, people: make(map[uuid.UUID]*person, len(rows)), keys: make(map[contactKey]*keyState, len(rows)),
		ids: map[string]*person{}, address: map[string][]*person{},
	}
	for i := range rows {
		row := &rows[i]
		c := p.people[row.ID]
		if c == nil {
			c = &person{
				id: row.ID, inserted: true, firstSeen: row.FirstSeenAt, lastSeen: row.LastSeenAt,
				createdAt: row.CreatedAt, wrote: row.UpdatedAt, readUpdatedAt: row.UpdatedAt,
				identity: identity{
					externalID: text(row.ExternalID), anonymousID: text(row.AnonymousID),
					email: text(row.Email), emailKey: text(row.EmailKey), deletedAt: instant(row.DeletedAt),
				},
			}
			c.read = c.identity
			p.people[c.id] = c
			p.order = append(p.order, c)
			if c.emailKey != "" {
				p.address[c.emailKey] = append(p.address[c.emailKey], c)
				if !c.identified() {
					p.keys[contactKey{kindEmail, c.emailKey}] = &keyState{read: c, owner: c}
				}
			}
		}
		switch row.Kind {
		case kindUser, kindAnonymous, kindEmail:
			p.keys[contactKey{row.Kind, row.Key}] = &keyState{read: c, owner: c}
		case "id":
			p.ids[row.Key] = c
		}
	}
	return p
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func (p *plan) owner(kind, key string) *person {
	if key == "" {
		return nil
	}
	if s := p.keys[contactKey{kind, key}]; s != nil {
		return s.owner.survivor()
	}
	return nil
}

func (p *plan) give(kind, key string, c *person) {
	k := contactKey{kind, key}
	if s := p.keys[k]; s != nil {
		s.owner = c
		return
	}
	p.keys[k] = &keyState{owner: c}
}

// free ends the reservation of an address by c.
func (p *plan) free(emailKey string, c *person) {
	if s := p.keys[contactKey{kindEmail, emailKey}]; s != nil && s.owner.survivor() == c {
		s.owner = nil
	}
}

// byUser resolves a user id: external id, contact uuid, anonymous id (I-20).
func (p *plan) byUser(userID string) *person {
	if c := p.owner(kindUser, userID); c != nil {
		return c
	}
	if id, ok := parseID(userID); ok {
		if c := p.ids[id.String()].survivor(); c != nil {
			return c
		}
	}
	return p.owner(kindAnonymous, userID)
}

// parseID accepts the one form in which contact uuids are shown.
func parseID(s string) (uuid.UUID, bool) {
	if len(s) != 36 {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil
}

// byEmail resolves an address: the identified contact last seen with it, else the
// unidentified one that has it (I-22).
func (p *plan) byEmail(emailKey string) *person {
	var best *person
	for _, c := range p.address[emailKey] {
		if c.into != nil || !c.identified() || c.emailKey != emailKey {
			continue
		}
		if best == nil || seenLater(c, best) {
			best = c
		}
	}
	if best != nil {
		return best
	}
	return p.owner(kindEmail, emailKey)
}

func seenLater(a, b *person) bool {
	return a.lastSeen.After(b.lastSeen) || a.lastSeen.Equal(b.lastSeen) && less(a.id, b.id)
}

func less(a, b uuid.UUID) bool { return bytes.Compare(a[:], b[:]) < 0 }

// shared reports whether an identified contact other than c has the address.
func (p *plan) shared(emailKey string, c *person) bool {
	return slices.ContainsFunc(p.address[emailKey], func(o *person) bool {
		return o != c && o.into == nil && o.identified() && o.emailKey == emailKey
	})
}

// at gives the verdict of an event whose contact is known: that of an enrollment.
func (p *plan) at(ev *Event, c *person) verdict {
	p.index++
	c.touched = true
	if len(ev.ContactProperties) > 0 {
		p.wrote(c)
	}
	return verdict{person: c, contactKey: c.key(), emailKey: c.emailKey, dead: !c.deletedAt.IsZero(), index: p.index}
}

// identify decides to which contact an event belongs and what that does to the
// identities (I-21, I-22). fresh is the uuid of a contact it may create.
func (p *plan) identify(ev *Event, fresh uuid.UUID) verdict {
	p.index++
	emailKey := EmailKey(ev.Email)
	user, email, anonymous := p.byUser(ev.UserID), p.byEmail(emailKey), p.owner(kindAnonymous, ev.AnonymousID)

	target := p.strongest(ev, emailKey, user, email, anonymous)
	if target != nil && !target.reach(ev) {
		target.touched = true
		return verdict{person: target, contactKey: target.key(), emailKey: target.emailKey, dead: true, index: p.index}
	}
	v := verdict{index: p.index}
	if target == nil {
		v.created = true
		target = &person{id: fresh, createdAt: p.instant(), createdAs: p.index}
		p.people[target.id] = target
		p.order = append(p.order, target)
	}
	target.touched = true
	if !target.deletedAt.IsZero() {
		v.revived = true
		target.deletedAt = time.Time{}
		p.wrote(target)
	}

	if ev.UserID != "" && user == nil {
		target.externalID = ev.UserID
		p.give(kindUser, ev.UserID, target)
		p.free(target.emailKey, target)
		p.note(target.emailKey, target)
		p.wrote(target)
	}
	target = p.absorb(&v, target, email, ev)
	target = p.absorb(&v, target, anonymous, ev)
	if ev.AnonymousID != "" && anonymous == nil {
		p.give(kindAnonymous, ev.AnonymousID, target)
		if target.anonymousID == "" {
			target.anonymousID = ev.AnonymousID
		}
		p.wrote(target)
	}
	if emailKey != "" {
		v.conflict = v.conflict || p.shared(emailKey, target)
		target = p.adopt(&v, target, address.Trim(ev.Email), emailKey, ev)
	}
	if len(ev.ContactProperties) > 0 {
		p.wrote(target)
	}
	p.see(target, ev)
	v.person, v.contactKey, v.emailKey = target, target.key(), target.emailKey
	return v
}

// strongest finds the contact that an event belongs to; nil means a new one.
func (p *plan) strongest(ev *Event, emailKey string, user, email, anonymous *person) *person {
	weaker := []*person{email, anonymous}
	switch {
	case ev.UserID != "":
		if user != nil {
			return user
		}
	case emailKey != "":
		if email != nil {
			return email
		}
	default:
		return anonymous
	}
	for _, c := range weaker {
		if c != nil && !c.identified() && c.reach(ev) {
			return c
		}
	}
	return nil
}

// absorb merges the contact of a weaker key, if it has no external id, and returns
// the survivor. An identified one is never changed (I-21).
func (p *plan) absorb(v *verdict, target, other *person, ev *Event) *person {
	other = other.survivor()
	switch {
	case other == nil || other == target:
		return target
	case other.identified():
		v.conflict = true
		return target
	case !other.reach(ev):
		return target
	}
	return p.merge(v, target, other)
}

// merge makes one contact of two; the identified one survives, else the older (I-25).
func (p *plan) merge(v *verdict, a, b *person) *person {
	into, from := a, b
	older := b.createdAt.Before(a.createdAt) || b.createdAt.Equal(a.createdAt) && less(b.id, a.id)
	if a.identified() == b.identified() && older || !a.identified() && b.identified() {
		into, from = b, a
	}
	m := merge{from: from, into: into}
	m.fromWins = from.wrote.After(into.wrote)
	p.leave(from)
	if from.emailKey != "" && (into.emailKey == "" || m.fromWins) {
		p.leave(into)
		into.email, into.emailKey = from.email, from.emailKey
		p.note(into.emailKey, into)
		if !into.identified() {
			p.give(kindEmail, into.emailKey, into)
		}
	}
	if into.anonymousID == "" {
		into.anonymousID = from.anonymousID
	}
	into.deletedAt = time.Time{} // the event that merges them reaches both
	into.firstSeen, into.lastSeen = earlier(into.firstSeen, from.firstSeen), later(into.lastSeen, from.lastSeen)
	from.into = into
	into.touched, from.touched, into.merging, from.merging = true, true, true, true
	p.wrote(into)
	v.merges = append(v.merges, m)
	return into
}

// adopt gives the contact its e-mail (I-22). An unidentified contact owns its
// address alone, so another unidentified owner is merged with it.
func (p *plan) adopt(v *verdict, c *person, email, emailKey string, ev *Event) *person {
	if c.emailKey != emailKey {
		if !c.identified() {
			if other := p.owner(kindEmail, emailKey); other != nil && other != c {
				if !other.reach(ev) {
					return c
				}
				c = p.merge(v, c, other)
			}
		}
	}
	if c.emailKey != emailKey {
		p.leave(c)
		c.emailKey = emailKey
		p.note(emailKey, c)
		p.adopted = append(p.adopted, emailKey)
		k := contactKey{kindEmail, emailKey}
		if p.keys[k] == nil {
			p.keys[k] = &keyState{}
		}
		p.keys[k].reserved = p.keys[k].read == nil
		if !c.identified() {
			p.give(kindEmail, emailKey, c)
		}
	}
	if c.email != email {
		c.email = email
		p.wrote(c)
	}
	return c
}

// leave takes the address away from c, whose opt-outs stay with it (E-20).
func (p *plan) leave(c *person) {
	if c.emailKey == "" {
		return
	}
	p.free(c.emailKey, c)
	p.left = append(p.left, leaving{c.emailKey, c, p.index})
}

// note remembers that c may be found by the address.
func (p *plan) note(emailKey string, c *person) {
	if emailKey != "" && !slices.Contains(p.address[emailKey], c) {
		p.address[emailKey] = append(p.address[emailKey], c)
	}
}

func (p *plan) wrote(c *person) { c.wrote, c.wroteAs = p.instant(), p.index }

// instant is when the item happens that is looked at.
func (p *plan) instant() time.Time {
	if !p.when.IsZero() {
		return p.when
	}
	return instantOf(p.now, p.index)
}

// instantOf is when the event at that place of a batch was received: in the order
// of the batch, so that what is later is told from what is earlier as if the events
// had come one by one (I-17).
func instantOf(began time.Time, place int) time.Time {
	return began.Add(time.Duration(place) * time.Microsecond)
}

// see moves first and last seen (I-31).
func (p *plan) see(c *person, ev *Event) {
	at := occurred(ev, p.instant())
	if c.firstSeen.IsZero() || at.Before(c.firstSeen) {
		c.firstSeen = at
	}
	c.lastSeen = later(c.lastSeen, at)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// occurred is when an event happened, cut to microseconds (I-39).
func occurred(ev *Event, now time.Time) time.Time {
	if ev.Timestamp == nil {
		return now
	}
	return ev.Timestamp.Truncate(time.Microsecond)
}

// unchanged reports whether a contact under its lock is as the plan took it to be.
func (p *person) unchanged(row *storedb.IngestLockRow) bool {
	return row.MergedInto == nil && text(row.ExternalID) == p.read.externalID &&
		text(row.AnonymousID) == p.read.anonymousID && text(row.Email) == p.read.email &&
		text(row.EmailKey) == p.read.emailKey && instant(row.DeletedAt).Equal(p.read.deletedAt) &&
		(!p.merging || row.UpdatedAt.Equal(p.readUpdatedAt))
}

// newKeys are the keys that nobody had: the ones to insert, in no order.
func (p *plan) newKeys() (kinds, keys []string, owners []uuid.UUID) {
	for k, s := range p.keys {
		if s.read != nil {
			continue
		}
		owner := s.owner.survivor()
		if owner == nil && !s.reserved {
			continue
		}
		kinds, keys = append(kinds, k.kind), append(keys, k.key)
		if owner == nil {
			owners = append(owners, uuid.Nil)
		} else {
			owners = append(owners, owner.id)
		}
	}
	return kinds, keys, owners
}

// changedKeys are the keys that change hands, and those that nobody has any more.
func (p *plan) changedKeys() (moved, gone []contactKey, owners []uuid.UUID) {
	for k, s := range p.keys {
		owner := s.owner.survivor()
		switch {
		case s.read == owner:
			if s.reserved && owner == nil {
				gone = append(gone, k)
			}
		case owner == nil:
			gone = append(gone, k)
		case s.read != nil:
			moved, owners = append(moved, k), append(owners, owner.id)
		}
	}
	return moved, gone, owners
}

// knows reports whether the plan was made with id as an identified owner of the
// address. One that left it meanwhile makes no difference that an order of the two
// transactions would not make.
func (p *plan) knows(emailKey string, id uuid.UUID) bool {
	c := p.people[id]
	return c != nil && c.read.emailKey == emailKey && c.read.externalID != ""
}
