package server

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// showPreferences is R-27. Looking changes nothing (E-55).
func (s *Server) showPreferences(r *request) error {
	b, ok, err := s.holder(r, nil)
	if err != nil {
		return err
	}
	if !ok {
		return s.invalidLink(r)
	}
	return s.preferencePage(r, b.record, r.QueryParam("token"), "")
}

// preferencePage shows a row for the mails of journeys, for each list, for each other
// category with an entry, and for everything (E-58).
func (s *Server) preferencePage(r *request, record storedb.Preference, token, notice string) error {
	categories, err := categoriesOf(record)
	if err != nil {
		return err
	}
	t := s.texts
	v := s.view(t.PreferencesTitle, "")
	v.Text, v.Notice = v.words(t.PreferencesIntro, masked(record.Email), ""), notice
	v.Action, v.Button = "/v1/email/preferences?token="+url.QueryEscape(token), t.Save
	on := func(category string, otherwise bool) bool {
		chosen, given := categories[category]
		return !record.UnsubscribedAll && (chosen || !given && otherwise)
	}
	v.Rows = append(v.Rows, pageRow{Name: "category." + journeyCategory, Label: t.JourneyEmail, On: on(journeyCategory, true)})
	for _, l := range s.cfg.Registry.Lists {
		v.Rows = append(v.Rows, pageRow{Name: "category." + l.ID, Label: l.Name, Hint: l.Description, On: on(l.ID, l.DefaultOptIn)})
	}
	for _, id := range slices.Sorted(maps.Keys(categories)) {
		if id != email.CategoryTransactional && !slices.Contains(s.declared(), id) {
			v.Rows = append(v.Rows, pageRow{Name: "category." + id, Label: id, On: on(id, true)})
		}
	}
	v.Rows = append(v.Rows, pageRow{Name: "all", Label: t.AllEmail, Hint: t.AllEmailHint, On: !record.UnsubscribedAll, All: true})
	return s.show(r, http.StatusOK, v)
}

// savePreferences is R-28: what the form does not name stays, what is no row is ignored.
func (s *Server) savePreferences(r *request) error {
	fields, err := form(r)
	if err != nil {
		return err
	}
	b, ok, err := s.holder(r, fields)
	if err != nil {
		return err
	}
	if !ok {
		return s.invalidLink(r)
	}
	categories, err := categoriesOf(b.record)
	if err != nil {
		return err
	}
	c := ingest.Choice{PreferenceChange: store.PreferenceChange{ID: &b.record.ID}, Via: "page", SendID: sendOf(b.token)}
	if all, given := choiceOf(fields, "all"); given {
		off := !all
		c.UnsubscribedAll = &off
	}
	offered := s.declared()
	for id := range categories {
		if id != email.CategoryTransactional {
			offered = append(offered, id)
		}
	}
	// While everything is off and stays so, each row shows as off: that says nothing about
	// the choices beneath.
	shownOff := b.record.UnsubscribedAll && c.UnsubscribedAll != nil && *c.UnsubscribedAll
	for _, id := range offered {
		if on, given := choiceOf(fields, "category."+id); given && (on || !shownOff) {
			if c.Categories == nil {
				c.Categories = map[string]bool{}
			}
			c.Categories[id] = on
		}
	}
	_, after, err := s.cfg.Ingest.Choose(r.ctx(), c)
	if err != nil {
		return err
	}
	token := r.QueryParam("token")
	if token == "" {
		token = fields.Get("token")
	}
	return s.preferencePage(r, after, token, s.texts.Saved)
}

// choiceOf reads a checkbox: with its hidden field before it, the last value counts.
func choiceOf(fields url.Values, name string) (on, given bool) {
	values := fields[name]
	if len(values) == 0 {
		return false, false
	}
	switch values[len(values)-1] {
	case "on":
		return true, true
	case "off":
		return false, true
	}
	return false, false
}
