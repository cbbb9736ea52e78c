package server

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// refusal is an answer other than success that a handler decided on (H-5).
type refusal struct {
	status  int
	text    string
	code    string // upper snake case; "" for none
	details []detail
	wait    time.Duration // Retry-After; 0 for none
	limit   int           // of those that a 429 tells; 0 when the reply has them
	extra   map[string]any
}

func (r *refusal) Error() string { return r.text }

func invalid(details ...detail) error { return invalidText("Invalid request", details...) }

func invalidText(text string, details ...detail) error {
	r := &refusal{status: http.StatusBadRequest, text: text, details: details}
	if slices.ContainsFunc(details, func(d detail) bool { return strings.HasPrefix(d.Message, "junk_id: ") }) {
		r.code = "JUNK_ID" // I-57
	}
	return r
}

func notFound(text string) error { return &refusal{status: http.StatusNotFound, text: text} }

func conflict(text string) error { return &refusal{status: http.StatusConflict, text: text} }

// taken refuses a key of another contact, naming that one (I-62).
func taken(e *ingest.TakenError) error {
	return &refusal{status: http.StatusConflict, text: e.Field + " belongs to another contact", details: []detail{{Path: e.Field, Message: "belongs to " + e.ContactKey}}}
}

func unauthorized(text string) error { return &refusal{status: http.StatusUnauthorized, text: text} }

func tooLarge() error {
	return &refusal{status: http.StatusRequestEntityTooLarge, text: "Request body too large"}
}

func tooMany(wait time.Duration) error { return tooManyOf(0, wait) }

// tooManyOf is tooMany by a limit that is told with no other reply (H-14).
func tooManyOf(limit int, wait time.Duration) error {
	return &refusal{status: http.StatusTooManyRequests, text: "Rate limit exceeded", wait: max(wait, time.Second), limit: limit}
}

// invalidEvent refuses an event. The two problems that clients are told by
// themselves become the text of the error (I-11, I-14).
func invalidEvent(details []detail) error {
	for _, d := range details {
		if d.Message == check.IdentityMessage || d.Message == check.ReservedMessage {
			return invalidText(d.Message, details...)
		}
	}
	return invalid(details...)
}

// panicked is a panic of a handler with the stack it came from.
type panicked struct {
	cause any
	stack []byte
}

func (p *panicked) Error() string { return "handler panicked" }

// recovered turns a panic into an error, except the one that aborts a connection.
func recovered(cause any) error {
	if cause == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
		panic(cause)
	}
	return &panicked{cause: cause, stack: debug.Stack()}
}

// gone is for a client that went away before its request was there.
func gone(err error) error {
	return &refusal{status: statusClientGone, text: "Request canceled: " + err.Error()}
}

// statusClientGone is for a client that did not wait for the answer: nobody reads it.
const statusClientGone = 499

// classify is the one map from errors to answers. What it does not know is a 500
// whose cause only the log tells.
func classify(err error) *refusal {
	var known *refusal
	var echoed *echo.HTTPError
	var wrong *hogsend.ValidationError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &wrong):
		return &refusal{status: http.StatusBadRequest, text: "Invalid request", details: []detail{{Path: wrong.Field, Message: wrong.Message}}}
	case errors.As(err, &echoed):
		return &refusal{status: echoed.Code, text: http.StatusText(echoed.Code)}
	case errors.Is(err, ingest.ErrClosed):
		return &refusal{status: http.StatusServiceUnavailable, text: "Server is stopping", wait: time.Second}
	case errors.Is(err, context.Canceled):
		return &refusal{status: statusClientGone, text: "Request canceled"}
	case store.IsUnavailable(err):
		return &refusal{status: http.StatusServiceUnavailable, text: "Database unavailable", wait: time.Second}
	}
	return &refusal{status: http.StatusInternalServerError, text: "Internal Server Error"}
}

// seconds rounds up to whole seconds.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// detail is one entry of an error's details (H-5).
type detail struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func itoa(n int) string { return strconv.Itoa(n) }
