package resend

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hogsend/hogsend/internal/email"
)

// quotaPause is how long to wait once a quota is used up; Resend's own hint would
// be hours or days (E-37).
const quotaPause = 15 * time.Minute

// classify says what is known about a call that brought no id, by the table of E-37.
func classify(a answer, cause error, now time.Time) *email.SendError {
	e := &email.SendError{Kind: email.Unknown, Status: a.status, Err: cause}
	if a.status == 0 {
		// Without an answer all depends on whether the request can have arrived.
		if !a.written {
			e.Kind = email.Transient
		}
		e.Reason = cause.Error()
		return e
	}
	var body struct{ Name, Message string }
	// An answer that is not JSON has no name, and its status as text.
	_ = json.Unmarshal(a.body, &body)
	e.Reason = cmp.Or(body.Message, body.Name, strconv.Itoa(a.status)+" "+http.StatusText(a.status))
	e.RetryAfter = retryAfter(a.header, now)
	switch {
	case a.status >= 200 && a.status < 300:
		e.Reason = "accepted without an id"
	case a.status == http.StatusTooManyRequests:
		e.Kind = email.Transient
		if body.Name == "daily_quota_exceeded" || body.Name == "monthly_quota_exceeded" {
			e.RetryAfter = quotaPause
		}
	case a.status == http.StatusConflict && body.Name == "concurrent_idempotent_requests":
		e.Kind = email.Transient
	case a.status == http.StatusConflict && body.Name == "invalid_idempotent_request":
		e.Kind, e.Reason = email.Permanent, email.ReasonConflict
	case a.status >= 400 && a.status < 500:
		e.Kind = email.Permanent
	}
	return e
}

// retryAfter is how long the answer asks to wait, 0 if it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "Ratelimit-Reset"} {
		value := h.Get(name)
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 && seconds < math.MaxInt32 {
			return time.Duration(seconds * float64(time.Second))
		}
		if date, err := http.ParseTime(value); err == nil {
			return max(date.Sub(now), 0)
		}
	}
	return 0
}
