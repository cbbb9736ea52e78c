// Package webhook tells whether a message of another system is what that system sent.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far the sender's clock may be from ours (E-60).
const Tolerance = 300 * time.Second

// ErrUnverified is for a message that is not shown to be the sender's, whatever is
// missing or wrong.
var ErrUnverified = errors.New("webhook is not verified")

// Verifier verifies messages that are signed as Svix and the Standard Webhooks do.
type Verifier struct {
	keys [][]byte
	// both takes the headers of the Standard Webhooks as well as those of Svix.
	both bool
}

// NewVerifier takes the secrets that are valid at present, each "whsec_" and base64, of a
// sender that signs in the headers of Svix.
func NewVerifier(secrets []string) (*Verifier, error) {
	v := &Verifier{}
	for _, secret := range secrets {
		key, err := Key(secret)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, key)
	}
	return v, nil
}

// Key is what a secret of the Standard Webhooks signs with.
func Key(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < minSecret {
		return nil, errors.New(`a webhook secret is "whsec_" followed by base64 of at least 16 bytes`)
	}
	return key, nil
}

// Sign is one signature of the Standard Webhooks (P-16).
func Sign(key []byte, id, stamp string, body []byte) string {
	return "v1," + base64.StdEncoding.EncodeToString(sum(sha256.New, key, id+"."+stamp+".", body))
}

func sum(hash func() hash.Hash, key []byte, before string, body []byte) []byte {
	mac := hmac.New(hash, key)
	mac.Write([]byte(before))
	mac.Write(body)
	return mac.Sum(nil)
}

// near reports whether a sender's time, in seconds since 1970, is within the tolerance.
func near(stamp string, now time.Time) error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: its time is missing or malformed", ErrUnverified)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance+time.Second-1 || age < -Tolerance {
		return fmt.Errorf("%w: its time is too far from ours", ErrUnverified)
	}
	return nil
}

// Verify returns the id of a message whose signature is of the raw body, in one of the
// keys, and whose time is near now. The error is ErrUnverified.
func (v *Verifier) Verify(header func(name string) string, body []byte, now time.Time) (id string, err error) {
	prefix := "svix-"
	if v.both && header("webhook-id") != "" {
		prefix = "webhook-"
	}
	id, stamp, signatures := header(prefix+"id"), header(prefix+"timestamp"), header(prefix+"signature")
	if id == "" || len(id) > 255 || signatures == "" {
		return "", fmt.Errorf("%w: a header is missing or malformed", ErrUnverified)
	}
	if err := near(stamp, now); err != nil {
		return "", err
	}
	for _, key := range v.keys {
		own := sum(sha256.New, key, id+"."+stamp+".", body)
		for signature := range strings.FieldsSeq(signatures) {
			text, ok := strings.CutPrefix(signature, "v1,")
			given, err := base64.StdEncoding.DecodeString(text)
			if ok && err == nil && hmac.Equal(given, own) {
				return id, nil
			}
		}
	}
	return "", fmt.Errorf("%w: no signature matches", ErrUnverified)
}
