// Package hook posts signed messages to addresses of an author's, and says of every failure
// whether it concerns the message or the receiver.
package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/webhook"
)

// Timeout is how long a receiver has for its answer (P-18).
const Timeout = 15 * time.Second

// Target is one receiver.
type Target struct {
	URL     string
	Headers map[string]string
	keys    [][]byte
	client  *http.Client
	now     func() time.Time
}

// Config is what a Target is made of.
type Config struct {
	URL string
	// Secrets sign every message, each once: "whsec_" and base64.
	Secrets []string
	Headers map[string]string
	// Policy says where requests may go. Now is the clock; nil means time.Now.
	Policy outbound.Policy
	Now    func() time.Time
}

// New checks a receiver's address and secrets (P-16, P-19).
func New(ctx context.Context, c Config) (*Target, error) {
	t := &Target{URL: c.URL, Headers: c.Headers, client: c.Policy.Client(Timeout), now: c.Now}
	if t.now == nil {
		t.now = time.Now
	}
	if len(c.Secrets) == 0 {
		return nil, errors.New("there is no secret")
	}
	for _, secret := range c.Secrets {
		key, err := webhook.Key(secret)
		if err != nil {
			return nil, err
		}
		t.keys = append(t.keys, key)
	}
	if err := c.Policy.Check(ctx, c.URL); err != nil {
		return nil, fmt.Errorf("%s: %w", c.URL, err)
	}
	return t, nil
}

// Error is why a receiver has not got a message.
type Error struct {
	// Status is the answer's; 0 without one.
	Status int
	// RetryAfter is how long the receiver asks to wait; 0 if it does not.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return "post webhook: " + e.Err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Gone reports that the receiver wants no more of this message.
func (e *Error) Gone() bool { return e.Status == http.StatusGone }

// Post sends one message, under an id that is the same on every attempt. The error is an
// *Error; of the answer nothing but its status is read or kept (P-18).
func (t *Target) Post(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return &Error{Err: errors.New("address is malformed")}
	}
	for name, value := range t.Headers {
		req.Header.Set(name, value)
	}
	stamp := strconv.FormatInt(t.now().Unix(), 10)
	signatures := make([]string, len(t.keys))
	for i, key := range t.keys {
		signatures[i] = webhook.Sign(key, id, stamp, body)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hogsend")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", stamp)
	req.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	res, err := t.client.Do(req)
	if err != nil {
		return &Error{Err: cause(err)}
	}
	defer res.Body.Close()
	// What is left unread costs a connection; more than that is not taken.
	_, _ = io.CopyN(io.Discard, res.Body, 1<<16)
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	return &Error{Status: res.StatusCode, RetryAfter: t.after(res.Header.Get("Retry-After")), Err: fmt.Errorf("answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))}
}

// cause leaves the address out: it may have a token.
func cause(err error) error {
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) && wrapped.Unwrap() != nil {
		return wrapped.Unwrap()
	}
	return err
}

func (t *Target) after(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(t.now()), 0)
	}
	return 0
}
