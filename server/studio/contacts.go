package studio

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// listContacts is U-19: who was active last, who came last, or who a search finds.
func (s *Studio) listContacts(r *request) error {
	v := view.Contacts{Order: "recent", Search: r.query("search")}
	if r.query("order") == "newest" {
		v.Order = "newest"
	}
	path, query := "/studio/contacts", url.Values{}
	var l contactList
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		switch {
		case v.Search != "":
			v.Order = ""
			query.Set("search", v.Search)
			l, err = foundContacts(r, q, v.Search)
		case v.Order == "newest":
			query.Set("order", v.Order)
			l, err = newest(r, q)
		default:
			l, err = recent(r, q)
		}
		if err != nil {
			return err
		}
		total, err := q.StudioContactsCount(r.ctx(), store.SearchPattern(v.Search), most+1)
		if err != nil {
			return err
		}
		v.Rows, err = s.contactRows(r, q, l.contacts)
		v.Pager = pager(path, query, l.newestKey, l.oldestKey, l.first, l.more)
		v.Pager.Total = capped(total)
		return err
	})
	if err != nil {
		return err
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

// contactList is a page of contacts and where it stands among the others.
type contactList struct {
	contacts             []storedb.Contact
	newestKey, oldestKey string
	first, more          bool
}

// foundContacts are those whom a search finds, who was seen last first. Their place is a
// number: a search reads all that it finds.
func foundContacts(r *request, q *storedb.Queries, search string) (l contactList, err error) {
	from, err := strconv.Atoi(r.turning().before)
	if after, failed := strconv.Atoi(r.turning().after); failed == nil {
		from, err = after-pageRows, nil
	}
	from = max(0, min(from, most))
	if err != nil {
		from = 0
	}
	l.contacts, err = q.AdminContactsList(r.ctx(), storedb.AdminContactsListParams{Pattern: store.SearchPattern(search), RowLimit: pageRows + 1, RowOffset: int32(from), MaxBytes: 4 << 20}) //nolint:gosec // at most 10,000
	l.first, l.more = from == 0, len(l.contacts) > pageRows
	l.contacts = l.contacts[:min(len(l.contacts), pageRows)]
	l.newestKey, l.oldestKey = strconv.Itoa(from), strconv.Itoa(from+pageRows)
	return l, err
}

// newest are the contacts who came last.
func newest(r *request, q *storedb.Queries) (l contactList, err error) {
	before := uuid.Max
	l.first = true
	if id, err := uuid.Parse(r.turning().before); err == nil {
		before, l.first = id, false
	}
	if id, err := uuid.Parse(r.turning().after); err == nil {
		newer, err := q.StudioNewestContactsNewer(r.ctx(), id, pageRows+1)
		if err != nil {
			return l, err
		}
		if len(newer) > pageRows {
			before, l.first = newer[pageRows], false
		}
	}
	l.contacts, err = q.StudioNewestContacts(r.ctx(), before, pageRows+1)
	if l.more = len(l.contacts) > pageRows; l.more {
		l.contacts = l.contacts[:pageRows]
	}
	if n := len(l.contacts); n > 0 {
		l.newestKey, l.oldestKey = l.contacts[0].ID.String(), l.contacts[n-1].ID.String()
	}
	return l, err
}

// recent are the contacts in the order of their newest event.
func recent(r *request, q *storedb.Queries) (l contactList, err error) {
	before := uuid.Max
	l.first = true
	if id, err := uuid.Parse(r.turning().before); err == nil {
		before, l.first = id, false
	}
	if id, err := uuid.Parse(r.turning().after); err == nil {
		newer, err := q.StudioRecentContactsNewer(r.ctx(), id, pageRows+1)
		if err != nil {
			return l, err
		}
		if len(newer) > pageRows {
			before, l.first = newer[pageRows], false
		}
	}
	rows, err := q.StudioRecentContacts(r.ctx(), before, pageRows+1)
	if err != nil {
		return l, err
	}
	if l.more = len(rows) > pageRows; l.more {
		rows = rows[:pageRows]
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ContactID
	}
	if n := len(rows); n > 0 {
		l.newestKey, l.oldestKey = rows[0].EventID.String(), rows[n-1].EventID.String()
	}
	found, err := q.AdminContactsByID(r.ctx(), ids)
	if err != nil {
		return l, err
	}
	byID := map[uuid.UUID]storedb.Contact{}
	for _, c := range found {
		byID[c.ID] = c
	}
	for _, id := range ids {
		if c, ok := byID[id]; ok && c.DeletedAt == nil && c.MergedInto == nil {
			l.contacts = append(l.contacts, c)
		}
	}
	return l, nil
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
