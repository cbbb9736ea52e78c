package webhook_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/webhook"
)

// vector is a message that a sender's own library signed.
type vector struct {
	Library, Type, Header, Prefix, TimestampHeader, Secret, Body, ID string
	Headers                                                          map[string]string
}

var signedAt = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var all []vector
	require.NoError(t, json.Unmarshal(raw, &all))
	require.Len(t, all, 28)
	return all
}

func (v vector) auth() hogsend.SourceAuth {
	return hogsend.SourceAuth{Type: hogsend.AuthType(v.Type), Header: v.Header, Prefix: v.Prefix, TimestampHeader: v.TimestampHeader}
}

func (v vector) timed() bool {
	return v.TimestampHeader != "" || v.Type == "standard" || v.Type == "stripe"
}

// check is the verdict on the message, changed by with.
func (v vector) check(t *testing.T, secrets []string, body string, now time.Time, with ...string) (string, error) {
	t.Helper()
	c, err := webhook.NewCheck(v.auth(), secrets)
	require.NoError(t, err)
	h := http.Header{}
	for name, value := range v.Headers {
		h.Set(name, value)
	}
	for i := 0; i+1 < len(with); i += 2 {
		h.Set(with[i], with[i+1])
	}
	return c(h.Get, []byte(body), now)
}

// signatureHeader is where the signature is, and the signature itself there.
func (v vector) signature() (header, value string) {
	for name, value := range v.Headers {
		if name != v.TimestampHeader && (v.Header == name || strings.HasSuffix(strings.ToLower(name), "signature")) {
			return name, value
		}
	}
	panic("no signature")
}

// P-3, E-60: what senders' own libraries sign is accepted, also in the second of several
// secrets, and nothing that differs from it in a bit, a byte or a second too many.
func TestWhatSendersSignIsAcceptedAndNothingElse(t *testing.T) {
	t.Parallel()
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, v := range vectors(t) {
		t.Run(v.Library+" "+v.Body, func(t *testing.T) {
			t.Parallel()
			for _, secrets := range [][]string{{v.Secret}, {other, v.Secret}, {v.Secret, other}} {
				id, err := v.check(t, secrets, v.Body, signedAt)
				require.NoError(t, err)
				require.Equal(t, v.ID, id)
			}
			refuse := func(what string, secrets []string, body string, now time.Time, with ...string) {
				t.Helper()
				_, err := v.check(t, secrets, body, now, with...)
				require.ErrorIs(t, err, webhook.ErrUnverified, what)
			}
			one := []string{v.Secret}
			refuse("another secret", []string{other}, v.Body, signedAt)
			refuse("a longer body", one, v.Body+" ", signedAt)
			refuse("a shorter body", one, v.Body[:len(v.Body)-1], signedAt)
			refuse("no body", one, "", signedAt)
			for bit := range 8 * len(v.Body) {
				body := []byte(v.Body)
				body[bit/8] ^= 1 << (bit % 8)
				refuse("a flipped bit of the body", one, string(body), signedAt)
			}
			header, value := v.signature()
			for cut := range len(value) {
				refuse("a truncated signature", one, v.Body, signedAt, header, value[:cut])
			}
			for _, name := range []string{header, "webhook-id", "svix-id", "webhook-timestamp", "svix-timestamp", v.TimestampHeader} {
				if v.Headers[name] != "" {
					refuse("without "+name, one, v.Body, signedAt, name, "")
					refuse("another "+name, one, v.Body, signedAt, name, v.Headers[name]+"0")
				}
			}
			refuse("other words", one, v.Body, signedAt, header, strings.Repeat("A", len(value)))
			refuse("a sender without algorithm", one, v.Body, signedAt, header, "none")
			if v.timed() {
				for _, off := range []time.Duration{300 * time.Second, -300 * time.Second} {
					_, err := v.check(t, one, v.Body, signedAt.Add(off))
					require.NoError(t, err, off)
					refuse("too old or too new", one, v.Body, signedAt.Add(off+off/300))
				}
				refuse("a year later", one, v.Body, signedAt.AddDate(1, 0, 0))
			}
		})
	}
}

