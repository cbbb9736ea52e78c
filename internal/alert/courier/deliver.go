// Package courier tells people what alert rules fired: by webhooks, in Slack, by mail.
package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/alert"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/seal"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/webhook"
)

// Courier tells people what fired. It is safe for concurrent use.
type Courier struct {
	Store    *store.Store
	Keys     *seal.Keys
	Policy   outbound.Policy
	Provider email.Provider
	// From is who mails come from.
	From string

	client *http.Client
}

// callTime bounds one call of a channel (O-16).
const callTime = 10 * time.Second

// New makes a courier ready.
func New(c Courier) *Courier {
	c.client = c.Policy.Client(callTime)
	return &c
}

// Deliver tells a pending firing once more; one that is settled or gone is nothing to do.
// Its id goes along, so that who hears it twice knows, and a mail is one mail.
func (c *Courier) Deliver(ctx context.Context, id uuid.UUID) error {
	rows, err := c.Store.AlertGet(ctx, id)
	if err != nil {
		return fmt.Errorf("read firing: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	var f alert.Firing
	if err := json.Unmarshal(rows[0].Payload, &f); err != nil {
		return fmt.Errorf("decode firing: %w", err)
	}
	if err := c.tell(ctx, id, alert.Channel(rows[0].Channel), rows[0].Config, f); err != nil {
		return err
	}
	return c.Settle(ctx, id, nil)
}

// Settle notes what became of a firing: delivered, or failed for a reason. Of several
// notes the first one counts.
func (c *Courier) Settle(ctx context.Context, id uuid.UUID, failure error) error {
	status, text := "delivered", (*string)(nil)
	if failure != nil {
		reason := clip.Stored(failure.Error(), 500)
		status, text = "failed", &reason
	}
	if err := c.Store.AlertSettle(ctx, status, text, id); err != nil {
		return fmt.Errorf("settle firing: %w", err)
	}
	return nil
}

// Try tells a test over the channel of a rule, at once and without a trace.
func (c *Courier) Try(ctx context.Context, channel alert.Channel, sealed string, f alert.Firing) error {
	f.Test = true
	return c.tell(ctx, uuid.Must(uuid.NewV7()), channel, sealed, f)
}

func (c *Courier) tell(ctx context.Context, id uuid.UUID, channel alert.Channel, sealed string, f alert.Firing) error {
	plain, err := c.Keys.Open(sealed)
	if err != nil {
		return err
	}
	var to config
	if err := json.Unmarshal(plain, &to); err != nil {
		return errors.New("decode channel")
	}
	switch channel {
	case alert.Webhook:
		body, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("encode firing: %w", err)
		}
		return c.post(ctx, to.URL, body, id, to.Secret)
	case alert.Slack:
		body, err := json.Marshal(map[string]string{"text": "*" + slackText(f.Rule) + "*: " + slackText(f.Text())})
		if err != nil {
			return fmt.Errorf("encode firing: %w", err)
		}
		return c.post(ctx, to.WebhookURL, body, id, "")
	case alert.Email:
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		_, err := c.Provider.Send(ctx, mail(id, c.From, to.To, f))
		if err != nil {
			return fmt.Errorf("send mail: %s", email.Classify(err).Reason)
		}
		return nil
	}
	return fmt.Errorf("unknown channel %q", channel)
}

func (c *Courier) post(ctx context.Context, address string, body []byte, id uuid.UUID, secret string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("make request")
	}
	name, stamp := "alert_"+id.String(), strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hogsend")
	req.Header.Set("Webhook-Id", name)
	req.Header.Set("Webhook-Timestamp", stamp)
	if secret != "" {
		key, err := webhook.Key(secret)
		if err != nil {
			return err
		}
		req.Header.Set("Webhook-Signature", webhook.Sign(key, name, stamp, body))
	}
	res, err := c.client.Do(req)
	if err != nil {
		var at *url.Error // its text has the address, which may be a secret
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("call: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("answered %d", res.StatusCode)
	}
	return nil
}

// slackText escapes what Slack takes for markup.
func slackText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// mail is the mail of a firing; its key makes every attempt one mail.
func mail(id uuid.UUID, from, to string, f alert.Firing) email.Message {
	oneLine := strings.Join(strings.Fields(f.Rule), " ")
	text := f.Text() + "\n\nRule: " + oneLine + "\nAt: " + f.At.Format(time.RFC3339) + "\n"
	return email.Message{
		Key: "alert:" + id.String(), From: from, To: to, Subject: "[Hogsend Alert] " + oneLine, Text: text,
		HTML:    "<!doctype html><html><body><p>" + html.EscapeString(f.Text()) + "</p><p>Rule: " + html.EscapeString(oneLine) + "<br>At: " + f.At.Format(time.RFC3339) + "</p></body></html>",
		Headers: map[string]string{"X-Entity-Ref-ID": id.String(), "Auto-Submitted": "auto-generated"},
	}
}
