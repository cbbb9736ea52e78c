package server

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// sendReply is the object EmailSend of §2.
type sendReply struct {
	ID             uuid.UUID            `json:"id"`
	ContactID      *uuid.UUID           `json:"contactId"`
	JourneyStateID *uuid.UUID           `json:"journeyStateId"`
	CampaignID     *uuid.UUID           `json:"campaignId"`
	TemplateKey    *string              `json:"templateKey"`
	ResendID       *string              `json:"resendId"`
	ProviderID     *string              `json:"providerId"`
	FromEmail      string               `json:"fromEmail"`
	ToEmail        string               `json:"toEmail"`
	RedirectedTo   *string              `json:"redirectedTo,omitempty"`
	Subject        string               `json:"subject"`
	Category       *string              `json:"category"`
	Status         contract.SendStatus  `json:"status"`
	Reason         *contract.SendReason `json:"reason"`
	UserID         *string              `json:"userId"`
	JourneyID      *string              `json:"journeyId"`
	SentAt         *ts                  `json:"sentAt"`
	DeliveredAt    *ts                  `json:"deliveredAt"`
	OpenedAt       *ts                  `json:"openedAt"`
	ClickedAt      *ts                  `json:"clickedAt"`
	BouncedAt      *ts                  `json:"bouncedAt"`
	ComplainedAt   *ts                  `json:"complainedAt"`
	BounceType     *string              `json:"bounceType"`
	CreatedAt      ts                   `json:"createdAt"`
	UpdatedAt      ts                   `json:"updatedAt"`
}

func sendOfRow(row store.SendRow) sendReply {
	out := sendReply{
		ID: row.ID, ContactID: row.ContactID, JourneyStateID: row.EnrollmentID, CampaignID: row.CampaignID, TemplateKey: orNull(row.TemplateKey), ResendID: row.ProviderID, ProviderID: row.ProviderID,
		FromEmail: row.FromEmail, ToEmail: row.ToEmail, RedirectedTo: row.RedirectedTo, Subject: row.Subject, Category: orNull(row.Category), Status: row.Status, Reason: row.Reason,
		UserID: row.ExternalID, JourneyID: row.JourneyID, SentAt: tsOrNull(row.SentAt), DeliveredAt: tsOrNull(row.DeliveredAt), OpenedAt: tsOrNull(row.OpenedAt),
		ClickedAt: tsOrNull(row.ClickedAt), BouncedAt: tsOrNull(row.BouncedAt), ComplainedAt: tsOrNull(row.ComplainedAt), BounceType: row.BounceType,
		CreatedAt: ts(row.CreatedAt), UpdatedAt: ts(row.UpdatedAt),
	}
	if out.UserID == nil && row.ContactID != nil {
		id := row.ContactID.String()
		out.UserID = &id
	}
	return out
}

// orNull is null for "".
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// listEmails is R-80.
func (s *Server) listEmails(r *request) error {
	q := queryOf(r)
	p := q.page()
	params := store.ListSendsParams{TemplateKey: q.text("templateKey"), Category: q.text("category"), Limit: p.Limit, Offset: p.Offset}
	params.Since, params.Until = q.span()
	none := q.sends(&params)
	if id := q.text("journeyId"); id != "" {
		params.JourneyIDs = s.journeyNames(id)
	}
	contact, nobody, err := s.filterContact(r, q)
	if err = errors.Join(q.err(), err); err != nil {
		return err
	}
	params.ContactID = contact
	emails := []sendReply{}
	if !none && !nobody {
		var rows []store.SendRow
		if rows, p.Total, err = s.store.ListSends(r.ctx(), params); err != nil {
			return err
		}
		for _, row := range rows {
			emails = append(emails, sendOfRow(row))
		}
	}
	return reply(r, http.StatusOK, struct {
		Emails []sendReply `json:"emails"`
		page
	}{emails, p})
}

// sends reads the parameters with closed sets of values. none says that nothing matches.
func (q *query) sends(p *store.ListSendsParams) (none bool) {
	states := append(contract.SendStatuses(), "rendered")
	words := make([]string, len(states))
	for i, status := range states {
		words[i] = string(status)
	}
	if status := q.oneOf("status", words...); status != nil {
		none, p.Status = *status == "rendered", contract.SendStatus(*status)
	}
	if which := q.oneOf("engagement", "opened", "clicked", "bounced", "complained"); which != nil {
		p.Engagement = store.Engagement(*which + "_at")
	}
	if sort := q.oneOf("sort", "createdAt", "sentAt", "openedAt", "clickedAt"); sort != nil {
		p.Sort = store.SendSort(strings.ToLower(strings.TrimSuffix(*sort, "At")) + "_at")
	}
	if order := q.oneOf("order", "asc", "desc"); order != nil {
		p.Ascending = *order == "asc"
	}
	if to := q.text("toEmail"); to != "" {
		if p.EmailKey = address.Key(to); p.EmailKey == "" {
			none = true // no mail was ever sent there
		}
	}
	p.CampaignID = q.id("campaignId")
	return none
}

