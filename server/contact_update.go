package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/operate"
)

// updateContact is R-48. What is written is checked before the database is asked
// anything (S-6); a key of another identified contact is refused (I-62).
func (s *Server) updateContact(r *request) error {
	reference, err := param(r, "contact")
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	zone := o.timezone()
	change := o.change()
	o.person("externalId", change.ExternalID, s.cfg.JunkIDs)
	if err := o.err(); err != nil {
		return err
	}
	c, known, err := s.store.ContactFind(r.ctx(), reference)
	if err != nil {
		return err
	}
	if !known {
		return notFound("Contact not found")
	}
	found, err := s.desk.UpdateContact(r.ctx(), s.who(r), c, change, zone)
	var other *ingest.TakenError
	switch {
	case errors.As(err, &other):
		return taken(other)
	case err != nil:
		return err
	case !found:
		return notFound("Contact not found")
	}
	return s.showContact(r, http.StatusOK, c.ID)
}

// deleteContact is R-49: softly, what the contact does later revives it.
func (s *Server) deleteContact(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	found, err := s.desk.DeleteContact(r.ctx(), s.who(r), c)
	if err != nil {
		return err
	}
	if !found {
		return notFound("Contact not found")
	}
	return reply(r, http.StatusOK, map[string]bool{"deleted": true})
}

// timezone reads a zone to write; null clears it (S-6).
func (o *object) timezone() *operate.ZoneChange {
	if string(o.fields["timezone"]) == "null" {
		return &operate.ZoneChange{}
	}
	var name string
	if !o.read("timezone", "a string", &name) {
		return nil
	}
	if _, err := hogsend.LoadZone(name); err != nil {
		o.report("timezone", "must be the name of a time zone such as Europe/Berlin")
		return nil
	}
	name = strings.TrimSpace(name)
	return &operate.ZoneChange{Zone: &name}
}

// change reads keys and a patch of properties; null takes an address away and deletes
// a property (H-6).
func (o *object) change() ingest.Change {
	c := ingest.Change{NoEmail: string(o.fields["email"]) == "null"}
	o.read("externalId", "a string", &c.ExternalID)
	o.read("email", "a string", &c.Email)
	o.read("properties", "an object", &c.Properties)
	// The rules are those of what comes with an event (I-13), which needs a contact.
	event := ingest.Event{Name: "update", AnonymousID: "contact", UserID: c.ExternalID, Email: c.Email, ContactProperties: c.Properties}
	for _, p := range ingest.Validate(&event) {
		o.report(renamed(p.Path, map[string]string{"userId": "externalId", "contactProperties": "properties"}), p.Message)
	}
	return c
}

// renamed gives a path of an event the names that a route has for its fields.
func renamed(path string, names map[string]string) string {
	field, key, _ := strings.Cut(path, ".")
	if name := names[field]; name != "" {
		field = name
	}
	return strings.TrimSuffix(field+"."+key, ".")
}
