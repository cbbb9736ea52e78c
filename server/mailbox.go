package server

import (
	"errors"
	"net/http"

	"github.com/hogsend/hogsend/internal/store"
)

// mailReply is one mail of the mailbox.
type mailReply struct {
	ID        string `json:"id"`
	To        string `json:"to"`
	From      string `json:"from"`
	Template  string `json:"template"`
	Subject   string `json:"subject"`
	At        ts     `json:"at"`
	JourneyID string `json:"journeyId"`
	HTML      string `json:"html"`
	Text      string `json:"text"`
	// Files are left out of mails without any.
	Files []store.MailFile `json:"files,omitempty"`
}

// listMails shows the mails that never left, oldest first, a page at a time: after
// is the next of the page before.
func (s *Server) listMails(r *request) error {
	q := queryOf(r)
	params := store.ListMailsParams{Limit: q.integer("limit", 50, 1, 100), After: q.text("after"), To: q.text("to")}
	if err := q.err(); err != nil {
		return err
	}
	page, err := s.store.ListMails(r.ctx(), params)
	if errors.Is(err, store.ErrMalformedCursor) {
		return invalid(detail{Path: "after", Message: "malformed cursor"})
	}
	if err != nil {
		return err
	}
	mails := make([]mailReply, len(page.Mails))
	for i, m := range page.Mails {
		mails[i] = mailReply{
			ID: m.ID, To: m.To, From: m.From, Template: m.Template, Subject: m.Subject, At: ts(m.At),
			JourneyID: m.JourneyID, HTML: m.HTML, Text: m.Text, Files: m.Files,
		}
	}
	return reply(r, http.StatusOK, struct {
		Mails []mailReply `json:"mails"`
		Next  string      `json:"next"`
	}{mails, page.Next})
}
