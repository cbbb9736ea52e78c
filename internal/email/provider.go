package email

import (
	"context"
	"errors"
	"math"
	"time"
)

// Message is one mail to one address, as every provider gets it. All calls with
// one key carry the same message (E-29).
type Message struct {
	// Key is the send key, at most 256 characters (E-28). It is not part of the content.
	Key string `json:"-"`
	// From and ReplyTo may have a display name; ReplyTo may be empty. To is one address (E-8).
	From    string `json:"from"`
	To      string `json:"to"`
	ReplyTo string `json:"replyTo,omitempty"`
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
	// Files are attached or shown in the HTML, in this order (E-84).
	Files []File `json:"files,omitempty"`
	// Headers are additional mail headers, Tags are for the provider (E-11).
	Headers map[string]string `json:"headers,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// Provider hands mails to the world. It keeps no state and never sees the
// database (E-35). Implementations are safe for concurrent use.
type Provider interface {
	// Send returns the provider's id of the accepted mail, or an error that
	// [Classify] understands. The same key with the same message is one mail and
	// answers the first id, for as long as KeyLifetime says.
	Send(ctx context.Context, m Message) (providerID string, err error)
	// KeyLifetime is how long keys are honored after the first call: KeysForever,
	// or 0 for not at all. Retries end ten minutes before it does (E-31, E-35).
	KeyLifetime() time.Duration
}

// KeysForever is the KeyLifetime of a provider that never forgets a key.
const KeysForever time.Duration = math.MaxInt64

// ErrorKind says what is known about a failed provider call.
type ErrorKind string

// The kinds of failed calls (E-35): not accepted and worth another try, refused
// for good, and perhaps accepted.
const (
	Transient ErrorKind = "transient"
	Permanent ErrorKind = "permanent"
	Unknown   ErrorKind = "unknown"
)

// ReasonConflict is the reason of a key that the provider knows with another
// content: a defect of ours (E-29).
const ReasonConflict = "idempotency_conflict"

// SendError is a failed provider call.
type SendError struct {
	Kind ErrorKind
	// Status is the HTTP status, 0 when there was none. A 429 stops all calls of
	// the process for RetryAfter (E-34).
	Status int
	// RetryAfter is how long the provider asked to wait; 0 means it did not say.
	RetryAfter time.Duration
	// Reason is the provider's text, kept with the send.
	Reason string
	// Err is the cause, if there is one.
	Err error
}

func (e *SendError) Error() string { return string(e.Kind) + " provider error: " + e.Reason }

// Unwrap is the cause.
func (e *SendError) Unwrap() error { return e.Err }

// Classify finds the SendError in err. An error of no known kind is Unknown; nil
// stays nil (E-35).
func Classify(err error) *SendError {
	if err == nil {
		return nil
	}
	var e *SendError
	if !errors.As(err, &e) {
		return &SendError{Kind: Unknown, Reason: err.Error(), Err: err}
	}
	switch e.Kind {
	case Transient, Permanent, Unknown:
		return e
	}
	unknown := *e
	unknown.Kind = Unknown
	return &unknown
}
