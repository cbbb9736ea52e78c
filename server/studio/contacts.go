package studio

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// home leads to the first page there is.
// find opens what the search box names: a person, a mail, an event, a journey, by whatever
// id they have (U-3).
func (s *Studio) find(r *request) error {
	q := r.query("q")
	if q == "" {
		return r.see("/studio/contacts")
	}
	if c, ok, err := s.cfg.Store.ContactFind(r.ctx(), q); err != nil {
		return err
	} else if ok {
		return r.see(contactURL(c.ID))
	}
	if id, err := uuid.Parse(q); err == nil {
		path, err := s.findID(r, id)
		if err != nil {
			return err
		}
		if path != "" {
			return r.see(path)
		}
	}
	journeys, err := s.cfg.Journeys(r.ctx())
	if err != nil {
		return err
	}
	for _, j := range journeys {
		if j.ID == q || j.Name == q {
			return r.see(journeyURL(j.ID))
		}
	}
	for i := range s.cfg.Registry.Buckets {
		if b := &s.cfg.Registry.Buckets[i]; b.ID == q || b.Name == q {
			return r.see(bucketURL(b.ID))
		}
	}
	for _, t := range s.cfg.Registry.Templates {
		if t.Key == q {
			return r.see("/studio/mails?template=" + url.QueryEscape(q))
		}
	}
	return r.see("/studio/contacts?search=" + url.QueryEscape(q))
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
		switch _, err := q.AdminStateGet(r.ctx(), id); {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		default:
			path = enrollmentURL(id)
		}
		return nil
	})
	return path, err
}

// listContacts is U-19: who was active last, who came last, or who a search finds.
func (s *Studio) listContacts(r *request) error {
	v := view.Contacts{Order: "recent", Search: r.query("search")}
	if r.query("order") == "newest" {
		v.Order = "newest"
	}
	before := uuid.Max
	if id, err := uuid.Parse(r.query("before")); err == nil {
		before = id
	}
	var contacts []storedb.Contact
	var next uuid.UUID
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		switch {
		case v.Search != "":
			v.Order = ""
			contacts, err = q.AdminContactsList(r.ctx(), storedb.AdminContactsListParams{Pattern: store.SearchPattern(v.Search), RowLimit: pageRows, MaxBytes: 4 << 20})
		case v.Order == "newest":
			contacts, err = q.StudioNewestContacts(r.ctx(), before, pageRows+1)
			if len(contacts) > pageRows {
				contacts = contacts[:pageRows]
				next = contacts[pageRows-1].ID
			}
		default:
			contacts, next, err = recent(r, q, before)
		}
		if err != nil {
			return err
		}
		v.Rows, err = s.contactRows(r, q, contacts)
		return err
	})
	if err != nil {
		return err
	}
	if next != uuid.Nil {
		v.Pager.Older = "/studio/contacts?order=" + v.Order + "&before=" + next.String()
	}
	if v.Search != "" {
		v.Chips = []view.Chip{{Text: "“" + visible(v.Search) + "”", Without: "/studio/contacts"}}
	}
	if len(v.Rows) == 0 {
		v.Empty = s.noContacts(v.Search)
	}
	v.Frame = s.frame(r, "Contacts", "Contacts")
	return s.show(r, http.StatusOK, "contacts", v)
}

func (s *Studio) noContacts(search string) *view.Empty {
	if search != "" {
		return &view.Empty{
			Title: "Nobody is called “" + visible(search) + "”", Text: "Looked for in addresses and ids of contacts that are not deleted.",
			Next: view.Link{Text: "Show everybody", URL: "/studio/contacts"},
		}
	}
	return &view.Empty{
		Title: "Nobody has come yet", Text: "A contact begins with the first event of a person. Send one with a key that may ingest:",
		Command: `curl -s ` + s.cfg.PublicURL + `/v1/events -H "Authorization: Bearer $HOGSEND_API_KEY" -H 'Content-Type: application/json' -d '{"name": "user.created", "userId": "ada", "email": "ada@example.com"}'`,
	}
}

// recent are the contacts in the order of their newest event, and where the next page
// begins.
func recent(r *request, q *storedb.Queries, before uuid.UUID) (contacts []storedb.Contact, next uuid.UUID, err error) {
	rows, err := q.StudioRecentContacts(r.ctx(), before, pageRows+1)
	if err != nil {
		return nil, next, err
	}
	if len(rows) > pageRows {
		rows = rows[:pageRows]
		next = rows[pageRows-1].EventID
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ContactID
	}
	found, err := q.AdminContactsByID(r.ctx(), ids)
	if err != nil {
		return nil, next, err
	}
	byID := map[uuid.UUID]storedb.Contact{}
	for _, c := range found {
		byID[c.ID] = c
	}
	for _, id := range ids {
		if c, ok := byID[id]; ok && c.DeletedAt == nil && c.MergedInto == nil {
			contacts = append(contacts, c)
		}
	}
	return contacts, next, nil
}

// contactRows tells of each contact what they are in and whether they get mail.
func (s *Studio) contactRows(r *request, q *storedb.Queries, contacts []storedb.Contact) ([]view.ContactRow, error) {
	ids := make([]uuid.UUID, len(contacts))
	place := map[uuid.UUID]int{}
	rows := make([]view.ContactRow, len(contacts))
	for i, c := range contacts {
		ids[i], place[c.ID] = c.ID, i
		rows[i] = view.ContactRow{URL: contactURL(c.ID), Name: nameOf(c), Seen: s.moment(r, c.LastSeenAt)}
		if c.Email != nil && c.ExternalID != nil {
			rows[i].Detail = visible(*c.ExternalID)
		}
		if c.Email == nil {
			badge := off("no address")
			rows[i].Mail = &badge
		}
	}
	journeys, err := q.StudioJourneyCounts(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	for _, row := range journeys {
		rows[place[row.ContactID]].Journeys = row.Total
	}
	buckets, err := q.StudioBucketCounts(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	for _, row := range buckets {
		rows[place[row.ContactID]].Buckets = row.Total
	}
	preferences, err := q.StudioPreferences(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	for _, p := range preferences {
		if badge, blocked := mailBadge(p); blocked && p.ContactID != nil {
			rows[place[*p.ContactID]].Mail = &badge
		}
	}
	return rows, nil
}
