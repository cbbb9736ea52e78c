package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/webhook"
)

// The example of Svix's own documentation: not made by this code.
const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	message   = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	stamp     = "1614265330"
	payload   = `{"test": 2432232314}`
	signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var sent = time.Unix(1614265330, 0)

func headers(change ...string) http.Header {
	h := http.Header{}
	h.Set("svix-id", message)
	h.Set("svix-timestamp", stamp)
	h.Set("svix-signature", signature)
	for i := 0; i+1 < len(change); i += 2 {
		h.Set(change[i], change[i+1])
	}
	return h
}

// E-60: what the sender signed is accepted, and nothing else.
func TestOnlyWhatTheSenderSignedIsAccepted(t *testing.T) {
	t.Parallel()
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	verifier := func(secrets ...string) *webhook.Verifier {
		v, err := webhook.NewVerifier(secrets)
		require.NoError(t, err)
		return v
	}
	for name, test := range map[string]struct {
		verifier *webhook.Verifier
		headers  http.Header
		body     string
		late     time.Duration
		ok       bool
	}{
		"as sent":                  {verifier(secret), headers(), payload, 0, true},
		"among several secrets":    {verifier(other, secret), headers(), payload, 0, true},
		"among several signatures": {verifier(secret), headers("svix-signature", "v1,AAAA v2,x "+signature+" v1a,y"), payload, 0, true},
		"300 s late":               {verifier(secret), headers(), payload, 300 * time.Second, true},
		"300 s early":              {verifier(secret), headers(), payload, -300 * time.Second, true},
		"301 s late":               {verifier(secret), headers(), payload, 301 * time.Second, false},
		"301 s early":              {verifier(secret), headers(), payload, -301 * time.Second, false},
		"another secret":           {verifier(other), headers(), payload, 0, false},
		"no secret":                {verifier(), headers(), payload, 0, false},
		"another body":             {verifier(secret), headers(), payload + " ", 0, false},
		"another id":               {verifier(secret), headers("svix-id", "msg_2"), payload, 0, false},
		"another time":             {verifier(secret), headers("svix-timestamp", "1614265331"), payload, 0, false},
		"another version":          {verifier(secret), headers("svix-signature", "v2"+signature[2:]), payload, 0, false},
		"no version":               {verifier(secret), headers("svix-signature", signature[3:]), payload, 0, false},
		"no id":                    {verifier(secret), headers("svix-id", ""), payload, 0, false},
		"no time":                  {verifier(secret), headers("svix-timestamp", ""), payload, 0, false},
		"a time that is none":      {verifier(secret), headers("svix-timestamp", "now"), payload, 0, false},
		"no signature":             {verifier(secret), headers("svix-signature", ""), payload, 0, false},
		"rubbish":                  {verifier(secret), headers("svix-signature", "v1,% v1, ,"), payload, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := test.verifier.Verify(test.headers.Get, []byte(test.body), sent.Add(test.late))
			if test.ok {
				require.NoError(t, err)
				require.Equal(t, message, id)
				return
			}
			require.ErrorIs(t, err, webhook.ErrUnverified)
		})
	}
	for _, bad := range []string{"whsec_", "whsec_%", "short", ""} {
		_, err := webhook.NewVerifier([]string{bad})
		require.Error(t, err)
	}
}

// Whatever headers and body come: no panic, and only the known message is accepted.
func FuzzVerify(f *testing.F) {
	f.Add(message, stamp, signature, payload)
	f.Add("", "-9223372036854775808", "v1,", "")
	v, err := webhook.NewVerifier([]string{secret})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, id, at, signed, body string) {
		got, err := v.Verify(headers("svix-id", id, "svix-timestamp", at, "svix-signature", signed).Get, []byte(body), sent)
		if err == nil {
			require.Equal(t, message+stamp+payload, got+at+body)
		}
	})
}
