package studio

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// maxEdit bounds the form of a contact, which has the properties as they were and as they are
// to be.
const maxEdit = 1 << 20

// editContact is the form of who somebody is.
func (s *Studio) editContact(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	properties := indented(c.Properties)
	return s.show(r, http.StatusOK, "contact_edit", s.editPage(r, c, view.ContactEdit{UserID: textOf(c.ExternalID), Email: textOf(c.Email), Zone: textOf(c.Timezone), Properties: properties, Before: properties}))
}

func (s *Studio) editPage(r *request, c storedb.Contact, v view.ContactEdit) view.ContactEdit {
	v.Action, v.Back = contactURL(c.ID)+"/edit", contactURL(c.ID)
	v.Frame = s.frame(r, "Edit", "Change "+nameOf(c))
	return v
}

// saveContact writes what the form changed, compared with what it showed: what somebody else
// wrote meanwhile stays.
func (s *Studio) saveContact(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	v := view.ContactEdit{
		UserID: clean(r.PostFormValue("user")), Email: clean(r.PostFormValue("email")), Zone: clean(r.PostFormValue("zone")), Properties: r.PostFormValue("properties"), Before: r.PostFormValue("before"),
	}
	change, zone, wrong := changeOf(c, v)
	if wrong.Text == "" {
		var found bool
		found, err = s.cfg.Desk.UpdateContact(r.ctx(), s.actor(r), c, change, zone)
		var taken *ingest.TakenError
		switch {
		case errors.As(err, &taken):
			wrong = view.Problem{Field: "user", Text: "Somebody else has this id or address: " + visible(taken.Error())}
		case err != nil:
			return err
		case !found:
			return lost("The contact was deleted meanwhile.")
		default:
			return r.see(contactURL(c.ID) + "?done=saved")
		}
	}
	v.Problem = wrong
	return s.show(r, http.StatusUnprocessableEntity, "contact_edit", s.editPage(r, c, v))
}

// changeOf is what a form asks for, and what is wrong with it.
func changeOf(c storedb.Contact, v view.ContactEdit) (change ingest.Change, zone *operate.ZoneChange, wrong view.Problem) {
	before, after := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal([]byte(v.Before), &before) != nil {
		before = map[string]json.RawMessage{}
	}
	if json.Unmarshal([]byte(v.Properties), &after) != nil || after == nil {
		return change, nil, view.Problem{Field: "properties", Text: "They have to be a JSON object."}
	}
	change.Properties = map[string]json.RawMessage{}
	for name, value := range after {
		if string(before[name]) != string(value) {
			change.Properties[name] = value
		}
	}
	for name := range before {
		if _, kept := after[name]; !kept {
			change.Properties[name] = json.RawMessage("null")
		}
	}
	if v.UserID != textOf(c.ExternalID) {
		if change.ExternalID = v.UserID; v.UserID == "" {
			return change, nil, view.Problem{Field: "user", Text: "An id cannot be taken away."}
		}
	}
	switch mail := address.Trim(v.Email); {
	case mail == textOf(c.Email):
	case mail == "":
		change.NoEmail = true
	default:
		change.Email = mail
	}
	if v.Zone != textOf(c.Timezone) {
		zone = &operate.ZoneChange{}
		if v.Zone != "" {
			if _, err := hogsend.LoadZone(v.Zone); err != nil {
				return change, nil, view.Problem{Field: "zone", Text: "It has to be the name of a time zone such as Europe/Berlin."}
			}
			zone.Zone = &v.Zone
		}
	}
	// The rules are those of what comes with an event (I-13), which needs a contact.
	event := ingest.Event{Name: "update", AnonymousID: "contact", UserID: change.ExternalID, Email: change.Email, ContactProperties: change.Properties}
	for _, p := range ingest.Validate(&event) {
		field, _, _ := strings.Cut(p.Path, ".")
		return change, nil, view.Problem{Field: map[string]string{"userId": "user", "email": "email"}[field], Text: visible(p.Path) + " " + visible(p.Message)}
	}
	return change, zone, wrong
}

// confirmMerge asks before two contacts become one, which cannot be undone.
func (s *Studio) confirmMerge(r *request) error {
	c, other, err := s.both(r, r.query("with"))
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Merge", "Make one of "+nameOf(c)+" and "+nameOf(other)+"?"), Action: contactURL(c.ID) + "/merge", Back: contactURL(c.ID), Verb: "Merge them", Typed: short(other.ID),
		Hidden: []view.Field{{Name: "with", Value: other.ID.String()}}, Password: !r.session.Proved(s.cfg.Now()), Points: []string{
			"The one with a user id stays; if both have one, the one that was made earlier.", "All that both did, got and chose is one person's from then on, and all their ids lead to them.", "It cannot be undone.",
		},
	})
}

