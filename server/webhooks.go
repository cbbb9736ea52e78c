package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
)

// resendMessage is what we read of a webhook of Resend.
type resendMessage struct {
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	Data      struct {
		EmailID string     `json:"email_id"`
		To      []string   `json:"to"`
		Tags    resendTags `json:"tags"`
		Bounce  *struct {
			Type    string `json:"type"`
			SubType string `json:"subType"`
			Message string `json:"message"`
		} `json:"bounce"`
		Failed *struct {
			Reason string `json:"reason"`
		} `json:"failed"`
	} `json:"data"`
}

// resendTags are an object in webhooks, though a list in calls.
type resendTags map[string]string

// UnmarshalJSON reads either form.
func (t *resendTags) UnmarshalJSON(raw []byte) error {
	var list []struct{ Name, Value string }
	if json.Unmarshal(raw, &list) == nil {
		*t = resendTags{}
		for _, tag := range list {
			(*t)[tag.Name] = tag.Value
		}
		return nil
	}
	var object map[string]string
	if err := json.Unmarshal(raw, &object); err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	*t = object
	return nil
}

// resendSource is the source of these messages, which no source of an author has (P-1).
const resendSource = "resend"

// postResend is R-29. Nothing is read without a secret; the signature is checked on the
// bytes as they came, before they are parsed (E-60).
func (s *Server) postResend(r *request) error {
	if s.cfg.Resend == nil {
		return &refusal{status: http.StatusServiceUnavailable, text: "Webhook source not configured"}
	}
	if _, err := r.compressed(); err != nil {
		return err
	}
	raw, err := readAll(r.Request().Body, maxBody, false)
	if err != nil {
		return err
	}
	id, err := s.cfg.Resend.Verify(r.Request().Header.Get, raw, s.now())
	if err != nil {
		s.log.Info("webhook refused", "reason", err, "request_id", requestID(r))
		return unauthorized("Webhook verification failed")
	}
	var m resendMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return invalid(detail{Message: "not a message of Resend"})
	}
	if report, ok := m.report(); ok {
		report.Source, report.MessageID = resendSource, id
		if report.At.IsZero() {
			report.At = s.now()
		}
		if err := s.cfg.Ingest.Report(r.ctx(), report); err != nil {
			return err
		}
	}
	return reply(r, http.StatusOK, map[string]bool{"ok": true})
}

// report is what a message tells; ok is false for types that change nothing (E-64).
func (m resendMessage) report() (r ingest.Report, ok bool) {
	r = ingest.Report{At: m.CreatedAt, ProviderID: m.Data.EmailID}
	if len(m.Data.To) > 0 {
		r.To = m.Data.To[0]
	}
	if id, err := uuid.Parse(m.Data.Tags[email.TagSend]); err == nil {
		r.SendID = &id
	}
	switch m.Type {
	case "email.sent":
		r.Kind = ingest.ReportSent
	case "email.delivered":
		r.Kind = ingest.ReportDelivered
	case "email.bounced":
		r.Kind = ingest.ReportSoftBounce
		if b := m.Data.Bounce; b != nil {
			r.Text = b.Message
			if b.Type == "Permanent" {
				r.Kind = ingest.ReportHardBounce
			}
		}
	case "email.suppressed":
		r.Kind, r.Text = ingest.ReportHardBounce, "provider_suppressed"
	case "email.complained":
		r.Kind = ingest.ReportComplained
	case "email.failed":
		r.Kind, r.Text = ingest.ReportFailed, "failed"
		if m.Data.Failed != nil && m.Data.Failed.Reason != "" {
			r.Text = m.Data.Failed.Reason
		}
	default:
		return r, false
	}
	return r, true
}
