// Package provider is what stands between hogsend and whoever carries its mails. Resend, SMTP
// and the mailbox are built in; one of an author's own is given in app.Options.EmailProvider
// and held to the contract by package providertest.
package provider

import (
	"context"
	"math"
	"time"
)

// Message is one mail to one address. All calls with one key carry the same message, byte
// for byte, however often and from whichever process they come (E-29).
type Message struct {
	// Key names the mail, at most 256 characters. It is not part of the content (E-28).
	Key string `json:"-"`
	// From and ReplyTo are an address with or without a display name; ReplyTo may be empty. To
	// is one address (E-8).
	From    string `json:"from"`
	To      string `json:"to"`
	ReplyTo string `json:"replyTo,omitempty"`
	// Subject is one line of at most 998 characters.
	Subject string `json:"subject"`
	// HTML and Text are the two forms of the content; HTML is empty for a mail of plain text.
	HTML string `json:"html"`
	Text string `json:"text"`
	// Files are attached or shown in the HTML, in this order (E-84).
	Files []File `json:"files,omitempty"`
	// Headers are additional mail headers, such as List-Unsubscribe, by their names. Tags are for
	// the provider's own records: values of letters, digits, _ and -, at most 256 (E-11).
	Headers map[string]string `json:"headers,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// File is a file of a message. As JSON it has no content, but what that is known by.
type File struct {
	Name string `json:"name"`
	// Type is the media type.
	Type string `json:"type"`
	// Inline is the content id of a file that the HTML shows; "" for an attachment.
	Inline string `json:"inline,omitempty"`
	// Size is in bytes, Hash the SHA-256 of the content.
	Size    int    `json:"size"`
	Hash    []byte `json:"sha256"`
	Content []byte `json:"-"`
}

// Provider hands mails to the world. It keeps no state that hogsend needs, never sees the
// database, and is safe for concurrent use (E-35).
type Provider interface {
	// Send hands over one mail and returns the id under which it was accepted. An error is an
	// [*Error], which says what is known; any other is Unknown. The same key with the same
	// message is one mail and answers the first id, for as long as KeyLifetime says. Send gives
	// up when ctx ends, which is after 15 s at most, and leaves the message as it is.
	Send(ctx context.Context, m Message) (id string, err error)
	// KeyLifetime is how long keys are honored after their first use: KeysForever, or 0 for not
	// at all. Calls are repeated until ten minutes before it is over. Without keys a mail whose
	// call ended in Unknown is not sent again: that could be the second one (E-31).
	KeyLifetime() time.Duration
}

// KeysForever is the KeyLifetime of a provider that never forgets a key.
const KeysForever time.Duration = math.MaxInt64

// Kind says what is known about a failed call.
type Kind string

// The kinds of failed calls: not accepted and worth another try, refused for good, and
// perhaps accepted (E-35).
const (
	Transient Kind = "transient"
	Permanent Kind = "permanent"
	Unknown   Kind = "unknown"
)

// ReasonConflict is the Reason of a Permanent error for a key that is known with another
// content (E-29).
const ReasonConflict = "idempotency_conflict"

// Error is a failed call.
type Error struct {
	// Kind decides what follows: another try for Transient and, where keys are honored, for
	// Unknown; none for Permanent. Any other value counts as Unknown.
	Kind Kind
	// Status is the HTTP status, 0 when there was none. A 429 stops all calls of the process
	// for RetryAfter (E-34).
	Status int
	// RetryAfter is how long the provider asked to wait; 0 means it did not say.
	RetryAfter time.Duration
	// Reason is the provider's text, kept with the send and shown: no secrets, no addresses.
	Reason string
	// Err is the cause, if there is one.
	Err error
}

func (e *Error) Error() string { return string(e.Kind) + " provider error: " + e.Reason }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }
