package posthog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	sdk "github.com/posthog/posthog-go"
)

// ErrorKind says what a failure is about.
type ErrorKind string

// The kinds of failures.
const (
	// Permanent concerns the event: no repetition cures it.
	Permanent ErrorKind = "permanent"
	// Unavailable concerns PostHog or the way to it: down, slow, busy, wrong key.
	Unavailable ErrorKind = "unavailable"
)

// Error is why PostHog has not got an event.
type Error struct {
	Kind ErrorKind
	// Status is the answer's; 0 without one.
	Status int
	// RetryAfter is how long PostHog asks to wait, 0 if it does not.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return "tell posthog: " + e.Err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// classify says what is known about a call of which the SDK reports err.
func classify(err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, sdk.ErrMessageTooBig):
		return &Error{Kind: Permanent, Err: err}
	}
	return &Error{Kind: Unavailable, Err: err}
}

// refused says what an answer other than 2xx means. A key that is not known, a page
// that is not there and a redirect are faults of the configuration, and may be mended.
func refused(res *http.Response, now time.Time) *Error {
	e := &Error{Kind: Permanent, Status: res.StatusCode, Err: fmt.Errorf("posthog answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))}
	switch {
	case res.StatusCode >= 500, res.StatusCode < 400:
		e.Kind = Unavailable
	default:
		switch res.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
			http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			e.Kind = Unavailable
		}
	}
	value := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		e.RetryAfter = max(date.Sub(now), 0)
	}
	return e
}

// transport makes one call within ctx and turns what is not 2xx into an error: the SDK
// keeps only a text of it, and would follow a redirect.
type transport struct {
	ctx  context.Context //nolint:containedctx // lives as long as the call, for which the SDK takes none
	next http.RoundTripper
	now  func() time.Time
}

// RoundTrip is that of the wrapped transport.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.WithContext(t.ctx)
	req.Cancel = nil //nolint:staticcheck // the SDK gives up after 10 s
	res, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, &Error{Kind: Unavailable, Err: err}
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	// What is left unread costs a connection; the body itself is ignored (P-18).
	_, _ = io.CopyN(io.Discard, res.Body, 1<<16)
	_ = res.Body.Close()
	return nil, refused(res, t.now())
}

// results take what the SDK tells of each event, from several goroutines.
type results struct {
	mu   sync.Mutex
	byID map[string]error
	lost error
}

// Success implements sdk.Callback.
func (r *results) Success(m sdk.APIMessage) { r.note(m, nil) }

// Failure implements sdk.Callback.
func (r *results) Failure(m sdk.APIMessage, err error) { r.note(m, classify(err)) }

func (r *results) note(m sdk.APIMessage, err error) {
	capture, ok := m.(sdk.CaptureInApi)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID[capture.Uuid] = err
}

// of is what became of one event. One of which nothing was told was not sent.
func (r *results) of(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err, told := r.byID[id]
	if !told {
		return &Error{Kind: Unavailable, Err: errors.Join(errors.New("the call was not made"), r.lost)}
	}
	return err
}

// silence keeps the SDK from printing events: they tell about people.
type silence struct{}

func (silence) Logf(string, ...any)   {}
func (silence) Errorf(string, ...any) {}
