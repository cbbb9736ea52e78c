// Package resend sends mails through Resend and says of every failure what is
// known about it (E-37).
package resend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/resend/resend-go/v2"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/email"
)

const (
	defaultBaseURL = "https://api.resend.com/"
	callTimeout    = 15 * time.Second
	keyLifetime    = 24 * time.Hour
)

// Config says how to reach Resend.
type Config struct {
	// APIKey is required.
	APIKey string
	// BaseURL replaces Resend's own; "" means https://api.resend.com.
	BaseURL string
	// Transport carries the calls; nil means a copy of http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds a call; 0 means 15 s.
	Timeout time.Duration
	// Now is the clock that a Retry-After date is compared with; nil means time.Now.
	Now func() time.Time
}

// Provider is Resend. It is safe for concurrent use.
type Provider struct {
	client *sdk.Client
	now    func() time.Time
}

// New checks the configuration; it makes no call.
func New(cfg Config) (*Provider, error) {
	if strings.TrimSpace(cfg.APIKey) == "" {
		return nil, errors.New("resend: no API key")
	}
	base, err := url.Parse(strings.TrimSuffix(cmp.Or(cfg.BaseURL, defaultBaseURL), "/") + "/")
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("resend: %q is not a base URL", cfg.BaseURL)
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	client := sdk.NewCustomClient(&http.Client{
		Transport: observer{cfg.Transport},
		Timeout:   cmp.Or(cfg.Timeout, callTimeout),
		// A redirect would turn the POST into a GET and its page into an answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, strings.TrimSpace(cfg.APIKey))
	client.BaseURL = base
	return &Provider{client: client, now: cfg.Now}, nil
}

// Send makes one call with the send key as Idempotency-Key and returns Resend's id.
// Every error is a *email.SendError.
func (p *Provider) Send(ctx context.Context, m email.Message) (string, error) {
	ctx, seen := observe(ctx)
	response, err := p.client.Emails.SendWithOptions(ctx, request(m), &sdk.SendEmailOptions{IdempotencyKey: m.Key})
	if err == nil && response.Id != "" {
		return response.Id, nil
	}
	return "", classify(seen.answer(), err, p.now())
}

// SendBatch makes one call for all mails, under the key of the batch. An answer that does not
// name one id for each is unknown (E-38).
func (p *Provider) SendBatch(ctx context.Context, key string, mails []email.Message) ([]string, error) {
	requests := make([]*sdk.SendEmailRequest, len(mails))
	for i, m := range mails {
		requests[i] = request(m)
	}
	ctx, seen := observe(ctx)
	response, err := p.client.Batch.SendWithOptions(ctx, requests, &sdk.BatchSendEmailOptions{IdempotencyKey: key, BatchValidation: sdk.BatchValidationStrict})
	if err != nil {
		return nil, classify(seen.answer(), err, p.now())
	}
	ids := make([]string, 0, len(mails))
	for _, one := range response.Data {
		if one.Id != "" {
			ids = append(ids, one.Id)
		}
	}
	if len(ids) != len(mails) || len(response.Data) != len(mails) {
		return nil, &email.SendError{Kind: email.Unknown, Status: seen.answer().status, Reason: fmt.Sprintf("accepted with %d ids for %d mails", len(ids), len(mails))}
	}
	return ids, nil
}

// KeyLifetime is how long Resend remembers a key.
func (p *Provider) KeyLifetime() time.Duration { return keyLifetime }

// wire encodes a name that is not ASCII (E-81). What is no mailbox is for Resend to refuse.
func wire(s string) string {
	m, err := address.ParseMailbox(s)
	if err != nil {
		return s
	}
	return m.Wire()
}

// request has its tags sorted: all calls with one key carry the same bytes (E-29).
func request(m email.Message) *sdk.SendEmailRequest {
	r := &sdk.SendEmailRequest{
		From: wire(m.From), To: []string{m.To}, ReplyTo: wire(m.ReplyTo),
		Subject: m.Subject, Html: m.HTML, Text: m.Text, Headers: m.Headers,
	}
	for name, value := range m.Tags {
		r.Tags = append(r.Tags, sdk.Tag{Name: name, Value: value})
	}
	for _, f := range m.Files {
		r.Attachments = append(r.Attachments, &sdk.Attachment{Content: f.Content, Filename: f.Name, ContentType: f.Type, ContentId: f.Inline})
	}
	slices.SortFunc(r.Tags, func(a, b sdk.Tag) int { return strings.Compare(a.Name, b.Name) })
	return r
}
