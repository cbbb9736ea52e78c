package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // as an HMAC, for senders that offer nothing newer
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
)

// minSecret is how many bytes a secret has at least.
const minSecret = 16

// Check verifies a message of raw bytes and returns its id, "" where the type has none. The
// error is ErrUnverified.
type Check func(header func(name string) string, body []byte, now time.Time) (id string, err error)

// NewCheck is how a source verifies, by the secrets that are valid at present, at least
// one (P-3).
func NewCheck(auth hogsend.SourceAuth, secrets []string) (Check, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret")
	}
	if auth.Type == hogsend.StandardWebhooks {
		v, err := NewVerifier(secrets)
		if err != nil {
			return nil, err
		}
		v.both = true
		return v.Verify, nil
	}
	for _, secret := range secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("a secret has at least %d characters", minSecret)
		}
	}
	switch auth.Type {
	case hogsend.SharedSecret:
		return shared{header: Credential(auth), secrets: secrets}.verify, nil
	case hogsend.HMACSHA256:
		return signed{auth, sha256.New, secrets}.verify, nil
	case hogsend.HMACSHA1:
		return signed{auth, sha1.New, secrets}.verify, nil
	case hogsend.StripeSignature:
		return stripe{secrets}.verify, nil
	case hogsend.StandardWebhooks:
	}
	return nil, fmt.Errorf("there is no type of authentication %q", auth.Type)
}

// Credential is the header with which a source's messages are shown to be its sender's.
func Credential(auth hogsend.SourceAuth) string {
	switch {
	case auth.Header != "":
		return auth.Header
	case auth.Type == hogsend.StripeSignature:
		return "Stripe-Signature"
	case auth.Type == hogsend.StandardWebhooks:
		return "webhook-signature"
	}
	return "X-Webhook-Secret"
}

// shared compares digests, whose length tells nothing of the secret's.
type shared struct {
	header  string
	secrets []string
}

func (c shared) verify(header func(string) string, _ []byte, _ time.Time) (string, error) {
	given := header(c.header)
	if given == "" {
		scheme, token, _ := strings.Cut(header("Authorization"), " ")
		if strings.EqualFold(scheme, "Bearer") {
			given = strings.TrimSpace(token)
		}
	}
	if given == "" {
		return "", fmt.Errorf("%w: no secret came with it", ErrUnverified)
	}
	digest := sha256.Sum256([]byte(given))
	for _, secret := range c.secrets {
		own := sha256.Sum256([]byte(secret))
		if hmac.Equal(digest[:], own[:]) {
			return "", nil
		}
	}
	return "", fmt.Errorf("%w: another secret came with it", ErrUnverified)
}

// signed verifies the HMAC of a body, with the time before it where there is one.
type signed struct {
	auth    hogsend.SourceAuth
	hash    func() hash.Hash
	secrets []string
}

func (c signed) verify(header func(string) string, body []byte, now time.Time) (string, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(header(c.auth.Header)), c.auth.Prefix)
	given := digestOf(text, c.hash().Size())
	if !ok || given == nil {
		return "", fmt.Errorf("%w: its signature is missing or malformed", ErrUnverified)
	}
	before := ""
	if c.auth.TimestampHeader != "" {
		stamp := header(c.auth.TimestampHeader)
		if err := near(stamp, now); err != nil {
			return "", err
		}
		before = stamp + "."
	}
	for _, secret := range c.secrets {
		if hmac.Equal(given, sum(c.hash, []byte(secret), before, body)) {
			return "", nil
		}
	}
	return "", fmt.Errorf("%w: its signature does not match", ErrUnverified)
}

// digestOf reads a digest in hex or base64; nil for anything of another length.
func digestOf(text string, size int) []byte {
	if len(text) == hex.EncodedLen(size) {
		if digest, err := hex.DecodeString(text); err == nil {
			return digest
		}
	}
	digest, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(digest) != size {
		return nil
	}
	return digest
}

// stripe verifies the header t=…,v1=…, of which v1 may come several times.
type stripe struct{ secrets []string }

// maxSignatures bounds how many signatures of one message are looked at.
const maxSignatures = 20

func (c stripe) verify(header func(string) string, body []byte, now time.Time) (string, error) {
	var stamp string
	var given [][]byte
	for part := range strings.SplitSeq(header("Stripe-Signature"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			stamp = value
		case "v1":
			if digest, err := hex.DecodeString(value); err == nil && len(digest) == sha256.Size && len(given) < maxSignatures {
				given = append(given, digest)
			}
		}
	}
	if stamp == "" || len(given) == 0 {
		return "", fmt.Errorf("%w: its signature is missing or malformed", ErrUnverified)
	}
	if err := near(stamp, now); err != nil {
		return "", err
	}
	for _, secret := range c.secrets {
		own := sum(sha256.New, []byte(secret), stamp+".", body)
		for _, digest := range given {
			if hmac.Equal(digest, own) {
				return "", nil
			}
		}
	}
	return "", fmt.Errorf("%w: its signature does not match", ErrUnverified)
}
