package studio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// mailDays is how far back a list of mails looks unless it is about one person (U-5).
const mailDays = 7

// segment is one of the views of the list: refusals weigh as much as sends (U-31).
type segment struct {
	name, label string
	statuses    []string
}

func segments() []segment {
	return []segment{
		{"", "All", nil},
		{"sent", "Sent", sentStates()},
		{"refused", "Refused", []string{string(contract.SendSuppressed), string(contract.SendSkipped)}},
		{"failed", "Failed", []string{string(contract.SendFailed), string(contract.SendBounced)}},
		{"waiting", "Waiting", []string{string(contract.SendQueued)}},
	}
}

// mailFilter is what a list of mails is asked for.
type mailFilter struct{ which, to, template, journey, reason string }

func (f mailFilter) query() url.Values {
	q := url.Values{}
	for i, v := range []string{f.which, f.to, f.template, f.journey, f.reason} {
		if v != "" {
			q.Set([]string{"which", "to", "template", "journey", "reason"}[i], v)
		}
	}
	return q
}

func (f mailFilter) url() string { return withQuery("/studio/mails", f.query()) }

// listMails is U-31.
func (s *Studio) listMails(r *request) error {
	f := mailFilter{which: r.query("which"), to: r.query("to"), template: r.query("template"), journey: r.query("journey"), reason: r.query("reason")}
	v := view.Mails{Search: f.to, Template: f.template, Range: "the last 7 days"}
	p := storedb.StudioMailsParams{Before: farAhead(), BeforeID: uuid.Max, RowLimit: pageRows + 1, Since: s.instant().AddDate(0, 0, -mailDays)}
	for _, seg := range segments() {
		here := seg.name == f.which
		if here {
			p.Statuses = seg.statuses
		}
		other := f
		other.which = seg.name
		v.Segments = append(v.Segments, view.Segment{Label: seg.label, URL: other.url(), Here: here})
	}
	turn, first := r.turning(), true
	if at, id, ok := cursor(turn.before); ok {
		p.Before, p.BeforeID, first = at, id, false
	}
	if f.template != "" {
		p.Template = &f.template
		without := f
		without.template = ""
		v.Chips = append(v.Chips, view.Chip{Text: "template " + visible(f.template), Without: without.url()})
	}
	if f.journey != "" {
		p.Journey = &f.journey
		without := f
		without.journey = ""
		v.Chips = append(v.Chips, view.Chip{Text: "journey " + visible(f.journey), Without: without.url()})
	}
	if f.reason != "" {
		p.Reason = &f.reason
		without := f
		without.reason = ""
		v.Chips = append(v.Chips, view.Chip{Text: reasonWords(visible(f.reason)), Without: without.url()})
	}
	if f.to != "" {
		p.ToEmail = &f.to
		without := f
		without.to = ""
		v.Chips = append(v.Chips, view.Chip{Text: "to " + visible(f.to), Without: without.url()})
		c, known, err := s.cfg.Store.ContactFind(r.ctx(), f.to)
		if err != nil {
			return err
		}
		if known { // of one person the list goes back to the beginning
			p.ContactID, p.Since, v.Range = &c.ID, time.Time{}, "all of this person"
		}
	}
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		if at, id, ok := cursor(turn.after); ok {
			newer, err := q.StudioMailsNewer(r.ctx(), storedb.StudioMailsNewerParams{
				Since: p.Since, After: at, AfterID: id, Statuses: p.Statuses, ContactID: p.ContactID, ToEmail: p.ToEmail, Template: p.Template, Journey: p.Journey, Reason: p.Reason, RowLimit: pageRows + 1,
			})
			if err != nil {
				return err
			}
			if len(newer) > pageRows {
				p.Before, p.BeforeID, first = newer[pageRows].CreatedAt, newer[pageRows].ID, false
			}
		}
		rows, err := q.StudioMails(r.ctx(), p)
		if err != nil {
			return err
		}
		more := len(rows) > pageRows
		rows = rows[:min(len(rows), pageRows)]
		if len(rows) > 0 {
			last := rows[len(rows)-1]
			v.Pager = pager("/studio/mails", f.query(), cursorOf(rows[0].CreatedAt, rows[0].ID), cursorOf(last.CreatedAt, last.ID), first, more)
		}
		total, err := q.StudioMailsCount(r.ctx(), storedb.StudioMailsCountParams{
			Since: p.Since, Statuses: p.Statuses, ContactID: p.ContactID, ToEmail: p.ToEmail, Template: p.Template, Journey: p.Journey, Reason: p.Reason, RowLimit: most + 1,
		})
		if err != nil {
			return err
		}
		v.Pager.Total = capped(total)
		v.Rows, err = s.mailRows(r, q, rows, journeys)
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "No mail", Text: "No mail was written " + v.Range + ". Mails are sent by journeys; the ones that were refused are listed here as well.", Next: view.Link{Text: "Look at the journeys", URL: "/studio/journeys"}}
		if len(v.Chips) > 0 || f.which != "" {
			v.Empty = &view.Empty{Title: "No mail like this", Text: "None fits what you look for (" + v.Range + ").", Next: view.Link{Text: "Clear", URL: "/studio/mails"}}
		}
	}
	v.Frame = s.frame(r, "Mails", "Mails")
	return s.show(r, http.StatusOK, "mails", v)
}

func (s *Studio) mailRows(r *request, q *storedb.Queries, rows []storedb.Send, journeys known) ([]view.MailRow, error) {
	var ids []uuid.UUID
	for _, row := range rows {
		if row.ContactID != nil {
			ids = append(ids, *row.ContactID)
		}
	}
	contacts, err := q.AdminContactsByID(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	out := make([]view.MailRow, len(rows))
	for i, row := range rows {
		m := view.MailRow{
			URL: "/studio/mails/" + row.ID.String(), Template: visible(row.TemplateKey), Subject: visible(row.Subject), To: visible(row.ToEmail),
			State: sendBadge(row.Status), At: s.moment(r, row.CreatedAt), Contact: view.Link{Text: visible(row.ToEmail)},
		}
		if m.Subject == "" {
			m.Subject, m.Template = visible(row.TemplateKey), ""
		}
		var c storedb.Contact
		if k := slices.IndexFunc(contacts, func(c storedb.Contact) bool { return row.ContactID != nil && c.ID == *row.ContactID }); k >= 0 {
			c = contacts[k]
			m.Contact = view.Link{Text: nameOf(c), URL: contactURL(c.ID)}
		}
		if row.JourneyID != nil {
			m.Journey = journeys.link(*row.JourneyID)
		}
		if row.SentAt == nil && row.Status != contract.SendQueued || row.Status == contract.SendBounced {
			m.Why = whyWords(row)
		}
		out[i] = m
	}
	return out, nil
}

// whyWords is why a mail did not go, in a few words.
func whyWords(row storedb.Send) string {
	if row.Status == contract.SendBounced {
		return cut(visible(textOf(row.BounceReason)), 80)
	}
	return cut(strings.ReplaceAll(visible(reasonOf(row.Reason)), "_", " "), 80)
}
