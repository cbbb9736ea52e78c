package studio

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

const (
	// mostFound is how many of a kind a search shows.
	mostFound = 8
	// shortestPart is the shortest part of an address or an id that is looked for.
	shortestPart = 3
	// longestSearch is how much of what is typed is looked for.
	longestSearch = 320
)

// find opens what the search box names, by whatever id it has; where that is several
// things, or a beginning, it lists them by kind (U-3).
func (s *Studio) find(r *request) error {
	q := cut(r.query("q"), longestSearch)
	if q == "" {
		return r.see("/studio/contacts")
	}
	if path, err := s.findExactly(r, q); err != nil {
		return err
	} else if path != "" {
		return r.see(path)
	}
	v := view.Found{Query: visible(q)}
	var err error
	if v.Groups, err = s.findParts(r, q); err != nil {
		return err
	}
	if len(v.Groups) == 1 && len(v.Groups[0].Items) == 1 {
		return r.see(v.Groups[0].Items[0].URL)
	}
	status := http.StatusOK
	if len(v.Groups) == 0 {
		status = http.StatusNotFound
		if v.Empty, err = s.foundNothing(r, q); err != nil {
			return err
		}
	}
	v.Frame = s.frame(r, "Search", "What is called “"+v.Query+"”")
	v.Find = v.Query
	return s.show(r, status, "found", v)
}

// findExactly is the page of the one thing that has this very id, name or address; "" of
// none.
func (s *Studio) findExactly(r *request, q string) (path string, err error) {
	if c, ok, err := s.cfg.Store.ContactFind(r.ctx(), q); err != nil {
		return "", err
	} else if ok {
		if id, err := uuid.Parse(q); err == nil && id != c.ID {
			return contactURL(c.ID) + "?done=merged", nil
		}
		return contactURL(c.ID), nil
	}
	if id, err := uuid.Parse(q); err == nil {
		return s.findID(r, id)
	}
	journeys, err := s.known(r.ctx())
	if err != nil {
		return "", err
	}
	if _, found := journeys[q]; found {
		return journeys.link(q).URL, nil
	}
	for i := range s.cfg.Registry.Buckets {
		if s.cfg.Registry.Buckets[i].ID == q {
			return bucketURL(q), nil
		}
	}
	err = s.read(r.ctx(), func(db *storedb.Queries) error {
		mails, err := db.FindMail(r.ctx(), &q)
		if err == nil && len(mails) > 0 {
			path = "/studio/mails/" + mails[0].String()
		}
		if err != nil || path != "" {
			return err
		}
		path, err = findWorkflow(r.ctx(), db, q)
		return err
	})
	return path, err
}

// findWorkflow is the page of what a workflow of Temporal runs.
func findWorkflow(ctx context.Context, db *storedb.Queries, workflowID string) (path string, err error) {
	parts := strings.Split(workflowID, "/")
	if len(parts) != 3 {
		return "", nil
	}
	id, err := uuid.Parse(parts[1]) // of journeys and of reactions alike
	if err != nil {
		return "", nil //nolint:nilerr // then it is no workflow of ours
	}
	rows, err := db.FindEnrollment(ctx, id, workflowID)
	if err == nil && len(rows) > 0 {
		path = enrollmentURL(rows[0])
	}
	return path, err
}

// findID is the page of what has a uuid; "" for nothing.
func (s *Studio) findID(r *request, id uuid.UUID) (path string, err error) {
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		mails, err := q.StudioMail(r.ctx(), id)
		if err == nil && len(mails) > 0 {
			path = "/studio/mails/" + id.String()
			return nil
		}
		if err != nil {
			return err
		}
		events, err := q.StudioEvent(r.ctx(), id)
		if err != nil {
			return err
		}
		if len(events) > 0 {
			path = "/studio/events/" + id.String()
			return nil
		}
		_, err = q.AdminStateGet(r.ctx(), id)
		if err == nil {
			path = enrollmentURL(id)
			return nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		campaigns, err := q.CampaignGet(r.ctx(), id)
		if err == nil && len(campaigns) > 0 && s.has("/studio/campaigns/"+id.String()) {
			path = "/studio/campaigns/" + id.String()
		}
		return err
	})
	return path, err
}

// has reports whether there is a page of this address.
func (s *Studio) has(path string) bool {
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	return pattern != "" && pattern != "/studio/"
}

