package server

import (
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// person reads the keys and properties of a person by the rules of what comes with an event
// (I-13); id is the field of the external id.
func (s *Server) person(o *object, id string) ingest.Person {
	var p ingest.Person
	o.read(id, "a string", &p.UserID)
	o.read("email", "a string", &p.Email)
	o.read("anonymousId", "a string", &p.AnonymousID)
	o.read("properties", "an object", &p.Properties)
	p.Email = address.Trim(p.Email)
	o.person(id, p.UserID, s.cfg.JunkIDs)
	o.person("anonymousId", p.AnonymousID, s.cfg.JunkIDs)
	event := ingest.Event{Name: "update", UserID: p.UserID, Email: p.Email, AnonymousID: p.AnonymousID, ContactProperties: p.Properties}
	for _, problem := range ingest.Validate(&event) {
		if problem.Message != check.IdentityMessage { // which ones suffice, the route says
			o.report(renamed(problem.Path, map[string]string{"userId": id, "contactProperties": "properties"}), problem.Message)
		}
	}
	return p
}

// lists reads choices about lists by their ids (E-59).
func (s *Server) lists(o *object) map[string]bool {
	choices := o.booleans("lists")
	for id := range choices {
		if !slices.ContainsFunc(s.cfg.Registry.Lists, func(l hogsend.List) bool { return l.ID == id }) {
			o.report(join("lists", id), "unknown list")
		}
	}
	return choices
}

// putContact is R-4. Choices about lists are made in the transaction of the contact.
func (s *Server) putContact(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	p := s.person(o, "userId")
	p.Lists = s.lists(o)
	if err := o.err(); err != nil {
		return err
	}
	if p.UserID == "" && p.Email == "" && p.AnonymousID == "" {
		return invalidText(check.IdentityMessage)
	}
	done, err := s.cfg.Ingest.Upsert(r.ctx(), p)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		ID      uuid.UUID `json:"id"`
		Created bool      `json:"created"`
		Linked  bool      `json:"linked"`
	}{done.ContactID, done.Created, done.Linked})
}

// named are the live contacts that a user id and an address name, each alone; "" names none.
func (s *Server) named(r *request, userID, email string) (byUser, byAddress []storedb.Contact, err error) {
	if userID != "" {
		var id *uuid.UUID
		if parsed, err := uuid.Parse(userID); err == nil && len(userID) == 36 {
			id = &parsed
		}
		if byUser, err = s.store.ContactsByUserID(r.ctx(), userID, id); err != nil {
			return nil, nil, err
		}
	}
	if key := address.Key(email); key != "" {
		byAddress, err = s.store.ContactsByAddress(r.ctx(), key)
	}
	return byUser, byAddress, err
}

// byUserID finds the live contact that a user id names: no anonymous id and no address is one
// (I-15, I-20).
func (s *Server) byUserID(r *request, userID string) (c storedb.Contact, known bool, err error) {
	found, _, err := s.named(r, userID, "")
	if err != nil || len(found) == 0 {
		return c, false, err
	}
	return found[0], true, nil
}

// whom finds the contact of a user id, or else of an address.
func (s *Server) whom(r *request, userID, email string) (c storedb.Contact, known bool, err error) {
	if userID != "" {
		return s.byUserID(r, userID)
	}
	return s.store.ContactFind(r.ctx(), email)
}

// findContacts is R-5. An address may be that of several people (I-19).
func (s *Server) findContacts(r *request) error {
	q := queryOf(r)
	userID, email := q.text("userId"), q.text("email")
	if err := q.err(); err != nil {
		return err
	}
	if userID == "" && email == "" {
		return invalidText(check.IdentityMessage)
	}
	found, byAddress, err := s.named(r, userID, email)
	if err != nil {
		return err
	}
	switch {
	case userID == "":
		found = byAddress
	case email != "":
		found = slices.DeleteFunc(found, func(c storedb.Contact) bool { return !contains(byAddress, c.ID) })
	}
	contacts, err := s.contactReplies(r.ctx(), found)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"contacts": contacts})
}

