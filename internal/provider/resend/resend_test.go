package resend_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/resend"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func provider(t *testing.T, url string, change ...func(*resend.Config)) *resend.Provider {
	t.Helper()
	cfg := resend.Config{APIKey: "re_test", BaseURL: url, Now: func() time.Time { return now }}
	for _, c := range change {
		c(&cfg)
	}
	p, err := resend.New(cfg)
	require.NoError(t, err)
	return p
}

func message() email.Message {
	return email.NewMessage(
		email.Envelope{SendID: "s1", Key: "e1:send:welcome#1", From: "Acme <a@acme.example>", To: "ada@example.com", ReplyTo: "help@acme.example", Template: "a/welcome", JourneyID: "j", UnsubscribeURL: "https://x.example/u"},
		email.Rendered{Subject: "Hello", HTML: "<p>Hi</p>", Text: "Hi"})
}

// E-37: the key on every call, HTML and text both, the same bytes each time.
func TestRequestCarriesKeyAndContent(t *testing.T) {
	t.Parallel()
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		if r.URL.Path == "/emails" && r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == "e1:send:welcome#1" && r.Header.Get("Authorization") == "Bearer re_test" {
			_, _ = io.WriteString(w, `{"id":"re_1"}`)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	p := provider(t, server.URL)
	for range 5 {
		id, err := p.Send(t.Context(), message())
		require.NoError(t, err)
		require.Equal(t, "re_1", id)
	}
	for _, body := range bodies {
		require.Equal(t, bodies[0], body)
	}
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(bodies[0]), &sent))
	require.Equal(t, map[string]any{
		"from": "Acme <a@acme.example>", "to": []any{"ada@example.com"}, "reply_to": "help@acme.example",
		"subject": "Hello", "html": "<p>Hi</p>", "text": "Hi",
		"headers": map[string]any{"X-Entity-Ref-ID": "s1", "List-Unsubscribe": "<https://x.example/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
		"tags": []any{
			map[string]any{"name": "hogsend_send", "value": "s1"},
			map[string]any{"name": "journey", "value": "j"},
			map[string]any{"name": "template", "value": "a_welcome"},
		},
	}, sent)
	require.Equal(t, 24*time.Hour, p.KeyLifetime())
}

// E-84, E-85: files go along, and a mail without HTML has none.
func TestRequestCarriesFiles(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&sent)
		_, _ = io.WriteString(w, `{"id":"re_1"}`)
	}))
	defer server.Close()
	m := message()
	m.HTML = ""
	m.Files = []email.File{{Name: "a.pdf", Type: "application/pdf", Content: []byte{1, 255}}, {Name: "b.png", Type: "image/png", Inline: "logo", Content: []byte{2}}}
	_, err := provider(t, server.URL).Send(t.Context(), m)
	require.NoError(t, err)
	require.NotContains(t, sent, "html")
	require.Equal(t, []any{
		map[string]any{"filename": "a.pdf", "content_type": "application/pdf", "content": []any{1.0, 255.0}},
		map[string]any{"filename": "b.png", "content_type": "image/png", "content": []any{2.0}, "content_id": "logo"},
	}, sent["attachments"])
}

