package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/encoding"
	"github.com/hogsend/hogsend/internal/inbox"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/webhook"
)

// NewInbox is where the webhooks of a configuration are stored and applied: Store, Ingest,
// Registry, JunkIDs, Tracking, PublicURL, Logger and Now count.
func NewInbox(cfg Config) *inbox.Inbox {
	x := &inbox.Inbox{Store: cfg.Store, Logger: cfg.Logger, Now: cfg.Now, Handlers: map[string]inbox.Handler{
		inbox.ResendSource: inbox.Reports{Ingest: cfg.Ingest, Tracking: cfg.Tracking, PublicURL: cfg.PublicURL}.Apply,
	}}
	read := func(raw []byte) inbox.Reading {
		d := &eventDecoder{data: raw, names: &eventNames, junk: cfg.JunkIDs, lenient: true}
		if len(raw) > maxItemSize {
			d.report("", tooLargeItem)
			return d
		}
		return d.decode()
	}
	for _, source := range cfg.Registry.Sources {
		x.Handlers[source.ID] = inbox.Events(source, cfg.Ingest, read)
	}
	return x
}

// Event implements inbox.Reading.
func (d *eventDecoder) Event() ingest.Event { return d.out }

// Problems implements inbox.Reading.
func (d *eventDecoder) Problems() []ingest.Problem {
	out := make([]ingest.Problem, len(d.told))
	for i, p := range d.told {
		out[i] = ingest.Problem(p)
	}
	return out
}

// postResend is R-29.
func (s *Server) postResend(r *request) error {
	var check webhook.Check
	if s.cfg.Resend != nil {
		check = s.cfg.Resend.Verify
	}
	m, err := s.verified(r, inbox.ResendSource, check, nil)
	if err != nil {
		return err
	}
	if _, err := s.inbox.Take(r.ctx(), m); err != nil {
		return unapplied(err, "Invalid request")
	}
	return reply(r, http.StatusOK, map[string]bool{"ok": true})
}

// applied is the reply of R-30.
type applied struct {
	OK       bool      `json:"ok"`
	Event    string    `json:"event"`
	UserID   string    `json:"userId"`
	Stored   bool      `json:"stored"`
	Exits    []exit    `json:"exits"`
	Warnings []warning `json:"warnings,omitempty"`
}

// postWebhook is R-30.
func (s *Server) postWebhook(r *request) error {
	id := r.Param("sourceId")
	source, known := s.sources[id]
	if !known {
		return notFound("Unknown webhook source")
	}
	m, err := s.verified(r, id, s.cfg.Sources[id], credentials(source.Auth))
	if err != nil {
		return err
	}
	out, err := s.inbox.Take(r.ctx(), m)
	if err != nil {
		return unapplied(err, "Invalid payload")
	}
	if out.Skipped {
		return reply(r, http.StatusOK, map[string]bool{"ok": true, "skipped": true})
	}
	read, _ := out.Read.(*eventDecoder)
	warnings, err := s.warnings(r, read, &out.Result, false)
	if err != nil {
		return err
	}
	s.tell(read, &out.Result)
	return reply(r, http.StatusOK, applied{
		OK: true, Event: out.Event, UserID: out.Result.ContactKey, Stored: out.Result.Stored, Exits: exits(out.Result.Exits), Warnings: warnings,
	})
}

// verified reads a message of a source: nothing of it without a secret; its credential is
// checked on the bytes as they came, before they are parsed (P-4, E-60).
func (s *Server) verified(r *request, source string, check webhook.Check, secret map[string]bool) (m inbox.Message, err error) {
	if check == nil {
		return m, &refusal{status: http.StatusServiceUnavailable, text: "Webhook source not configured"}
	}
	if _, err := r.compressed(); err != nil {
		return m, err
	}
	if r.Request().ContentLength > maxBody {
		return m, tooLarge()
	}
	raw, err := readAll(r.Request().Body, maxBody, false)
	if err != nil {
		return m, err
	}
	id, err := check(r.Request().Header.Get, raw, s.now())
	if err != nil {
		s.log.Info("webhook refused", "source", source, "reason", err, "request_id", requestID(r))
		return m, unauthorized("Webhook verification failed")
	}
	body, err := encoding.UTF8(raw)
	if err != nil {
		return m, invalidText("Invalid payload", detail{Message: "body " + err.Error()})
	}
	if !json.Valid(body) {
		return m, invalidText("Invalid payload", detail{Message: "must be JSON"})
	}
	m = inbox.Message{Source: source, ID: id, Body: body, Headers: map[string]string{}}
	for name, values := range r.Request().Header {
		if name = strings.ToLower(name); !secret[name] && len(m.Headers) < maxHeaders {
			m.Headers[name] = strings.ToValidUTF8(values[0], "\ufffd")
		}
	}
	return m, nil
}

// maxHeaders bounds how many headers of a message are kept.
const maxHeaders = 100

// credentials are the headers, in lower case, that no transform sees.
func credentials(auth hogsend.SourceAuth) map[string]bool {
	return map[string]bool{
		strings.ToLower(webhook.Credential(auth)): true, "authorization": true, "cookie": true, "svix-signature": true, "webhook-signature": true,
	}
}

// unapplied is the answer about a message that is verified and not applied: the sender
// repeats it, and so do we.
func unapplied(err error, text string) error {
	var invalid *inbox.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	details := make([]detail, len(invalid.Problems))
	for i, p := range invalid.Problems {
		details[i] = detail(p)
	}
	return invalidText(text, details...)
}
