package email_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/pace"
)

// E-11: headers and tags.
func TestMessageHeadersAndTags(t *testing.T) {
	t.Parallel()
	content := email.Rendered{Subject: "S", HTML: "<p>", Text: "t"}
	e := email.Envelope{
		SendID: "s1", Key: "k", From: "Acme <a@acme.example>", To: " Ada@example.com ", ReplyTo: "r@acme.example",
		Template: "trial/ending é", JourneyID: strings.Repeat("j", 300), Category: "journey", UnsubscribeURL: "https://x.example/u?token=t",
	}
	m := email.NewMessage(e, content)
	require.Equal(t, email.Message{
		Key: "k", From: "Acme <a@acme.example>", To: "Ada@example.com", ReplyTo: "r@acme.example", Subject: "S", HTML: "<p>", Text: "t",
		Headers: map[string]string{
			"X-Entity-Ref-ID":       "s1",
			"List-Unsubscribe":      "<https://x.example/u?token=t>",
			"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		},
		Tags: map[string]string{"hogsend_send": "s1", "template": "trial_ending__", "journey": strings.Repeat("j", 256)},
	}, m)

	e.Category = "transactional"
	require.Equal(t, map[string]string{"X-Entity-Ref-ID": "s1"}, email.NewMessage(e, content).Headers)
	e.Category, e.UnsubscribeURL = "", ""
	require.Equal(t, map[string]string{"X-Entity-Ref-ID": "s1"}, email.NewMessage(e, content).Headers)
	e.JourneyID, e.CampaignID = "", "c 1"
	require.Equal(t, "c_1", email.NewMessage(e, content).Tags["campaign"])
}

// E-10: only the configured domains may send.
func TestFromMustHaveAnAllowedDomain(t *testing.T) {
	t.Parallel()
	s := email.Senders{Default: "Acme <hello@acme.example>", Domains: []string{"Mail.acme.example"}}
	for override, want := range map[string]string{
		"":                                  "Acme <hello@acme.example>",
		" ":                                 "Acme <hello@acme.example>",
		"grace@ACME.example":                "grace@acme.example",
		" Grace <g@acme.example> ":          "Grace <g@acme.example>",
		"news@mail.acme.example":            "news@mail.acme.example",
		`"x@evil.example" <g@acme.example>`: `"x@evil.example" <g@acme.example>`,
	} {
		got, err := s.Choose(override)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, override := range []string{
		"g@evil.example", "g@sub.acme.example", "g@acme.example.evil.example", "nobody", "a@acme.example, b@acme.example",
		"g@acme.example\r\nBcc: x@y.example", "Acme <g@evil.example> <g@acme.example>",
	} {
		_, err := s.Choose(override)
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid, override)
		require.Equal(t, "from", invalid.Field)
	}
	_, err := email.Senders{}.Choose("g@acme.example")
	require.Error(t, err)
	got, err := email.Senders{}.Choose("")
	require.NoError(t, err)
	require.Empty(t, got)
}

// E-81: answers go to one mailbox.
func TestReplyToIsOneMailbox(t *testing.T) {
	t.Parallel()
	for override, want := range map[string]string{
		"": "usual@x.example", " ": "usual@x.example", "Acme, Inc. <a@x.example>": `"Acme, Inc." <a@x.example>`, "\ufeffa@münchen.de": "a@xn--mnchen-3ya.de",
	} {
		got, err := email.ReplyTo(override, "usual@x.example")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, override := range []string{"a", "a@x.example, b@x.example", "A <a@x.example", "a@x.example\r\nBcc: b@x.example", "A\x1b <a@x.example>"} {
		_, err := email.ReplyTo(override, "")
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid, override)
		require.Equal(t, "replyTo", invalid.Field)
	}
}

// E-35: an error of no known kind is unknown.
func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	require.Nil(t, email.Classify(nil))
	cause := errors.New("boom")
	for _, test := range []struct {
		err  error
		want email.ErrorKind
	}{
		{cause, email.Unknown},
		{context.DeadlineExceeded, email.Unknown},
		{&email.SendError{Kind: email.Transient, Reason: "r"}, email.Transient},
		{fmt.Errorf("wrapped: %w", &email.SendError{Kind: email.Permanent, Reason: "r"}), email.Permanent},
		{&email.SendError{Kind: "sideways", Reason: "r"}, email.Unknown},
		{&email.SendError{Reason: "r"}, email.Unknown},
	} {
		got := email.Classify(test.err)
		require.Equal(t, test.want, got.Kind)
		require.NotEmpty(t, got.Reason)
	}
	require.ErrorIs(t, email.Classify(cause), cause)
	require.EqualError(t, &email.SendError{Kind: email.Transient, Reason: "slow"}, "transient provider error: slow")
}

// E-34: calls are spaced by the rate, however many ask.
func TestLimiterSpacesCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, start := pace.NewLimiter(2), time.Now()
		times := make(chan time.Duration, 5)
		for range 5 {
			go func() {
				if l.Wait(t.Context()) == nil {
					times <- time.Since(start).Round(time.Millisecond)
				}
			}()
		}
		for i := range 5 {
			require.Equal(t, time.Duration(i)*500*time.Millisecond, <-times)
		}
	})
}

// E-34: a 429 stops all calls until its Retry-After has passed.
func TestLimiterStopsAllCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, start := pace.NewLimiter(1000), time.Now()
		require.NoError(t, l.Wait(t.Context()))
		l.Stop(time.Minute)
		l.Stop(time.Second) // does not end the longer one
		require.NoError(t, l.Wait(t.Context()))
		require.Equal(t, time.Minute, time.Since(start).Round(time.Second))
		require.NoError(t, l.Wait(t.Context()))
		require.Equal(t, time.Minute, time.Since(start).Round(time.Second))
	})
}

func TestLimiterGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.NewLimiter(1000)
		l.Stop(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, l.Wait(ctx), context.DeadlineExceeded)
		var none *pace.Limiter
		none.Stop(time.Hour)
		require.NoError(t, none.Wait(t.Context()))
		require.Error(t, none.Wait(ctx))
	})
}
