// Package webhook tells whether a message of another system is what that system sent.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
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
type Verifier struct{ keys [][]byte }

// NewVerifier takes the secrets that are valid at present, each "whsec_" and base64.
func NewVerifier(secrets []string) (*Verifier, error) {
	v := &Verifier{}
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < 16 {
			return nil, errors.New(`a webhook secret is "whsec_" followed by base64 of at least 16 bytes`)
		}
		v.keys = append(v.keys, key)
	}
	return v, nil
}

// Verify returns the id of a message whose signature is of the raw body, in one of the
// keys, and whose time is near now. The error is ErrUnverified.
func (v *Verifier) Verify(header func(name string) string, body []byte, now time.Time) (id string, err error) {
	id, stamp, signatures := header("svix-id"), header("svix-timestamp"), header("svix-signature")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || len(id) > 255 || err != nil || signatures == "" {
		return "", fmt.Errorf("%w: a header is missing or malformed", ErrUnverified)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance+time.Second-1 || age < -Tolerance {
		return "", fmt.Errorf("%w: its time is too far from ours", ErrUnverified)
	}
	for _, key := range v.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		sum := mac.Sum(nil)
		for signature := range strings.FieldsSeq(signatures) {
			text, ok := strings.CutPrefix(signature, "v1,")
			given, err := base64.StdEncoding.DecodeString(text)
			if ok && err == nil && hmac.Equal(given, sum) {
				return id, nil
			}
		}
	}
	return "", fmt.Errorf("%w: no signature matches", ErrUnverified)
}