// both are the contact of the path and another one that somebody names.
func (s *Studio) both(r *request, with string) (c, other storedb.Contact, err error) {
	if c, err = s.contactOfPath(r); err != nil {
		return c, other, err
	}
	other, known, err := s.cfg.Store.ContactFind(r.ctx(), with)
	switch {
	case err != nil:
		return c, other, err
	case with == "" || !known:
		return c, other, &problem{status: http.StatusUnprocessableEntity, heading: "Nobody is called so", text: "Name the other one by a user id, an address, an anonymous id or hogsend's id. Nothing was done.", next: [2]string{"Look at the contact", contactURL(c.ID)}}
	case other.ID == c.ID:
		return c, other, conflict("Both are the same", "That leads to this very contact. Nothing was done.", contactURL(c.ID))
	}
	return c, other, nil
}

func (s *Studio) mergeContact(r *request) error {
	c, other, err := s.both(r, clean(r.PostFormValue("with")))
	if err != nil {
		return err
	}
	if err := typed(r, short(other.ID)); err != nil {
		return err
	}
	if !r.session.Proved(s.cfg.Now()) {
		if err := s.prove(r); err != nil {
			return err
		}
	}
	survivor, found, err := s.cfg.Desk.MergeContacts(r.ctx(), s.actor(r), c, other)
	switch {
	case errors.Is(err, ingest.ErrSame):
		return conflict("Both are the same", "They were merged meanwhile. Nothing was done.", contactURL(c.ID))
	case err != nil:
		return err
	case !found:
		return lost("One of them was deleted meanwhile.")
	}
	return r.see(contactURL(survivor) + "?done=merged")
}

// confirmErase asks before somebody is forgotten.
func (s *Studio) confirmErase(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Erase", "Erase "+nameOf(c)+"?"), Action: contactURL(c.ID) + "/erase", Back: contactURL(c.ID), Verb: "Erase for good", Typed: short(c.ID), Reason: true, Password: !r.session.Proved(s.cfg.Now()), Points: []string{
			"All that is stored of this person goes: events, properties, mails, stays. What they are in ends now.", "A blocked address stays blocked, as a hash alone.", "What is left is a certificate. It cannot be undone.",
		},
	})
}

func (s *Studio) eraseContact(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	if err := typed(r, short(c.ID)); err != nil {
		return err
	}
	note, err := reason(r)
	if err != nil {
		return err
	}
	if !r.session.Proved(s.cfg.Now()) {
		if err := s.prove(r); err != nil {
			return err
		}
	}
	done, found, err := s.cfg.Desk.EraseContact(r.ctx(), s.actor(r), c, note)
	if err != nil {
		return err
	}
	if !found {
		return lost("The contact was erased meanwhile.")
	}
	return r.see(erasureURL(done.ID))
}

// confirmAgain asks before a stored event runs again.
func (s *Studio) confirmAgain(r *request) error {
	e, err := s.eventOfPath(r)
	if err != nil {
		return err
	}
	base := "/studio/events/" + e.ID.String()
	if ingest.Internal(e.Name) {
		return conflict("It is hogsend's own", "What hogsend tells itself is not run again. Nothing was done.", base)
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Run again", "Run "+visible(e.Name)+" again?"), Action: base + "/again", Back: base, Verb: "Run it again", Points: []string{
			"Journeys, exits, waits and buckets see it once more, as of now.", "It enrolls nobody where it enrolled before, and is not stored twice.",
		},
	})
}

func (s *Studio) eventOfPath(r *request) (e storedb.Event, err error) {
	id, err := pathID(r)
	if err != nil {
		return e, err
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioEvent(r.ctx(), id)
		if err == nil && len(rows) == 0 {
			err = lost("No event has this id, or it is no longer kept.")
		}
		if err == nil {
			e = rows[0].Event
		}
		return err
	})
	return e, err
}

func (s *Studio) runAgain(r *request) error {
	e, err := s.eventOfPath(r)
	if err != nil {
		return err
	}
	base := "/studio/events/" + e.ID.String()
	out, err := s.cfg.Desk.ReplayEvents(r.ctx(), s.actor(r), []storedb.Event{e})
	switch {
	case err != nil:
		return err
	case len(out.Failed) > 0:
		return conflict("It could not be run", visible(out.Failed[0].Err.Error()), base)
	case out.Replayed == 0:
		return conflict("It is hogsend's own", "What hogsend tells itself is not run again. Nothing was done.", base)
	}
	return r.see(withQuery(base, url.Values{"done": {"again"}}))
}
