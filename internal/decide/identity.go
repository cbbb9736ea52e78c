package decide

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
)

// Fields that TakenError names.
const (
	FieldExternalID = "externalId"
	FieldEmail      = "email"
)

// TakenError says that a key which an operator writes belongs to another contact that
// is not to be merged (I-62).
type TakenError struct {
	// Field is externalId or email, ContactKey the other contact.
	Field, ContactKey string
}

func (e *TakenError) Error() string { return e.Field + " belongs to contact " + e.ContactKey }

// Resolve decides which contact the change is about and what that does to the
// identities. The error is ErrStale or a *TakenError.
func (i *Identities) Resolve(c *Change) error {
	i.place = Place{Index: i.place.Index, At: c.At}
	if o := c.Origin(); o != nil {
		return i.caused(c, o)
	}
	if occurrence, ok := c.Body.(*Occurrence); ok {
		c.Resolution = i.identify(&occurrence.Event, c.ContactID)
		i.see(&c.Resolution, &occurrence.Event)
		return nil
	}
	if u, ok := c.Body.(*Upsert); ok {
		return i.upsert(c, u)
	}
	// One that is deleted or unknown is left alone (I-50).
	contact := i.ids[c.ContactID.String()].Survivor()
	if contact == nil || !contact.DeletedAt.IsZero() {
		c.Missing = true
		return nil
	}
	if u, ok := c.Body.(*Update); ok {
		c.Resolution = i.known(contact, false)
		return i.update(&c.Resolution, u)
	}
	c.Resolution = i.known(contact, len(c.ContactProperties()) > 0)
	if u, ok := c.Body.(*Unite); ok {
		return i.unite(c, u)
	}
	return nil
}

// update gives a contact the keys that an operator wrote. Its values are written after
// the merge that those bring about, and so have no part in it (I-25).
func (i *Identities) update(r *Resolution, u *Update) error {
	if err := i.rekey(r, u); err != nil {
		return err
	}
	if len(u.Properties) > 0 {
		i.wrote(r.Contact)
	}
	return nil
}

// unite makes one contact of the change's and another one.
func (i *Identities) unite(c *Change, u *Unite) error {
	other := i.ids[u.Other.String()].Survivor()
	switch {
	case other == nil || !other.DeletedAt.IsZero():
		c.Missing = true
		return nil
	case other == c.Contact:
		return ErrSame
	}
	r := &c.Resolution
	r.Contact = i.merge(r, r.Contact, other)
	r.ContactKey, r.EmailKey = r.Contact.Key(), r.Contact.EmailKey
	return nil
}

// caused resolves a change that an enrollment causes, or that ends it.
func (i *Identities) caused(c *Change, o *Origin) error {
	source := i.ids[o.ContactID.String()].Survivor()
	if source == nil {
		return ErrStale
	}
	source.NeedsLock = true
	occurrence, ok := c.Body.(*Occurrence)
	if ok && (occurrence.UserID != "" || occurrence.Email != "" || occurrence.AnonymousID != "") {
		c.Resolution = i.identify(&occurrence.Event, c.ContactID)
		i.see(&c.Resolution, &occurrence.Event)
	} else {
		c.Resolution = i.known(source, len(c.ContactProperties()) > 0)
	}
	c.Source = source
	return nil
}

// upsert resolves a write by keys. Only events move when a contact was seen: one that it
// makes was seen when it was made (I-31).
func (i *Identities) upsert(c *Change, u *Upsert) error {
	if user, lead := i.byUser(u.UserID), i.owner(KeyEmail, EmailKey(u.Email)); u.Imported && user != nil && lead != nil && user != lead {
		c.Missing, c.Twofold = true, true // an import merges nobody
		return nil
	}
	ev := &Event{UserID: u.UserID, Email: u.Email, AnonymousID: u.AnonymousID, ContactProperties: u.Properties}
	c.Resolution = i.identify(ev, c.ContactID)
	if c.Created {
		i.see(&c.Resolution, ev)
	}
	if u.Create && (c.Conflict || c.met()) {
		return ErrExists
	}
	return nil
}

// met reports whether a live contact had a key of the change.
func (r *Resolution) met() bool {
	there := func(c *Contact) bool { return c.Stored && c.read.DeletedAt.IsZero() }
	return there(r.Contact) || slices.ContainsFunc(r.Merges, func(m *Merge) bool { return there(m.From) || there(m.Into) })
}

// next moves on to the next place of the batch.
func (i *Identities) next() Place {
	i.place.Index++
	return i.place
}

// known is the resolution of a change whose contact is known.
func (i *Identities) known(c *Contact, writes bool) Resolution {
	r := Resolution{Contact: c, Place: i.next(), Deleted: !c.DeletedAt.IsZero()}
	c.NeedsLock = true
	if writes {
		i.wrote(c)
	}
	r.ContactKey, r.EmailKey = c.Key(), c.EmailKey
	return r
}

