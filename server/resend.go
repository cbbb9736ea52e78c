package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// resendEmail is R-82: a new mail of the template and the stored props, by the whole gate
// (E-74).
func (s *Server) resendEmail(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	rows, err := s.cfg.Store.SendGet(r.ctx(), id)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return notFound("Email not found")
	}
	before := rows[0]
	if err := s.resendable(r.ctx(), before); err != nil {
		return err
	}
	key, queued, err := s.resendKey(r.ctx(), before)
	if err != nil {
		return err
	}
	var row storedb.Send
	if queued != nil {
		row = *queued
	} else if row, err = s.submit(r, resendOf(before, key), s.audited(r, "emails.resend", before.ID.String(), before.ContactID)); err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, struct {
		EmailID uuid.UUID `json:"emailId"`
		Status  string    `json:"status"`
	}{row.ID, sent(row).Status})
}

// audited is the entry of the audit log of a mail that somebody asked for.
func (s *Server) audited(r *request, action, id string, contactID *uuid.UUID) store.Write {
	return store.Entry{Actor: s.who(r), Action: action, ResourceID: id, ContactID: contactID}.Write(r.ctx())
}

// resendable refuses what cannot be sent again.
func (s *Server) resendable(ctx context.Context, row storedb.Send) error {
	switch {
	case row.Status != contract.SendFailed && row.Status != contract.SendBounced:
		return conflict("Email is " + string(row.Status) + ", only failed and bounced ones are sent again")
	case row.TemplateKey == "":
		return conflict("Email has no template")
	case row.ClaimedAt != nil && row.Html == "" && row.Text == "" && len(row.Props) == 0:
		return conflict("Props of the email are no longer kept")
	}
	if s.mailable(row.TemplateKey) != nil {
		return conflict("There is no template " + row.TemplateKey + " any more")
	}
	records, err := s.cfg.Store.PreferenceByKey(ctx, address.Key(row.ToEmail))
	if err != nil {
		return err
	}
	if len(records) > 0 && records[0].Suppressed {
		return conflict("Address is suppressed")
	}
	return nil
}

const resendPrefix = "resend:"

// resendKey is the key of the next resend of a mail; or the newest one, while it is queued:
// asking twice is one mail. Two who ask at once find the same key.
func (s *Server) resendKey(ctx context.Context, row storedb.Send) (key string, queued *storedb.Send, err error) {
	first := row.ID.String()
	if rest, again := strings.CutPrefix(row.Key, resendPrefix); again {
		first, _, _ = strings.Cut(rest, ":")
	}
	for ordinal := 1; ; ordinal++ {
		key = resendPrefix + first + ":" + strconv.Itoa(ordinal)
		rows, err := s.cfg.Store.SendFind(ctx, key)
		if err != nil || len(rows) == 0 {
			return key, queued, err
		}
		if queued = nil; rows[0].Status == contract.SendQueued {
			queued = &rows[0]
		}
	}
}

// resendOf is a mail that is sent again.
func resendOf(row storedb.Send, key string) contract.DirectSend {
	send := contract.DirectSend{
		SendRequest: contract.SendRequest{Key: key, Template: row.TemplateKey, Props: row.Props, From: row.FromEmail, ReplyTo: row.ReplyTo, Category: row.Category},
		ID:          uuid.Must(uuid.NewV7()), To: row.ToEmail,
	}
	for id, of := range map[*uuid.UUID]*uuid.UUID{&send.ContactID: row.ContactID, &send.EnrollmentID: row.EnrollmentID, &send.CampaignID: row.CampaignID} {
		if of != nil {
			*id = *of
		}
	}
	if row.Files > 0 {
		send.FilesOf = row.ID
	}
	if row.JourneyID != nil {
		send.JourneyID = *row.JourneyID
	}
	return send
}
