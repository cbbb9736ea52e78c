package studio

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// contactOfPath reads the contact that the path names, for what is done to it.
func (s *Studio) contactOfPath(r *request) (storedb.Contact, error) {
	id, err := pathID(r)
	if err != nil {
		return storedb.Contact{}, err
	}
	c, ok, err := s.cfg.Store.ContactFind(r.ctx(), id.String())
	if err == nil && !ok {
		err = lost("Nobody has this id, or the contact was deleted.")
	}
	return c, err
}

// contactButtons are what can be done to a person, by who may.
func (s *Studio) contactButtons(r *request, c storedb.Contact, v *view.Contact) {
	base := contactURL(c.ID)
	if c.Email != nil {
		v.Mail = r.button("Send no more mail…", base+"/mail?to=off", users.Operator)
		if v.Unsubscribed {
			v.Mail = r.button("Send mail again…", base+"/mail?to=on", users.Admin)
		}
	}
	v.Delete = r.button("Delete…", base+"/delete", users.Admin)
	v.Edit, v.Erase = r.button("Change…", base+"/edit", users.Admin), r.button("Erase…", base+"/erase", users.Admin)
	if may(users.Role(r.session.User.Role), users.Admin) {
		v.Merge = base + "/merge"
	}
}

// confirmMail asks before somebody is opted out of everything, or in again: an
// operator may only make it stricter (U-52).
func (s *Studio) confirmMail(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	v := view.Confirm{Action: contactURL(c.ID) + "/mail", Back: contactURL(c.ID), Reason: true, Verb: "Send no more mail", Hidden: []view.Field{{Name: "to", Value: "off"}}, Points: []string{
		"They are unsubscribed from everything: only receipts and the like go to them.", "Journeys go on; their mails are left out.",
	}}
	if r.query("to") == "on" {
		v.Verb, v.Hidden[0].Value = "Send mail again", "on"
		v.Points = []string{"Only if they asked for it.", "Lists that they left stay left, and a blocked address stays blocked."}
	}
	v.Frame = s.frame(r, "Mail", v.Verb+" to "+nameOf(c)+"?")
	return s.show(r, http.StatusOK, "confirm", v)
}

func (s *Studio) setMail(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	to := r.PostFormValue("to")
	switch {
	case to != "on" && to != "off":
		return &problem{status: http.StatusUnprocessableEntity, heading: "On or off?", text: "The form did not say which. Nothing was done."}
	case to == "on" && !may(users.Role(r.session.User.Role), users.Admin):
		return &problem{status: http.StatusForbidden, heading: "Not for your role", text: "Only an admin lets mail go to somebody again."}
	case c.Email == nil:
		return conflict("There is no address", "Nobody can write to this person. Nothing was done.", contactURL(c.ID))
	}
	note, err := reason(r)
	if err != nil {
		return err
	}
	off := to == "off"
	if _, _, err := s.cfg.Desk.Choose(r.ctx(), s.actor(r), operate.PreferencesUpdate, store.PreferenceChange{Email: *c.Email, Contact: &c.ID, UnsubscribedAll: &off}, note); err != nil {
		return err
	}
	return r.see(contactURL(c.ID) + "?done=mail-" + to)
}

func (s *Studio) confirmDelete(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Delete", "Delete "+nameOf(c)+"?"), Action: contactURL(c.ID) + "/delete", Back: contactURL(c.ID), Verb: "Delete the contact", Typed: short(c.ID), Points: []string{
			"All that they are in ends now, and nothing more is sent to them.", "What is stored of them stays until it is erased; an event of theirs brings them back.",
		},
	})
}

func (s *Studio) deleteContact(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	if err := typed(r, short(c.ID)); err != nil {
		return err
	}
	found, err := s.cfg.Desk.DeleteContact(r.ctx(), s.actor(r), c)
	if err != nil {
		return err
	}
	if !found {
		return lost("The contact was deleted meanwhile.")
	}
	return r.see("/studio/contacts?done=deleted")
}

// enrollable is the journey that a form names, if a person can be sent into it (J-23).
func (s *Studio) enrollable(r *request, id string) (hogsend.Journey, error) {
	journeys, err := s.known(r.ctx())
	if err != nil {
		return hogsend.Journey{}, err
	}
	j, known := journeys[id]
	if !known || ofBucket(j) {
		return j, &problem{status: http.StatusUnprocessableEntity, heading: "Nobody can be sent into it", text: "Choose a journey that an event of the product begins. Nothing was done."}
	}
	return j, nil
}

func (s *Studio) confirmEnroll(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	j, err := s.enrollable(r, r.query("journey"))
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Enroll", "Send "+nameOf(c)+" into "+nameOfJourney(j)+"?"), Action: contactURL(c.ID) + "/enroll", Back: contactURL(c.ID), Verb: "Send into " + nameOfJourney(j),
		Hidden: []view.Field{{Name: "journey", Value: j.ID}}, Points: []string{
			"An event " + j.Trigger.Event + " is stored for this person, as if the product had sent it.", "Other journeys and buckets that listen to it see it too.", "The journey's own rules decide whether they get in; the answer is shown.",
		},
	})
}

// enroll stores the trigger of a journey for one person, and leads to the answer.
func (s *Studio) enroll(r *request) error {
	c, err := s.contactOfPath(r)
	if err != nil {
		return err
	}
	j, err := s.enrollable(r, r.PostFormValue("journey"))
	if err != nil {
		return err
	}
	event := ingest.Event{Name: j.Trigger.Event, Properties: json.RawMessage("{}"), UserID: textOf(c.ExternalID)}
	switch {
	case event.UserID != "":
	case c.AnonymousID != nil:
		event.AnonymousID = *c.AnonymousID
	default:
		event.Email = textOf(c.Email)
	}
	if _, err := s.cfg.Desk.Enroll(r.ctx(), s.actor(r), j, event); err != nil {
		return err
	}
	return r.see(contactURL(c.ID) + "?" + url.Values{"about": {"journey:" + j.ID}}.Encode() + "#answer")
}

// ofBucket reports whether a journey begins by an event of hogsend's own.
func ofBucket(j hogsend.Journey) bool { return check.Reserved(j.Trigger.Event) }

// enrollments are the journeys that a person can be sent into.
func enrollments(journeys known) []view.Choice {
	var out []view.Choice
	for _, id := range sorted(journeys) {
		if j := journeys[id]; id == j.ID && !ofBucket(j) {
			out = append(out, view.Choice{Value: id, Label: nameOfJourney(j)})
		}
	}
	return out
}