// identify decides to which contact an event belongs and what that does to the
// identities (I-21, I-22). fresh is the uuid of a contact it may create.
func (i *Identities) identify(ev *Event, fresh uuid.UUID) Resolution {
	r := Resolution{Place: i.next()}
	emailKey := EmailKey(ev.Email)
	user, email, anonymous := i.byUser(ev.UserID), i.byEmail(emailKey), i.owner(KeyAnonymous, ev.AnonymousID)

	target := strongest(ev, emailKey, user, email, anonymous)
	if target != nil && !target.reaches(ev) {
		target.NeedsLock = true
		r.Contact, r.ContactKey, r.EmailKey, r.Deleted = target, target.Key(), target.EmailKey, true
		return r
	}
	if target == nil {
		r.Created = true
		target = &Contact{ID: fresh, CreatedAt: i.instant(), created: i.place}
		i.contacts[target.ID] = target
		i.order = append(i.order, target)
	}
	target.NeedsLock = true
	if !target.DeletedAt.IsZero() {
		r.Revived = true
		i.revive(target)
	}

	if ev.UserID != "" && user == nil {
		i.name(target, ev.UserID)
		r.Linked = !r.Created
	}
	// An address may be shared; what belongs to another is the anonymous id (I-62).
	r.Conflict = anonymous != nil && anonymous != target && anonymous.Identified()
	for _, other := range nearest(target, email, anonymous) {
		target = i.absorb(&r, target, other, ev)
	}
	if ev.AnonymousID != "" && anonymous == nil {
		i.give(KeyAnonymous, ev.AnonymousID, target)
		r.Linked = !r.Created
		if target.AnonymousID == "" {
			target.AnonymousID = ev.AnonymousID
		}
		i.change(target)
	}
	if emailKey != "" {
		r.Linked = r.Linked || !r.Created && target.EmailKey != emailKey
		target = i.adopt(&r, target, address.Trim(ev.Email), emailKey, ev)
	}
	if len(ev.ContactProperties) > 0 {
		i.wrote(target)
	}
	r.Linked = r.Linked || len(r.Merges) > 0
	r.Contact, r.ContactKey, r.EmailKey = target, target.Key(), target.EmailKey
	return r
}

// name gives a contact its external id.
func (i *Identities) name(c *Contact, externalID string) {
	c.ExternalID = externalID
	i.give(KeyUser, externalID, c)
	i.free(c.EmailKey, c)
	i.note(c.EmailKey, c)
	i.change(c)
}

// nearest puts the contacts that are to be merged into c in an order in which of three
// the value written last stays, whichever two are merged first (I-25).
func nearest(c, a, b *Contact) []*Contact {
	if a == nil || b == nil || a == b {
		return []*Contact{a, b}
	}
	older, newer := a, b
	if a.WrittenAt.After(b.WrittenAt) {
		older, newer = b, a
	}
	if newer.WrittenAt.After(c.WrittenAt) { // c, older, newer or older, c, newer
		return []*Contact{older, newer}
	}
	return []*Contact{newer, older}
}

// strongest finds the contact that an event belongs to; nil means a new one.
func strongest(ev *Event, emailKey string, user, email, anonymous *Contact) *Contact {
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
	for _, c := range []*Contact{email, anonymous} {
		if c != nil && !c.Identified() && c.reaches(ev) {
			return c
		}
	}
	return nil
}

// absorb merges the contact of a weaker key, if it has no external id, and returns
// the survivor. An identified one is never changed (I-21).
func (i *Identities) absorb(r *Resolution, target, other *Contact, ev *Event) *Contact {
	other = other.Survivor()
	switch {
	case other == nil || other == target:
		return target
	case other.Identified(), !other.reaches(ev):
		return target
	}
	return i.merge(r, target, other)
}

// revive undoes the deletion of a contact.
func (i *Identities) revive(c *Contact) {
	c.DeletedAt, c.RevivedAt = time.Time{}, i.instant()
	i.change(c)
}

// merge makes one contact of two; the identified one survives, else the older (I-25).
func (i *Identities) merge(r *Resolution, a, b *Contact) *Contact {
	into, from := a, b
	older := b.CreatedAt.Before(a.CreatedAt) || b.CreatedAt.Equal(a.CreatedAt) && less(b.ID, a.ID)
	if a.Identified() == b.Identified() && older || !a.Identified() && b.Identified() {
		into, from = b, a
	}
	m := &Merge{From: from, Into: into, FromWins: from.WrittenAt.After(into.WrittenAt)}
	i.leave(from)
	if from.EmailKey != "" && (into.EmailKey == "" || m.FromWins) {
		i.leave(into)
		into.Email, into.EmailKey = from.Email, from.EmailKey
		i.note(into.EmailKey, into)
		if !into.Identified() {
			i.give(KeyEmail, into.EmailKey, into)
		}
	}
	if into.AnonymousID == "" {
		into.AnonymousID = from.AnonymousID
	}
	into.RevivedAt = Later(into.RevivedAt, from.RevivedAt)
	if !into.DeletedAt.IsZero() || !from.DeletedAt.IsZero() {
		i.revive(into) // the event that merges them reaches both
	}
	into.FirstSeen, into.LastSeen = Earlier(into.FirstSeen, from.FirstSeen), Later(into.LastSeen, from.LastSeen)
	from.into = into
	into.NeedsLock, from.NeedsLock, into.Merging, from.Merging = true, true, true, true
	if m.FromWins {
		into.WrittenAt, into.written = from.WrittenAt, from.written
	}
	i.change(into)
	r.Merges = append(r.Merges, m)
	return into
}

