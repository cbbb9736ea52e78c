package studio

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

// mail finds the mail that the path names.
func (s *Studio) mail(r *request, q *storedb.Queries) (storedb.Send, error) {
	id, err := pathID(r)
	if err != nil {
		return storedb.Send{}, err
	}
	rows, err := q.StudioMail(r.ctx(), id)
	if err != nil {
		return storedb.Send{}, err
	}
	if len(rows) == 0 {
		return storedb.Send{}, &problem{status: http.StatusNotFound, heading: "No such mail", text: "No mail has this id.", next: [2]string{"Go to the mails", "/studio/mails"}}
	}
	return rows[0], nil
}

// showMail is a mail: why it was sent or not, where it is, and what it looks like (U-31).
func (s *Studio) showMail(r *request) error {
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	var v view.Mail
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		m, err := s.mail(r, q)
		if err != nil {
			return err
		}
		v, err = s.mailOf(r, q, m, journeys)
		return err
	})
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "mail", v)
}

func (s *Studio) mailOf(r *request, q *storedb.Queries, m storedb.Send, journeys known) (view.Mail, error) {
	v := view.Mail{
		ID: m.ID.String(), Key: visible(m.Key), Subject: visible(m.Subject), From: visible(m.FromEmail), To: visible(m.ToEmail), ReplyTo: visible(m.ReplyTo),
		Category: visible(m.Category), ProviderID: visible(textOf(m.ProviderID)), State: sendBadge(m.Status), Template: visible(m.TemplateKey), Text: m.Text,
		Contact: view.Link{Text: visible(m.ToEmail)}, Track: s.track(r, m),
	}
	var c storedb.Contact
	if m.ContactID != nil {
		found, err := q.AdminContactsByID(r.ctx(), []uuid.UUID{*m.ContactID})
		if err != nil {
			return v, err
		}
		for _, c = range found {
			v.Contact = contactLink(c)
		}
	}
	if m.JourneyID != nil {
		v.Journey = journeys.link(*m.JourneyID)
	}
	question := s.question(r, c, "“"+visible(m.TemplateKey)+"”")
	if c.ID == uuid.Nil {
		question.Person = visible(m.ToEmail)
	}
	v.Answer = *s.answer(r, "Did "+question.Person+" get it?", question.OfSend(ask.Send(m)))
	if v.Answer.Facts = nil; m.EnrollmentID != nil {
		if row, err := q.AdminStateGet(r.ctx(), *m.EnrollmentID); err == nil {
			v.Answer.Facts = []view.Fact{{
				Text: "entered " + journeys.name(row.Enrollment.JourneyID), At: s.momentOrNil(r, &row.Enrollment.CreatedAt),
				Link: view.Link{Text: "Sent because of an event", URL: "/studio/events/" + row.Enrollment.TriggerEventID.String()},
			}}
		}
	}
	switch {
	case m.Html != "" || m.Text != "":
		v.Body = "/studio/mails/" + v.ID + "/body"
		v.Images = v.Body + "?images=1"
	case m.SentAt == nil:
		v.NoBody = "It was refused before it was written."
	default:
		v.NoBody = "The body is no longer kept."
	}
	var headers map[string]string
	if json.Unmarshal(m.Headers, &headers) == nil {
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			v.Headers = append(v.Headers, view.Field{Name: visible(name), Value: hideTokens(visible(headers[name])), Mono: true})
		}
	}
	heading := v.Subject
	if heading == "" {
		heading = "Mail " + v.Template
	}
	if resendable(m) {
		v.Again = r.button("Send again…", "/studio/mails/"+m.ID.String()+"/resend", users.Operator)
	}
	v.Frame = s.frame(r, "Mail", heading)
	return v, nil
}

// track is how far a mail has come.
func (s *Studio) track(r *request, m storedb.Send) []view.Stop {
	stops := []view.Stop{{Label: "Written", At: s.momentOrNil(r, m.ClaimedAt)}}
	if m.ClaimedAt == nil {
		stops[0] = view.Stop{Label: "Decided", At: s.momentOrNil(r, &m.CreatedAt)}
	}
	before := m.ClaimedAt
	add := func(label string, at *time.Time, tone string) {
		stop := view.Stop{Label: label, At: s.momentOrNil(r, at), Tone: tone}
		if at != nil && before != nil {
			stop.Gap = gap(at.Sub(*before))
		}
		if at != nil {
			before = at
		}
		stops = append(stops, stop)
	}
	switch m.Status {
	case contract.SendSuppressed, contract.SendSkipped:
		add("Refused", &m.CreatedAt, "bad")
		return stops
	case contract.SendFailed:
		add("Failed", &m.UpdatedAt, "bad")
		return stops
	}
	add("Handed over", m.SentAt, "")
	if m.BouncedAt != nil {
		add("Came back", m.BouncedAt, "bad")
		return stops
	}
	add("Delivered", m.DeliveredAt, "")
	add("Opened", m.OpenedAt, "")
	add("Clicked", m.ClickedAt, "")
	if m.ComplainedAt != nil {
		add("Reported as spam", m.ComplainedAt, "bad")
	}
	return stops
}

// mailBody is the stored mail for a frame that can run nothing and lead nowhere (U-50):
// looking at a mail never counts, never unsubscribes and shows nobody a token.
func (s *Studio) mailBody(r *request) error {
	var m storedb.Send
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		m, err = s.mail(r, q)
		return err
	})
	if err != nil {
		return err
	}
	images := "data:"
	if r.query("images") == "1" {
		images = "data: https:"
	}
	h := r.w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src "+images+"; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Disposition", "inline")
	body := m.Html
	if body == "" {
		body = "<!DOCTYPE html><meta charset=\"utf-8\"><pre>" + html.EscapeString(m.Text) + "</pre>"
	}
	write(r.w, r.Request, http.StatusOK, "text/html; charset=utf-8", []byte(hideTokens(withoutTracking(body))), nil)
	return nil
}

// Ours in a mail: the pixel, tracked links, and links with a token of the
// reader's.
const (
	pixelPattern = `(?is)<img\b[^>]*\bsrc\s*=\s*["'][^"']*/v1/t/o/[^"']*["'][^>]*>`
	clickPattern = `https?://[^"'\s<>]*/v1/t/c/[0-9a-fA-F-]{36}`
	tokenPattern = `([?&](?:amp;)?token=)[^"'&\s<>]+` //nolint:gosec // what a link looks like, no secret
)

// withoutTracking takes away what would count that the mail was opened or a link clicked.
func withoutTracking(body string) string {
	body = regexp.MustCompile(pixelPattern).ReplaceAllString(body, "")
	return regexp.MustCompile(clickPattern).ReplaceAllString(body, "#tracked-link")
}

// hideTokens puts a word that opens nothing in the place of a reader's token.
func hideTokens(text string) string {
	if !strings.Contains(text, "token=") {
		return text
	}
	return regexp.MustCompile(tokenPattern).ReplaceAllString(text, "${1}hidden")
}
