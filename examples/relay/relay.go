// Package relay is a provider of an author's own: a service that takes mails as JSON over HTTP
// and honors keys for a day. docs/providers.md explains it.
package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hogsend/hogsend/provider"
)

// Relay hands mails to POST URL/mails. It is safe for concurrent use.
type Relay struct {
	URL, Token string
	// Client makes the calls; its redirects should be off.
	Client *http.Client
}

// mail is a message as the service takes it: with the content of its files.
type mail struct {
	provider.Message
	Files []file `json:"files,omitempty"`
}

type file struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Inline  string `json:"inline,omitempty"`
	Content []byte `json:"content"`
}

// Send makes one call. The service answers a key that it knows with the first id.
func (r *Relay) Send(ctx context.Context, m provider.Message) (string, error) {
	body := mail{Message: m}
	for _, f := range m.Files {
		body.Files = append(body.Files, file{f.Name, f.Type, f.Inline, f.Content})
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return "", &provider.Error{Kind: provider.Permanent, Reason: "encode mail", Err: err}
	}
	call, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+"/mails", bytes.NewReader(raw))
	if err != nil {
		return "", &provider.Error{Kind: provider.Permanent, Reason: "make request", Err: err}
	}
	call.Header.Set("Content-Type", "application/json")
	call.Header.Set("Authorization", "Bearer "+r.Token)
	call.Header.Set("Idempotency-Key", m.Key)
	answer, err := r.Client.Do(call)
	if err != nil { // perhaps after the service had read it
		return "", &provider.Error{Kind: provider.Unknown, Reason: "no answer", Err: err}
	}
	defer answer.Body.Close()
	var accepted struct {
		ID    string `json:"id"`
		Error string `json:"error"`
	}
	// A body that is no JSON has no id.
	_ = json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&accepted)
	if answer.StatusCode < 300 && accepted.ID != "" {
		return accepted.ID, nil
	}
	return "", failure(answer, accepted.Error)
}

// failure says what is known of an answer: a refusal for good, one for now, or neither.
func failure(answer *http.Response, text string) error {
	e := &provider.Error{Kind: provider.Unknown, Status: answer.StatusCode, Reason: fmt.Sprintf("%d %s", answer.StatusCode, text)}
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests:
		e.Kind = provider.Transient
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
			e.RetryAfter = time.Duration(seconds) * time.Second
		}
	case code == http.StatusConflict:
		e.Kind, e.Reason = provider.Permanent, provider.ReasonConflict
	case code >= 400 && code < 500:
		e.Kind = provider.Permanent
	}
	return e
}

// KeyLifetime is what the service promises.
func (*Relay) KeyLifetime() time.Duration { return 24 * time.Hour }
