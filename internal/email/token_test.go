package email_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email"
)

const (
	secret      = "0123456789abcdef0123456789abcdef"
	otherSecret = "fedcba9876543210fedcba9876543210"
)

var tokenNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func signer(t testing.TB, secret string, previous ...string) *email.Signer {
	t.Helper()
	s, err := email.NewSigner(secret, previous)
	require.NoError(t, err)
	return s
}

// E-51: ids only, stateless, reusable, short.
func TestTokensComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s := signer(t, secret)
	for _, token := range []email.Token{
		{Recipient: "p1", Action: email.Unsubscribe},
		{Recipient: "p1", Action: email.Unsubscribe, Category: strings.Repeat("c", 64), Send: strings.Repeat("s", 36)},
		{Recipient: "p1", Action: email.Resubscribe, Expires: tokenNow.Add(email.ActionLifetime).Unix()},
		{Recipient: "p1", Action: email.Manage, Expires: tokenNow.Unix()},
	} {
		text, err := s.Sign(token)
		require.NoError(t, err)
		require.Less(t, len(text), 1024)
		for range 2 {
			got, err := s.Verify(text, tokenNow)
			require.NoError(t, err)
			require.Equal(t, token, got)
		}
	}
	text, err := s.Sign(email.Token{Recipient: "p1", Action: email.Unsubscribe})
	require.NoError(t, err)
	require.Equal(t, "https://x.example/v1/email/unsubscribe?token="+text, email.UnsubscribeURL("https://x.example", text))
	require.Equal(t, "https://x.example/v1/email/preferences?token="+text, email.PreferencesURL("https://x.example", text))
}

// E-52: each check in its order, with its text.
func TestTokensAreRefusedInOrder(t *testing.T) {
	t.Parallel()
	s := signer(t, secret)
	forged := func(payload string) string {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "hogsend unsubscribe token key v1", 32)
		require.NoError(t, err)
		body := base64.RawURLEncoding.EncodeToString([]byte(payload))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(body))
		return body + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	other, err := signer(t, otherSecret).Sign(email.Token{Recipient: "p", Action: email.Unsubscribe})
	require.NoError(t, err)
	for _, test := range []struct{ text, want string }{
		{"", "Malformed token"},
		{"abc", "Malformed token"},
		{".abc", "Malformed token"},
		{"abc.", "Malformed token"},
		{"a.b.c", "Malformed token"},
		{strings.Repeat("a", 1024) + ".b", "Malformed token"},
		{"abc.def", "Invalid token signature"},
		{"!.!", "Invalid token signature"},
		{other, "Invalid token signature"},
		{forged(`{"p":`), "Malformed token payload"},
		{forged(`{"p":1}`), "Malformed token payload"},
		{forged(`{"p":"x"} {}`), "Malformed token payload"},
		{forged(`{}`), "Incomplete token payload"},
		{forged(`{"a":"unsubscribe"}`), "Incomplete token payload"},
		{forged(`{"p":"x"}`), "Incomplete token payload"},
		{forged(`{"p":"x","a":"delete"}`), "Incomplete token payload"},
		{forged(`{"p":"x","a":"manage"}`), "Incomplete token payload"},
		{forged(`{"p":"x","a":"resubscribe"}`), "Incomplete token payload"},
		{forged(`{"p":"x","a":"manage","x":1,"c":"!"}`), "Token has expired"},
		{forged(`{"p":"x","a":"unsubscribe","c":"a b"}`), "Malformed category"},
		{forged(`{"p":"x","a":"unsubscribe","c":"` + strings.Repeat("c", 65) + `"}`), "Malformed category"},
	} {
		_, err := s.Verify(test.text, tokenNow)
		require.EqualError(t, err, test.want, test.text)
		var reason email.TokenError
		require.ErrorAs(t, err, &reason)
	}
}

// E-52: x = now is valid, anything later is not.
func TestTokenExpiresAfterItsSecond(t *testing.T) {
	t.Parallel()
	s := signer(t, secret)
	text, err := s.Sign(email.Token{Recipient: "p", Action: email.Manage, Expires: tokenNow.Unix()})
	require.NoError(t, err)
	_, err = s.Verify(text, tokenNow)
	require.NoError(t, err)
	_, err = s.Verify(text, tokenNow.Add(time.Microsecond))
	require.ErrorIs(t, err, email.ErrTokenExpired)
}

// E-52: a changed byte anywhere fails at the second check; E-51, O-38: a previous
// secret still verifies, the new one signs.
func TestChangedTokensFailAndRotationBreaksNoLink(t *testing.T) {
	t.Parallel()
	old := signer(t, otherSecret)
	text, err := old.Sign(email.Token{Recipient: "p", Action: email.Unsubscribe, Send: "s"})
	require.NoError(t, err)
	for i := range text {
		for _, c := range []byte{'A', 'B', '_', '=', '\n'} {
			if text[i] == '.' || text[i] == c {
				continue
			}
			changed := text[:i] + string(c) + text[i+1:]
			_, err := old.Verify(changed, tokenNow)
			require.ErrorIs(t, err, email.ErrTokenSignature, changed)
		}
	}
	_, err = signer(t, secret).Verify(text, tokenNow)
	require.ErrorIs(t, err, email.ErrTokenSignature)
	rotated := signer(t, secret, "yet another previous secret 0123", otherSecret)
	_, err = rotated.Verify(text, tokenNow)
	require.NoError(t, err)
	fresh, err := rotated.Sign(email.Token{Recipient: "p", Action: email.Unsubscribe, Send: "s"})
	require.NoError(t, err)
	require.NotEqual(t, text, fresh)
}

// Nobody signs with a secret that can be guessed.
func TestShortSecretsSignNothing(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "short", "0123456789abcdef0123456789abcde"} {
		_, err := email.NewSigner(secret, nil)
		require.Error(t, err)
	}
}

func FuzzTokens(f *testing.F) {
	s := signer(f, secret)
	text, err := s.Sign(email.Token{Recipient: "p", Action: email.Unsubscribe})
	require.NoError(f, err)
	for _, seed := range []string{text, "a.b", "", ".", text + "A", strings.ToUpper(text)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, candidate string) {
		token, err := s.Verify(candidate, tokenNow)
		if err != nil {
			var reason email.TokenError
			require.ErrorAs(t, err, &reason)
			return
		}
		again, err := s.Sign(token)
		require.NoError(t, err)
		require.Equal(t, candidate, again, "only what was signed is accepted")
	})
}
