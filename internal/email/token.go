package email

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Action is what the bearer of a token may do (E-53).
type Action string

// The actions of tokens. All but Unsubscribe expire.
const (
	Unsubscribe Action = "unsubscribe"
	Resubscribe Action = "resubscribe"
	Manage      Action = "manage"
)

// ActionLifetime is how long Resubscribe and Manage tokens live (E-53).
const ActionLifetime = 30 * 24 * time.Hour

// Token is what an unsubscribe or preference link carries: ids only, nothing
// personal (E-51).
type Token struct {
	// Recipient is the id of the preference record.
	Recipient string `json:"p"`
	Action    Action `json:"a"`
	// Category narrows the action; "" means everything.
	Category string `json:"c,omitempty"`
	// Send is the id of the mail the link was in.
	Send string `json:"s,omitempty"`
	// Expires is in unix seconds, still valid at that second; 0 means never, which
	// only Unsubscribe may.
	Expires int64 `json:"x,omitempty"`
}

// TokenError is why a token is not accepted, for the log; the page says only that
// the link is no longer valid (E-52).
type TokenError string

// The reasons in the order in which they are looked for. ErrUnknownRecipient is
// for the caller, who knows the records.
const (
	ErrMalformedToken    TokenError = "Malformed token"
	ErrTokenSignature    TokenError = "Invalid token signature"
	ErrTokenPayload      TokenError = "Malformed token payload" //nolint:gosec // a text of an error
	ErrIncompleteToken   TokenError = "Incomplete token payload"
	ErrTokenExpired      TokenError = "Token has expired"
	ErrMalformedCategory TokenError = "Malformed category"
	ErrUnknownRecipient  TokenError = "Unknown recipient"
)

func (e TokenError) Error() string { return string(e) }

const (
	maxToken  = 1024
	minSecret = 32
)

var categoryPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Signer signs and verifies tokens with keys derived from the product's secrets.
type Signer struct {
	keys [][]byte // the first one signs
}

// NewSigner signs with secret and verifies with it and every previous one, so
// that a changed secret breaks no link (O-38).
func NewSigner(secret string, previous []string) (*Signer, error) {
	s := &Signer{}
	if len(secret) < minSecret {
		return nil, fmt.Errorf("sign tokens with a secret of less than %d characters", minSecret)
	}
	for _, text := range append([]string{secret}, previous...) {
		key, err := hkdf.Key(sha256.New, []byte(text), nil, "hogsend unsubscribe token key v1", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive token key: %w", err)
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// Sign makes the token's text. The same token gives the same text.
func (s *Signer) Sign(t Token) (string, error) {
	payload, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	body := base64.RawURLEncoding.EncodeToString(payload)
	return body + "." + signature(s.keys[0], body), nil
}

// Verify returns the token of a text, or the TokenError of the first check that
// failed (E-52). Tokens may be used any number of times.
func (s *Signer) Verify(text string, now time.Time) (Token, error) {
	body, sum, _ := strings.Cut(text, ".")
	if body == "" || sum == "" || strings.Contains(sum, ".") || len(text) > maxToken {
		return Token{}, ErrMalformedToken
	}
	if !s.signed(body, sum) {
		return Token{}, ErrTokenSignature
	}
	var t Token
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(payload, &t) != nil {
		return Token{}, ErrTokenPayload
	}
	known := t.Action == Unsubscribe || t.Action == Resubscribe || t.Action == Manage
	switch {
	case t.Recipient == "" || !known || t.Expires == 0 && t.Action != Unsubscribe:
		return Token{}, ErrIncompleteToken
	case t.Expires != 0 && time.Unix(t.Expires, 0).Before(now):
		return Token{}, ErrTokenExpired
	case t.Category != "" && !categoryPattern.MatchString(t.Category):
		return Token{}, ErrMalformedCategory
	}
	return t, nil
}

// signed compares the encoded texts, so that no second spelling of a signature is
// accepted, in constant time and with every key.
func (s *Signer) signed(body, sum string) bool {
	ok := false
	for _, key := range s.keys {
		if hmac.Equal([]byte(signature(key, body)), []byte(sum)) {
			ok = true
		}
	}
	return ok
}

func signature(key []byte, body string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// UnsubscribeURL is the link of headers and bodies, R-25 and R-26. publicURL is an
// origin without a trailing slash.
func UnsubscribeURL(publicURL, token string) string {
	return publicURL + "/v1/email/unsubscribe?token=" + url.QueryEscape(token)
}

// PreferencesURL is the link of the preference page, R-27.
func PreferencesURL(publicURL, token string) string {
	return publicURL + "/v1/email/preferences?token=" + url.QueryEscape(token)
}