// findParts are the things whose ids or names begin like this, and the people whose
// addresses or ids contain it.
func (s *Studio) findParts(r *request, q string) ([]view.FoundGroup, error) {
	journeys, err := s.cfg.Journeys(r.ctx())
	if err != nil {
		return nil, err
	}
	people := view.FoundGroup{Label: "Contacts"}
	events := view.FoundGroup{Label: "Events"}
	err = s.read(r.ctx(), func(db *storedb.Queries) error {
		if utf8.RuneCountInString(q) >= shortestPart {
			rows, err := db.AdminContactsList(r.ctx(), storedb.AdminContactsListParams{Pattern: store.SearchPattern(q), RowLimit: mostFound + 1, MaxBytes: 4 << 20})
			if err != nil {
				return err
			}
			for _, c := range rows {
				item := view.FoundItem{Link: contactLink(c)}
				if c.Email != nil && c.ExternalID != nil {
					item.Detail = visible(*c.ExternalID)
				}
				people.Items = append(people.Items, item)
			}
		}
		names, err := db.StudioEventNames(r.ctx())
		for _, name := range names {
			if beginsLike(name, q) {
				events.Items = append(events.Items, view.FoundItem{Link: view.Link{Text: visible(name), URL: "/studio/events?name=" + url.QueryEscape(name)}})
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	people.More = view.Link{Text: "All of them", URL: "/studio/contacts?search=" + url.QueryEscape(q)}
	groups := []view.FoundGroup{people, {Label: "Journeys"}, {Label: "Buckets"}, {Label: "Templates"}, {Label: "Lists"}, events}
	add := func(group int, id, name, to string) {
		if beginsLike(id, q) || beginsLike(name, q) {
			item := view.FoundItem{Link: view.Link{Text: id, URL: to}}
			if name != "" {
				item.Text, item.Detail = name, id
			}
			groups[group].Items = append(groups[group].Items, item)
		}
	}
	for _, j := range journeys {
		add(1, j.ID, j.Name, journeyURL(j.ID))
	}
	for i := range s.cfg.Registry.Buckets {
		b := &s.cfg.Registry.Buckets[i]
		add(2, b.ID, b.Name, bucketURL(b.ID))
	}
	for _, t := range s.cfg.Registry.Templates {
		add(3, t.Key, "", s.templateURL(t.Key))
	}
	for _, l := range s.cfg.Registry.Lists {
		add(4, l.ID, l.Name, "/studio/lists")
	}
	var found []view.FoundGroup
	for _, g := range groups {
		if len(g.Items) == 0 {
			continue
		}
		if len(g.Items) <= mostFound {
			g.More = view.Link{}
		}
		g.Items = g.Items[:min(len(g.Items), mostFound)]
		found = append(found, g)
	}
	return found, nil
}

// templateURL is the page of a template, or the mails that were made of it.
func (s *Studio) templateURL(key string) string {
	if path := "/studio/templates/" + key; s.has(path) {
		return path
	}
	return "/studio/mails?template=" + url.QueryEscape(key)
}

// beginsLike reports whether a name, or one of its words, begins like what is typed.
func beginsLike(name, q string) bool {
	name, q = strings.ToLower(name), strings.ToLower(q)
	for {
		if strings.HasPrefix(name, q) {
			return true
		}
		at := strings.IndexAny(name, " -_.:/")
		if at < 0 {
			return false
		}
		name = name[at+1:]
	}
}

// foundNothing says so, and whether that is because a contact was deleted.
func (s *Studio) foundNothing(r *request, q string) (*view.Empty, error) {
	empty := &view.Empty{
		Title: "Nothing is called “" + visible(q) + "”", Next: view.Link{Text: "Look through all contacts", URL: "/studio/contacts"},
		Text: "Looked for in addresses and ids of people, ids of mails, events and enrollments, and the beginnings of names of journeys, buckets, templates, lists and events.",
	}
	err := s.read(r.ctx(), func(db *storedb.Queries) error {
		var id *uuid.UUID
		if parsed, err := uuid.Parse(q); err == nil {
			id = &parsed
		}
		gone, err := db.FindDeleted(r.ctx(), id, &q)
		if err == nil && len(gone) > 0 {
			empty.Title, empty.Text = "This contact was deleted", "It was deleted on "+s.moment(r, *gone[0]).Text+". What it did is still kept with its events."
		}
		return err
	})
	return empty, err
}