// E-37: every row of the table that is an answer.
func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		status     int
		body       string
		header     map[string]string
		kind       email.ErrorKind
		reason     string
		retryAfter time.Duration
	}{
		{"2xx without an id", 200, `{}`, nil, email.Unknown, "accepted without an id", 0},
		{"2xx that is not JSON", 200, `<html>`, nil, email.Unknown, "accepted without an id", 0},
		{"2xx without content", 204, ``, nil, email.Unknown, "accepted without an id", 0},
		{"500", 500, `{"name":"internal_server_error","message":"Oops"}`, nil, email.Unknown, "Oops", 0},
		{"502 of a proxy", 502, `<html>bad gateway</html>`, nil, email.Unknown, "502 Bad Gateway", 0},
		{"503 with a hint", 503, ``, map[string]string{"Retry-After": "7"}, email.Unknown, "503 Service Unavailable", 7 * time.Second},
		{"a redirect", 302, ``, map[string]string{"Location": "/other"}, email.Unknown, "302 Found", 0},
		{"409 concurrent", 409, `{"name":"concurrent_idempotent_requests","message":"In flight"}`, nil, email.Transient, "In flight", 0},
		{"409 conflict", 409, `{"name":"invalid_idempotent_request","message":"Other payload"}`, nil, email.Permanent, "idempotency_conflict", 0},
		{"409 of another kind", 409, `{"name":"other","message":"No"}`, nil, email.Permanent, "No", 0},
		{"429 rate limit", 429, `{"name":"rate_limit_exceeded","message":"Slow"}`, map[string]string{"Retry-After": "3"}, email.Transient, "Slow", 3 * time.Second},
		{"429 with a date", 429, `{"name":"rate_limit_exceeded","message":"Slow"}`, map[string]string{"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, email.Transient, "Slow", 30 * time.Second},
		{"429 with a reset", 429, `{"name":"rate_limit_exceeded","message":"Slow"}`, map[string]string{"ratelimit-reset": "1"}, email.Transient, "Slow", time.Second},
		{"429 without a hint", 429, `{"name":"rate_limit_exceeded","message":"Slow"}`, nil, email.Transient, "Slow", 0},
		{"429 daily quota", 429, `{"name":"daily_quota_exceeded","message":"Quota"}`, map[string]string{"Retry-After": "3600"}, email.Transient, "Quota", 15 * time.Minute},
		{"429 monthly quota", 429, `{"name":"monthly_quota_exceeded","message":"Quota"}`, nil, email.Transient, "Quota", 15 * time.Minute},
		{"400", 400, `{"name":"validation_error","message":"Bad"}`, nil, email.Permanent, "Bad", 0},
		{"401", 401, `{"name":"restricted_api_key","message":"Key"}`, nil, email.Permanent, "Key", 0},
		{"403", 403, `{"name":"invalid_from","message":"Domain"}`, nil, email.Permanent, "Domain", 0},
		{"404", 404, `{}`, nil, email.Permanent, "404 Not Found", 0},
		{"422", 422, `{"name":"missing_required_field","message":"Missing"}`, nil, email.Permanent, "Missing", 0},
		{"451", 451, `{"name":"security_error","message":"Legal"}`, nil, email.Permanent, "Legal", 0},
		{"418", 418, ``, nil, email.Permanent, "418 I'm a teapot", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Content-Type", "application/json")
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			id, err := provider(t, server.URL).Send(t.Context(), message())
			require.Empty(t, id)
			e := email.Classify(err)
			require.Equal(t, test.kind, e.Kind)
			require.Equal(t, test.reason, e.Reason)
			require.Equal(t, test.retryAfter, e.RetryAfter)
			require.Equal(t, test.status, e.Status)
			require.Equal(t, 1, calls)
		})
	}
}

// E-37: without an answer all depends on whether the request was written.
func TestLostCallsAreClassified(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	strange := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(strange.Close)
	hijack := func(answer string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	t.Cleanup(func() { close(release); hanging.Close() })
	noName := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "api.resend.example", IsNotFound: true}
	}}

	tests := []struct {
		name   string
		url    string
		change func(*resend.Config)
		kind   email.ErrorKind
	}{
		{"connection refused", closed.URL, nil, email.Transient},
		{"DNS", "https://api.resend.example", func(c *resend.Config) { c.Transport = noName }, email.Transient},
		{"TLS to a plain server", "https" + plain.URL[len("http"):], nil, email.Transient},
		{"TLS with an unknown authority", strange.URL, nil, email.Transient},
		{"lost after writing", hijack(""), nil, email.Unknown},
		{"lost inside the headers", hijack("HTTP/1.1 200 OK\r\nContent-"), nil, email.Unknown},
		{"lost inside the body", hijack("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":"), nil, email.Unknown},
		{"timeout", hanging.URL, func(c *resend.Config) { c.Timeout = 50 * time.Millisecond }, email.Unknown},
	}
	for _, test := range tests { //nolint:paralleltest // they share servers that end with the test
		t.Run(test.name, func(t *testing.T) {
			p := provider(t, test.url, func(c *resend.Config) {
				if test.change != nil {
					test.change(c)
				}
			})
			_, err := p.Send(t.Context(), message())
			e := email.Classify(err)
			require.Equal(t, test.kind, e.Kind, e.Reason)
			require.Zero(t, e.Status)
			require.NotEmpty(t, e.Reason)
			require.NotContains(t, e.Reason, "re_test")
		})
	}
}

func TestMissingSettingsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := resend.New(resend.Config{})
	require.ErrorContains(t, err, "no API key")
	_, err = resend.New(resend.Config{APIKey: "re_x", BaseURL: "api.resend.com"})
	require.ErrorContains(t, err, "not a base URL")
	p, err := resend.New(resend.Config{APIKey: "re_x"})
	require.NoError(t, err)
	require.NotNil(t, p)
}
