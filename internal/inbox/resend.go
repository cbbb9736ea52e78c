package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/tracking"
)

// ResendSource is the source of the messages of Resend, which no source of an author has (P-1).
const ResendSource = "resend"

// Reports applies what Resend reports of mails (E-61 to E-64).
type Reports struct {
	Ingest    *ingest.Ingester
	Tracking  tracking.Classifier
	PublicURL string
}

// Apply is the Handler. What changes nothing is skipped.
func (x Reports) Apply(ctx context.Context, in Message) (Outcome, error) {
	var m resendMessage
	if err := json.Unmarshal(in.Body, &m); err != nil {
		return Outcome{}, &InvalidError{Problems: []ingest.Problem{{Message: "not a message of Resend"}}}
	}
	if m.Type == "email.opened" || m.Type == "email.clicked" {
		return Outcome{}, x.hit(ctx, m, in)
	}
	report, ok := m.report()
	if !ok {
		return Outcome{Skipped: true}, nil
	}
	report.Source, report.MessageID = ResendSource, in.ID
	if report.At.IsZero() {
		report.At = in.ReceivedAt
	}
	return Outcome{}, x.Ingest.Report(ctx, report)
}

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
		Open   *resendHit `json:"open"`
		Click  *resendHit `json:"click"`
		Failed *struct {
			Reason string `json:"reason"`
		} `json:"failed"`
	} `json:"data"`
}

// resendHit is what is told of an open or a click.
type resendHit struct {
	IPAddress string    `json:"ipAddress"`
	Link      string    `json:"link"`
	Timestamp time.Time `json:"timestamp"`
	UserAgent string    `json:"userAgent"`
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

// hit keeps an open or a click that Resend tells of. One of a link that leads by way of us,
// or to us, is told by our own routes.
func (x Reports) hit(ctx context.Context, m resendMessage, in Message) error {
	report, _ := m.report()
	told, hit := m.Data.Open, ingest.Hit{Source: ResendSource, MessageID: in.ID, ProviderID: report.ProviderID}
	if m.Type == "email.clicked" {
		if told = m.Data.Click; told == nil {
			return nil
		}
		target, ok := tracking.Target(x.PublicURL, told.Link)
		if !ok {
			return nil
		}
		hit.URL = target
	}
	hit.At = report.At
	if told != nil {
		hit.IP, hit.Agent = told.IPAddress, told.UserAgent
		if !told.Timestamp.IsZero() {
			hit.At = told.Timestamp
		}
	}
	if hit.Silent = hit.Agent == ""; hit.At.IsZero() {
		hit.At = in.ReceivedAt
	}
	return x.Ingest.ReportHit(ctx, x.Tracking, hit, report)
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
	case "email.delivery_delayed":
		r.Kind = ingest.ReportDelayed
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
