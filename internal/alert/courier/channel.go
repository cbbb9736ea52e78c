package courier

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/alert"
	"github.com/hogsend/hogsend/internal/seal"
	"github.com/hogsend/hogsend/internal/webhook"
)

// config is where a channel leads: of a webhook URL and perhaps Secret, of Slack WebhookURL,
// of mails To.
type config struct {
	URL        string `json:"url,omitempty"`
	Secret     string `json:"secret,omitempty"`
	WebhookURL string `json:"webhookUrl,omitempty"`
	To         string `json:"to,omitempty"`
}

// Configure checks where a channel leads and gives it as it is kept, sealed, and as it is
// shown, secrets masked up to their last four characters. A secret that is given as it was
// shown stays what it is in before, the sealed text of the rule; "" for a new one. The error
// is a *hogsend.ValidationError below channelConfig.
func (c *Courier) Configure(ctx context.Context, channel alert.Channel, given map[string]json.RawMessage, before string) (sealed string, shown json.RawMessage, err error) {
	wrong := func(name, message string) error {
		return &hogsend.ValidationError{Field: "channelConfig." + name, Message: message}
	}
	var old, now config
	if before != "" {
		plain, err := c.Keys.Open(before)
		switch {
		case errors.Is(err, seal.ErrSealed): // its secret is lost, and may be given anew
		case err != nil:
			return "", nil, err
		case json.Unmarshal(plain, &old) != nil:
			return "", nil, errors.New("decode channel")
		}
	}
	text := func(name, was string, field *string) error {
		raw, ok := given[name]
		if !ok || string(raw) == "null" {
			return nil
		}
		if err := json.Unmarshal(raw, field); err != nil {
			return wrong(name, "must be a string")
		}
		if was != "" && *field == masked(was) {
			*field = was
		}
		return nil
	}
	switch channel {
	case alert.Webhook:
		if err := errors.Join(text("url", "", &now.URL), text("secret", old.Secret, &now.Secret)); err != nil {
			return "", nil, first(err)
		}
		if err := c.Policy.Check(ctx, now.URL); err != nil {
			return "", nil, wrong("url", err.Error())
		}
		if now.Secret != "" {
			if _, err := webhook.NewVerifier([]string{now.Secret}); err != nil || !strings.HasPrefix(now.Secret, "whsec_") {
				return "", nil, wrong("secret", `must be "whsec_" followed by base64 of at least 16 bytes`)
			}
		}
	case alert.Slack:
		if err := text("webhookUrl", old.WebhookURL, &now.WebhookURL); err != nil {
			return "", nil, err
		}
		if err := c.Policy.Check(ctx, now.WebhookURL); err != nil {
			return "", nil, wrong("webhookUrl", err.Error())
		}
	case alert.Email:
		if err := text("to", "", &now.To); err != nil {
			return "", nil, err
		}
		if now.To = address.Trim(now.To); address.Key(now.To) == "" {
			return "", nil, wrong("to", "must be an e-mail address")
		}
	}
	plain, err := json.Marshal(now) //nolint:gosec // it is sealed
	if err != nil {
		return "", nil, err
	}
	now.Secret, now.WebhookURL = masked(now.Secret), masked(now.WebhookURL)
	if shown, err = json.Marshal(now); err != nil { //nolint:gosec // secrets are masked
		return "", nil, err
	}
	return c.Keys.Seal(plain), shown, nil
}

// first is the first of joined errors.
func first(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0]
	}
	return err
}

// masked hides a secret but for its last four characters.
func masked(secret string) string {
	if secret == "" {
		return ""
	}
	return "****" + secret[max(0, len(secret)-4):]
}