// journeyNames are the ids under which enrollments of a journey are stored.
func (s *Server) journeyNames(id string) []string {
	at := slices.IndexFunc(s.cfg.Registry.Journeys, func(j hogsend.Journey) bool { return slices.Contains(ids(j), id) })
	if at < 0 {
		return []string{id}
	}
	return ids(s.cfg.Registry.Journeys[at])
}

// historyEntry is one entry of the history of a mail.
type historyEntry struct {
	Type      string  `json:"type"`
	Timestamp ts      `json:"timestamp"`
	URL       *string `json:"url,omitempty"`
	IPAddress *string `json:"ipAddress,omitempty"`
	UserAgent *string `json:"userAgent,omitempty"`
}

// linkReply is a tracked link of a mail, with the clicks of people.
type linkReply struct {
	ID          uuid.UUID    `json:"id"`
	OriginalURL string       `json:"originalUrl"`
	ClickCount  int32        `json:"clickCount"`
	Clicks      []clickReply `json:"clicks"`
}

type clickReply struct {
	ID        uuid.UUID `json:"id"`
	ClickedAt ts        `json:"clickedAt"`
	IPAddress *string   `json:"ipAddress"`
	UserAgent *string   `json:"userAgent"`
}

type journeyContext struct {
	JourneyID     string                    `json:"journeyId"`
	UserID        string                    `json:"userId"`
	Status        contract.EnrollmentStatus `json:"status"`
	CurrentNodeID string                    `json:"currentNodeId"`
}

// delayed is a type of entries that only those are told who ask for it: clients know the
// others.
const delayed = "delivery_delayed"

// getEmail is R-81.
func (s *Server) getEmail(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	q := queryOf(r)
	include := q.oneOf("include", delayed)
	if err := q.err(); err != nil {
		return err
	}
	row, err := s.store.GetSend(r.ctx(), id)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("Email not found")
	}
	if err != nil {
		return err
	}
	if include == nil {
		row.DelayedAt = nil
	}
	links, err := s.store.LinksOfSend(r.ctx(), id)
	if err != nil {
		return err
	}
	clicks, err := s.store.ClicksOfSend(r.ctx(), id)
	if err != nil {
		return err
	}
	var journey *journeyContext
	if row.EnrollmentID != nil {
		state, err := s.store.StateGet(r.ctx(), *row.EnrollmentID)
		switch {
		case err == nil:
			journey = &journeyContext{state.Enrollment.JourneyID, contactKey(state.Contact), state.Enrollment.Status, state.Enrollment.Node}
		case !errors.Is(err, store.ErrNotFound): // erased meanwhile
			return err
		}
	}
	return reply(r, http.StatusOK, struct {
		Email          sendReply       `json:"email"`
		Events         []historyEntry  `json:"events"`
		TrackedLinks   []linkReply     `json:"trackedLinks"`
		JourneyContext *journeyContext `json:"journeyContext"`
	}{sendOfRow(row), historyOf(row, links, clicks), linkReplies(links, clicks), journey})
}

// historyOf has an entry for each instant that is known and one for each click of a person,
// oldest first (E-45).
func historyOf(row store.SendRow, links []storedb.TrackedLink, clicks []storedb.Hit) []historyEntry {
	var entries []historyEntry
	add := func(kind string, at *time.Time) {
		if at != nil {
			entries = append(entries, historyEntry{Type: kind, Timestamp: ts(*at)})
		}
	}
	switch row.Status {
	case contract.SendSuppressed, contract.SendSkipped:
		add(string(row.Status), &row.CreatedAt)
	default:
		add("queued", &row.CreatedAt)
	}
	add("sent", row.SentAt)
	add(delayed, row.DelayedAt)
	add("delivered", row.DeliveredAt)
	add("opened", row.OpenedAt)
	if len(clicks) == 0 {
		add("clicked", row.ClickedAt)
	}
	urls := map[uuid.UUID]*string{}
	for i := range links {
		urls[links[i].ID] = &links[i].Url
	}
	for _, c := range clicks {
		entries = append(entries, historyEntry{Type: "clicked", Timestamp: ts(c.At), URL: urls[*c.LinkID], IPAddress: c.IpAddress, UserAgent: c.UserAgent})
	}
	add("bounced", row.BouncedAt)
	add("complained", row.ComplainedAt)
	if row.Status == contract.SendFailed {
		add("failed", &row.UpdatedAt)
	}
	slices.SortStableFunc(entries, func(a, b historyEntry) int { return time.Time(a.Timestamp).Compare(time.Time(b.Timestamp)) })
	return entries
}

func linkReplies(links []storedb.TrackedLink, clicks []storedb.Hit) []linkReply {
	replies := make([]linkReply, len(links))
	for i, link := range links {
		replies[i] = linkReply{ID: link.ID, OriginalURL: link.Url, ClickCount: link.ClickCount, Clicks: []clickReply{}}
		for _, c := range clicks {
			if *c.LinkID == link.ID {
				replies[i].Clicks = append(replies[i].Clicks, clickReply{c.ID, ts(c.At), c.IpAddress, c.UserAgent})
			}
		}
	}
	slices.SortStableFunc(replies, func(a, b linkReply) int { return cmp.Compare(b.ClickCount, a.ClickCount) })
	return replies
}
