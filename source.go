package hogsend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Source takes in the webhooks of another system: what is posted to /v1/webhooks/<ID> and
// shown to be that system's becomes an event like any other. What was verified is stored
// before it is answered, and applied again until that succeeds, or a person decides (P-7).
type Source struct {
	// ID is the last part of the path: 1 to 63 lower-case letters, digits and "-". The id
	// "resend" is taken.
	ID string
	// Name is shown to operators; "" means the ID. Description may be empty.
	Name, Description string
	// Auth says how a message is shown to be the sender's.
	Auth SourceAuth
	// Transform makes an event of a message. nil, without an error, leaves the message out.
	// An error, a panic or more than 25 s count as a fault of ours: the message is tried again
	// later, by then perhaps with code that was mended. It may be called more than once for a message,
	// and by several goroutines at once.
	Transform func(Incoming) (*SourceEvent, error)
}

// SourceAuth is how the messages of a source are verified. There is no way to do without
// (P-2).
type SourceAuth struct {
	Type AuthType
	// SecretEnv is the environment variable with the secret; several, by commas, are valid
	// at once, so that one can be replaced. While it is unset the source answers 503.
	SecretEnv string
	// Header is where the secret or the signature is; "" means X-Webhook-Secret for
	// SharedSecret. HMACSHA256 and HMACSHA1 have no default, the others do not take one.
	Header string
	// Prefix stands before a signature of HMACSHA256 or HMACSHA1, such as "sha256="; "" for none.
	Prefix string
	// TimestampHeader has the seconds since 1970 that HMACSHA256 or HMACSHA1 sign before the
	// body, as "seconds.body", and that may be 300 s off; "" signs the body alone, which
	// anybody who saw a message may send again.
	TimestampHeader string
}

// AuthType is one way to show who sent a message.
type AuthType string

// The types. A secret of SharedSecret, HMACSHA256 and HMACSHA1 has at least 16 characters.
const (
	// SharedSecret: the secret itself comes along, in Header or as Authorization: Bearer.
	SharedSecret AuthType = "shared-secret"
	// HMACSHA256: Header has the HMAC of the body, in hex or base64.
	HMACSHA256 AuthType = "hmac-sha256"
	// HMACSHA1 is the same for senders that offer nothing newer.
	HMACSHA1 AuthType = "hmac-sha1"
	// StandardWebhooks: the headers webhook-id, webhook-timestamp and webhook-signature, or
	// the same that begin with svix-. Secrets are "whsec_" and base64.
	StandardWebhooks AuthType = "standard"
	// StripeSignature: the header Stripe-Signature.
	StripeSignature AuthType = "stripe"
)

// Valid reports whether t is one of the types.
func (t AuthType) Valid() bool {
	switch t {
	case SharedSecret, HMACSHA256, HMACSHA1, StandardWebhooks, StripeSignature:
		return true
	}
	return false
}

// Incoming is a verified message of a source.
type Incoming struct {
	// Body is the JSON as it came, without a byte order mark.
	Body []byte
	// MessageID is the sender's id of the message, the same when it is sent again; "" where
	// the type of authentication has none.
	MessageID string
	// Headers are those of the request by their names in lower case, without the credential.
	// Of one that came several times it is the first.
	Headers map[string]string
	// ReceivedAt is when it came first.
	ReceivedAt time.Time
}

// Header is a header by its name, in any case; "" when it did not come.
func (in Incoming) Header(name string) string { return in.Headers[strings.ToLower(name)] }

// Decode reads the body into v. Numbers in values of type any stay as they are written, as
// json.Number.
func (in Incoming) Decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(in.Body))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode webhook: %w", err)
	}
	return nil
}

// SourceEvent is the event that a message is about: that of POST /v1/events, and held to
// the same rules. At least one of UserID, Email and AnonymousID is given.
type SourceEvent struct {
	Name                       string
	UserID, Email, AnonymousID string
	// Properties are the event's. Of ContactProperties a nil value removes the property.
	Properties, ContactProperties map[string]any
	// Timestamp is when it happened; the zero time means now.
	Timestamp time.Time
	// Value is an amount in Currency, three letters; nil for none.
	Value    *float64
	Currency string
	// IdempotencyKey makes several messages one event; "" means one that is made of the
	// source and the message's id.
	IdempotencyKey string
}
