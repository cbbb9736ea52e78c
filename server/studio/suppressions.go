package studio

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// suppressionsPage is U-32: addresses that get no mail, and why.
func (s *Studio) suppressionsPage(r *request) (view.Suppressions, error) {
	v := view.Suppressions{Search: r.query("search"), MayAdd: may(users.Role(r.session.User.Role), users.Operator)}
	kind := r.query("which")
	for _, seg := range [][2]string{{"", "All"}, {"blocked", "Blocked"}, {"unsubscribed", "Unsubscribed"}, {"bounced", "Came back"}} {
		q := url.Values{}
		if seg[0] != "" {
			q.Set("which", seg[0])
		}
		v.Segments = append(v.Segments, view.Segment{Label: seg[1], URL: withQuery("/studio/suppressions", q), Here: seg[0] == kind})
	}
	p := storedb.StudioSuppressionsParams{Kind: kind, Search: v.Search, Before: farAhead(), AfterID: uuid.Nil, RowLimit: pageRows + 1}
	if at, id, found := cursor(r.query("before")); found {
		p.Before, p.AfterID = at, id
	}
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioSuppressions(r.ctx(), p)
		if err != nil {
			return err
		}
		if len(rows) > pageRows {
			rows = rows[:pageRows]
			last := rows[pageRows-1]
			next := url.Values{"before": {cursorOf(last.UpdatedAt, last.ID)}}
			for name, value := range map[string]string{"which": kind, "search": v.Search} {
				if value != "" {
					next.Set(name, value)
				}
			}
			v.Pager.Older = withQuery("/studio/suppressions", next)
		}
		for _, row := range rows {
			v.Rows = append(v.Rows, s.suppressionRow(r, row))
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "No address is blocked", Text: "Addresses come here when mail to them comes back for good, when they report spam or unsubscribe, and by hand."}
		if v.Search != "" || kind != "" {
			v.Empty = &view.Empty{Title: "No address like this", Text: "Nothing here fits what you asked for.", Next: view.Link{Text: "Show all", URL: "/studio/suppressions"}}
		}
	}
	v.Frame = s.frame(r, "Suppressions", "Suppressions")
	return v, nil
}

func (s *Studio) suppressionRow(r *request, p storedb.Preference) view.SuppressionRow {
	row := view.SuppressionRow{Address: view.Link{Text: visible(p.Email)}, Bounces: int64(p.BounceCount), At: s.moment(r, p.UpdatedAt)}
	if p.ContactID != nil {
		row.Address.URL = contactURL(*p.ContactID)
	}
	if p.Suppressed {
		row.States = append(row.States, bad("blocked: "+textOf(p.SuppressionReason)))
		row.Lift = r.button("Lift…", "/studio/suppressions/"+p.ID.String()+"/lift", users.Admin)
	}
	if p.UnsubscribedAll {
		row.States = append(row.States, policy("unsubscribed"))
	}
	return row
}

func (s *Studio) listSuppressions(r *request) error {
	v, err := s.suppressionsPage(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "suppressions", v)
}

// suppress blocks an address by hand.
func (s *Studio) suppress(r *request) error {
	email := address.Trim(clean(r.PostFormValue("email")))
	note, err := reason(r)
	if err != nil {
		return err
	}
	if address.Key(email) == "" {
		v, err := s.suppressionsPage(r)
		if err != nil {
			return err
		}
		v.Email, v.Problem = visible(email), view.Problem{Field: "email", Text: "This is no e-mail address."}
		return s.show(r, http.StatusUnprocessableEntity, "suppressions", v)
	}
	on := true
	if _, _, err := s.cfg.Desk.Choose(r.ctx(), s.actor(r), operate.Suppress, store.PreferenceChange{Email: email, Suppressed: &on, Reason: "manual"}, note); err != nil {
		return err
	}
	return r.see("/studio/suppressions?done=blocked")
}

// suppression is the record that the path names.
func (s *Studio) suppression(r *request) (p storedb.Preference, err error) {
	id, err := pathID(r)
	if err != nil {
		return p, err
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioSuppression(r.ctx(), id)
		if err == nil && len(rows) == 0 {
			return lost("No address has this record.")
		}
		if err == nil {
			p = rows[0]
		}
		return err
	})
	return p, err
}

func (s *Studio) confirmLift(r *request) error {
	p, err := s.suppression(r)
	if err != nil {
		return err
	}
	v := view.Confirm{
		Frame: s.frame(r, "Lift", "Lift the block of "+visible(p.Email)+"?"), Action: "/studio/suppressions/" + p.ID.String() + "/lift", Back: "/studio/suppressions", Verb: "Lift the block",
		Hidden: []view.Field{{Name: "updated", Value: stamp(p.UpdatedAt)}}, Points: []string{"The next mail to it goes out.", "If it comes back for good, the address is blocked again."},
	}
	if p.UnsubscribedAll {
		v.Choices = []view.Choice{
			{Value: "keep", Label: "Keep that they unsubscribed", Hint: "Only receipts and the like go to them.", On: true},
			{Value: "both", Label: "Lift “unsubscribed from everything” too", Hint: "Only if they asked for mails again."},
		}
	}
	return s.show(r, http.StatusOK, "confirm", v)
}

// lift takes a suppression away: nothing but an operator does (E-66).
func (s *Studio) lift(r *request) error {
	p, err := s.suppression(r)
	if err != nil {
		return err
	}
	if err := s.unmoved(r, p.UpdatedAt); err != nil {
		return err
	}
	off := false
	change := store.PreferenceChange{ID: &p.ID, Suppressed: &off}
	if r.PostFormValue("choice") == "both" {
		change.UnsubscribedAll = &off
	}
	if _, _, err := s.cfg.Desk.Choose(r.ctx(), s.actor(r), operate.Lift, change, ""); errors.Is(err, store.ErrNotFound) {
		return lost("No address has this record any more.")
	} else if err != nil {
		return err
	}
	return r.see("/studio/suppressions?done=lifted")
}