// P-3: another algorithm under the same key is another signature: of none the weaker one
// stands for the stronger.
func TestAnotherAlgorithmIsAnotherSignature(t *testing.T) {
	t.Parallel()
	of := map[string]vector{}
	for _, v := range vectors(t) {
		if _, seen := of[v.Library]; !seen {
			of[v.Library] = v
		}
	}
	segment, github := of["node:crypto, as Segment"], of["node:crypto, as GitHub"]
	_, value := segment.signature()
	_, err := github.check(t, []string{github.Secret}, github.Body, signedAt, github.Header, github.Prefix+value)
	require.ErrorIs(t, err, webhook.ErrUnverified)
	_, value = github.signature()
	_, err = segment.check(t, []string{segment.Secret}, segment.Body, signedAt, segment.Header, strings.TrimPrefix(value, "sha256="))
	require.ErrorIs(t, err, webhook.ErrUnverified)
	stripe := of["stripe"]
	_, value = stripe.signature()
	for what, header := range map[string]string{
		"v0 in place of v1": strings.Replace(value, "v1=", "v0=", 1), "no time": value[strings.Index(value, ",")+1:],
		"another time": strings.Replace(value, "t=17676072", "t=17676073", 1), "capitals": strings.ToUpper(value), "empty v1": "t=1767607200,v1=",
	} {
		_, err = stripe.check(t, []string{stripe.Secret}, stripe.Body, signedAt, "Stripe-Signature", header)
		require.ErrorIs(t, err, webhook.ErrUnverified, what)
	}
	_, err = stripe.check(t, []string{stripe.Secret}, stripe.Body, signedAt, "Stripe-Signature", "v1="+strings.Repeat("0", 64)+", "+value+" ,v0=x")
	require.NoError(t, err, "several v1, while the sender's key rotates")
	many := strings.Repeat("v1="+strings.Repeat("0", 64)+",", 30) + value
	_, err = stripe.check(t, []string{stripe.Secret}, stripe.Body, signedAt, "Stripe-Signature", many)
	require.ErrorIs(t, err, webhook.ErrUnverified, "but not any number")
}

// P-3: the two forms of the Standard Webhooks do not mix.
func TestHeadersOfTheStandardDoNotMix(t *testing.T) {
	t.Parallel()
	v := vectors(t)[1]
	require.Equal(t, "standardwebhooks", v.Library)
	_, err := v.check(t, []string{v.Secret}, v.Body, signedAt, "webhook-signature", "", "svix-signature", v.Headers["webhook-signature"])
	require.ErrorIs(t, err, webhook.ErrUnverified)
}

// P-2, P-3: a shared secret, or the Bearer of it; nothing else passes.
func TestASharedSecret(t *testing.T) {
	t.Parallel()
	const secret, newer = "0123456789abcdef", "fedcba9876543210"
	c, err := webhook.NewCheck(hogsend.SourceAuth{Type: hogsend.SharedSecret, Header: "X-Key"}, []string{secret, newer})
	require.NoError(t, err)
	for what, test := range map[string]struct {
		name, value string
		ok          bool
	}{
		"the secret": {"X-Key", secret, true}, "the newer one": {"X-Key", newer, true}, "a Bearer": {"Authorization", "Bearer " + secret, true},
		"a bearer in small letters": {"Authorization", "bearer " + newer, true}, "none": {"X-Other", secret, false}, "the default header": {"X-Webhook-Secret", secret, false},
		"cut": {"X-Key", secret[:15], false}, "longer": {"X-Key", secret + "0", false}, "both, by commas": {"X-Key", secret + "," + newer, false},
		"Basic": {"Authorization", "Basic " + secret, false}, "no scheme": {"Authorization", secret, false}, "empty": {"Authorization", "Bearer ", false},
	} {
		h := http.Header{}
		h.Set(test.name, test.value)
		_, err := c(h.Get, []byte("{}"), signedAt)
		require.Equal(t, test.ok, err == nil, what)
	}
	both := http.Header{"X-Key": {"wrong"}, "Authorization": {"Bearer " + secret}}
	_, err = c(both.Get, nil, signedAt)
	require.ErrorIs(t, err, webhook.ErrUnverified, "what is wrong in the header is not made good elsewhere")
}

// P-2: there is no source without a secret, and none with one that anybody guesses.
func TestASecretThatIsNone(t *testing.T) {
	t.Parallel()
	for _, kind := range []hogsend.AuthType{hogsend.SharedSecret, hogsend.HMACSHA256, hogsend.HMACSHA1, hogsend.StandardWebhooks, hogsend.StripeSignature, "none", ""} {
		for _, secrets := range [][]string{nil, {}, {""}, {"short"}, {"whsec_!"}, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "short"}} {
			_, err := webhook.NewCheck(hogsend.SourceAuth{Type: kind, Header: "X-Key"}, secrets)
			require.Error(t, err, "%s %q", kind, secrets)
		}
	}
}

// P-16: what we sign is what the standard's own library signs.
func TestWhatWeSignIsTheStandards(t *testing.T) {
	t.Parallel()
	signed := 0
	for _, v := range vectors(t) {
		if v.Library != "standardwebhooks" {
			continue
		}
		key, err := webhook.Key(v.Secret)
		require.NoError(t, err)
		require.Equal(t, v.Headers["webhook-signature"], webhook.Sign(key, v.ID, v.Headers["webhook-timestamp"], []byte(v.Body)))
		signed++
	}
	require.Equal(t, 4, signed)
}