// adopt gives the contact its e-mail (I-22). An unidentified contact owns its
// address alone, so another unidentified owner is merged with it.
func (i *Identities) adopt(r *Resolution, c *Contact, email, emailKey string, ev *Event) *Contact {
	if c.EmailKey != emailKey && !c.Identified() {
		switch other := i.owner(KeyEmail, emailKey); {
		case other == nil || other == c:
		case !other.DeletedAt.IsZero() && (i.lastSeen(emailKey, false) != nil || !other.reaches(ev)):
			i.withdraw(other) // a live one has it, too, or the event is older: nobody is revived (I-49)
		default:
			c = i.merge(r, c, other)
		}
	}
	i.move(c, email, emailKey)
	return c
}

// rekey gives a contact the keys that an operator wrote. One of another identified
// contact is refused, an unidentified one is merged, and a deleted one gives it up
// (I-62).
func (i *Identities) rekey(r *Resolution, u *Update) error {
	c, emailKey := r.Contact, EmailKey(u.Email)
	if err := i.refused(c, u.ExternalID, emailKey); err != nil {
		return err
	}
	if id := u.ExternalID; id != "" && id != c.ExternalID {
		if other := i.owner(KeyUser, id); other != nil && other != c { // else it has it by a merge
			i.strip(other, id)
		}
		if c.ExternalID != "" {
			i.keys[ContactKey{KeyUser, c.ExternalID}] = &keyState{read: c} // nobody's any more
		}
		i.name(c, id)
	}
	switch {
	case emailKey != "":
		r.Contact = i.adopt(r, i.vacate(r, c, emailKey), address.Trim(u.Email), emailKey, &Event{})
	case u.NoEmail && c.EmailKey != "":
		i.leave(c)
		c.Email, c.EmailKey = "", ""
		i.wrote(c)
	}
	r.ContactKey, r.EmailKey = r.Contact.Key(), r.Contact.EmailKey
	return nil
}

// refused is a *TakenError if another identified, live contact has a key that c is to
// get. Identified contacts share an address (I-19).
func (i *Identities) refused(c *Contact, externalID, emailKey string) error {
	if externalID != "" {
		other := i.owner(KeyUser, externalID)
		byID := other == nil // a uuid of another contact will always be that one's (I-20)
		if byID {
			other = i.byUser(externalID)
		}
		if other != nil && other != c && (byID || other.DeletedAt.IsZero()) {
			return &TakenError{FieldExternalID, other.Key()}
		}
	}
	if other := i.byEmail(emailKey); other != nil && other != c && other.Identified() && other.DeletedAt.IsZero() && c.ExternalID == "" && externalID == "" {
		return &TakenError{FieldEmail, other.Key()}
	}
	return nil
}

// vacate takes an address that c is to get from deleted contacts, and merges the
// unidentified one that has it into c. It returns the survivor.
func (i *Identities) vacate(r *Resolution, c *Contact, emailKey string) *Contact {
	for _, other := range append([]*Contact{i.owner(KeyEmail, emailKey)}, i.address[emailKey]...) {
		switch other = other.Survivor(); {
		case other == nil || other == c || other.EmailKey != emailKey:
		case !other.DeletedAt.IsZero():
			i.withdraw(other)
		case !other.Identified():
			c = i.merge(r, c, other)
		}
	}
	return c
}

// withdraw leaves a contact without its address.
func (i *Identities) withdraw(c *Contact) {
	i.leave(c)
	c.Email, c.EmailKey, c.NeedsLock = "", "", true
	i.change(c)
}

// strip takes an external id from a deleted contact, and the address with it: that was
// the address of the account, which somebody else may be by now. One that it has by a
// merge besides is not the one that it is called by.
func (i *Identities) strip(c *Contact, externalID string) {
	i.withdraw(c)
	if c.ExternalID == externalID {
		c.ExternalID = ""
	}
}

// move gives an address to a contact, and takes its earlier one away.
func (i *Identities) move(c *Contact, email, emailKey string) {
	if c.EmailKey != emailKey {
		i.leave(c)
		c.EmailKey = emailKey
		i.note(emailKey, c)
		i.adopted = append(i.adopted, emailKey)
		k := ContactKey{KeyEmail, emailKey}
		if i.keys[k] == nil {
			i.keys[k] = &keyState{given: i.instant()}
		}
		i.keys[k].reserved = i.keys[k].read == nil
		if !c.Identified() {
			i.give(KeyEmail, emailKey, c)
		}
	}
	if c.Email != email {
		c.Email = email
		i.wrote(c)
	}
}
