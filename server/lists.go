package server

import (
	"net/http"
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// listReply is a list as R-7 shows it.
type listReply struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Description  string           `json:"description,omitempty"`
	DefaultOptIn bool             `json:"defaultOptIn"`
	Kind         hogsend.ListKind `json:"kind"`
}

// getLists is R-7: the lists in the order of their definition.
func (s *Server) getLists(r *request) error {
	lists := []listReply{}
	for _, l := range s.cfg.Registry.Lists {
		one := listReply{l.ID, l.Name, l.Description, l.DefaultOptIn, l.Kind}
		if one.Kind == "" {
			one.Kind = hogsend.Topic
		}
		lists = append(lists, one)
	}
	return reply(r, http.StatusOK, map[string]any{"lists": lists})
}

// subscribe is R-8.
func (s *Server) subscribe(r *request) error { return s.setList(r, true) }

// unsubscribeList is R-9.
func (s *Server) unsubscribeList(r *request) error { return s.setList(r, false) }

// chosen is the reply of.
type chosen struct {
	List       string `json:"list"`
	Subscribed bool   `json:"subscribed"`
}

// setList writes the choice about one list. It clears neither an opt-out from everything
// nor a suppression (E-59).
func (s *Server) setList(r *request, on bool) error {
	id, err := param(r, "id")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(s.cfg.Registry.Lists, func(l hogsend.List) bool { return l.ID == id }) {
		return notFound("List not found")
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	var userID, mail string
	o.read("userId", "a string", &userID)
	o.read("email", "a string", &mail)
	o.person("userId", userID, s.cfg.JunkIDs)
	if mail = address.Trim(mail); mail != "" && address.Key(mail) == "" {
		o.report("email", "must be an e-mail address")
	}
	if err := o.err(); err != nil {
		return err
	}
	if userID == "" && mail == "" {
		return invalidText(check.IdentityMessage)
	}
	for _, problem := range ingest.Validate(&ingest.Event{Name: "update", UserID: userID, Email: mail}) {
		o.report(problem.Path, problem.Message)
	}
	if err := o.err(); err != nil {
		return err
	}
	change := store.PreferenceChange{Email: mail, Categories: map[string]bool{id: on}}
	contact, known, err := s.whom(r, userID, mail)
	switch {
	case err != nil:
		return err
	case !known: // whom nobody knew yet is made, as by an event
		if _, err := s.cfg.Ingest.Upsert(r.ctx(), ingest.Person{UserID: userID, Email: mail, Lists: change.Categories}); err != nil {
			return err
		}
		return reply(r, http.StatusOK, chosen{id, on})
	default:
		change.Contact = &contact.ID
		if mail == "" {
			mail = addressOf(contact)
			change.Email = mail
		}
	}
	if change.Email == "" {
		return invalid(detail{Path: "userId", Message: "the contact has no e-mail address"})
	}
	if _, _, err := s.cfg.Ingest.Choose(r.ctx(), ingest.Choice{PreferenceChange: change, Via: "api"}); err != nil {
		return err
	}
	return reply(r, http.StatusOK, chosen{id, on})
}

func addressOf(c storedb.Contact) string {
	if c.Email == nil || address.Key(*c.Email) == "" {
		return ""
	}
	return *c.Email
}
