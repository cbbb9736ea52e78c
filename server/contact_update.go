package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// updateContact is R-48 for the time zone and the properties: what is written is
// checked before the database is asked anything (S-6). The keys of a contact come
// with its events; a change of them is refused here.
func (s *Server) updateContact(r *request) error {
	reference, err := param(r, "contact")
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	writes, zone := o.timezone()
	properties := o.properties()
	for _, key := range []string{"externalId", "email"} {
		if _, given := o.fields[key]; given && (o.given(key) || key == "email" && string(o.fields[key]) == "null") {
			o.report(key, "cannot be changed by this route")
		}
	}
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
	if writes || len(properties) > 0 {
		var also []ingest.Write
		if writes {
			also = append(also, func(q *storedb.Queries) error { return q.ContactTimezoneSet(r.ctx(), zone, c.ID) })
		}
		found, err := s.cfg.Ingest.Update(r.ctx(), c.ID, properties, also...)
		if err != nil {
			return err
		}
		if !found {
			return notFound("Contact not found")
		}
	}
	if c, known, err = s.store.ContactFind(r.ctx(), c.ID.String()); err != nil {
		return err
	} else if !known {
		return notFound("Contact not found")
	}
	replies, err := s.contactReplies(r.ctx(), []storedb.Contact{c})
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Contact contactReply `json:"contact"`
	}{replies[0]})
}

// deleteContact is R-49: softly, what the contact does later revives it.
func (s *Server) deleteContact(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	found, err := s.cfg.Ingest.Delete(r.ctx(), c.ID)
	if err != nil {
		return err
	}
	if !found {
		return notFound("Contact not found")
	}
	return reply(r, http.StatusOK, map[string]bool{"deleted": true})
}

// timezone reads a zone to write; null clears it (S-6).
func (o *object) timezone() (given bool, zone *string) {
	if string(o.fields["timezone"]) == "null" {
		return true, nil
	}
	var name string
	if !o.read("timezone", "a string", &name) {
		return false, nil
	}
	if _, err := hogsend.LoadZone(name); err != nil {
		o.report("timezone", "must be the name of a time zone such as Europe/Berlin")
		return false, nil
	}
	name = strings.TrimSpace(name)
	return true, &name
}

// properties reads a patch of contact properties; null deletes one (H-6).
func (o *object) properties() map[string]json.RawMessage {
	var patch map[string]json.RawMessage
	if !o.read("properties", "an object", &patch) {
		return nil
	}
	// The rules are those of properties that come with an event (I-13).
	event := ingest.Event{Name: "update", UserID: "contact", ContactProperties: patch}
	for _, p := range event.Validate() {
		_, key, _ := strings.Cut(p.Path, ".")
		o.report(strings.TrimSuffix("properties."+key, "."), p.Message)
	}
	return patch
}