func contains(list []storedb.Contact, id uuid.UUID) bool {
	return slices.ContainsFunc(list, func(c storedb.Contact) bool { return c.ID == id })
}

// dropContact is R-6: it deletes whom the keys name, softly. Nobody is deleted whom they do
// not name both (I-30).
func (s *Server) dropContact(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	userID, email := q.text("userId"), q.text("email")
	o.read("userId", "a string", &userID)
	o.read("email", "a string", &email)
	if err := errors.Join(q.err(), o.err()); err != nil {
		return err
	}
	if userID == "" && email == "" {
		return invalidText(check.IdentityMessage)
	}
	byUser, byAddress, err := s.named(r, userID, email)
	if err != nil {
		return err
	}
	target := byUser
	switch {
	case len(byUser) > 0 && len(byAddress) > 0 && !contains(byAddress, byUser[0].ID):
		return conflict("Identity matches two contacts")
	case len(byUser) == 0 && len(byAddress) > 0 && (userID == "" || byAddress[0].ExternalID == nil):
		target = byAddress
	}
	deleted := false
	if len(target) > 0 {
		if deleted, err = s.cfg.Ingest.Delete(r.ctx(), target[0].ID); err != nil {
			return err
		}
	}
	return reply(r, http.StatusOK, map[string]bool{"deleted": deleted})
}

// postContact is R-46.
func (s *Server) postContact(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	zone, p := o.timezone(), s.person(o, "externalId")
	if !o.found && p.UserID == "" && p.Email == "" {
		o.report("externalId", "externalId or email is required")
	}
	if err := o.err(); err != nil {
		return err
	}
	id, err := s.desk.CreateContact(r.ctx(), s.who(r), p, zone)
	if errors.Is(err, ingest.ErrExists) {
		return conflict("Contact already exists")
	}
	if err != nil {
		return err
	}
	return s.showContact(r, http.StatusCreated, id)
}

// mergeContacts is R-118.
func (s *Server) mergeContacts(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	var found [2]storedb.Contact
	for i, field := range []string{"into", "from"} {
		var reference string
		if o.read(field, "a string", &reference); reference == "" && !o.found {
			o.report(field, "must name a contact")
		}
		if o.found {
			continue
		}
		c, known, err := s.store.ContactFind(r.ctx(), reference)
		if err != nil {
			return err
		}
		if !known {
			return &refusal{status: http.StatusNotFound, text: "Contact not found", details: []detail{{Path: field, Message: "names nobody"}}}
		}
		found[i] = c
	}
	if err := o.err(); err != nil {
		return err
	}
	survivor, known, err := s.desk.MergeContacts(r.ctx(), s.who(r), found[0], found[1])
	switch {
	case errors.Is(err, ingest.ErrSame):
		return conflict("Both are the same contact")
	case err != nil:
		return err
	case !known:
		return notFound("Contact not found")
	}
	return s.showContact(r, http.StatusOK, survivor)
}

// showContact answers with a contact as it is now.
func (s *Server) showContact(r *request, status int, id uuid.UUID) error {
	c, known, err := s.store.ContactFind(r.ctx(), id.String())
	if err != nil {
		return err
	}
	if !known {
		return notFound("Contact not found")
	}
	replies, err := s.contactReplies(r.ctx(), []storedb.Contact{c})
	if err != nil {
		return err
	}
	return reply(r, status, struct {
		Contact contactReply `json:"contact"`
	}{replies[0]})
}

// getPreferences is R-52.
func (s *Server) getPreferences(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	row, ok, err := s.store.PreferenceFind(r.ctx(), c.Email, &c.ID)
	if err != nil {
		return err
	}
	if !ok {
		return notFound("No preferences found for this contact")
	}
	return reply(r, http.StatusOK, struct {
		Preferences *preferencesReply `json:"preferences"`
	}{preferencesOf(row, &c)})
}
