package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/ingest"
)

// E-41: in test mode the mail goes elsewhere, the row keeps to whom it is, and the gate judges
// that one.
func TestMailsGoElsewhereInTestMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.TestMode = trial.New(trial.Config{Mode: "on", To: "me@acme.example"})
	w.provider.script = []error{&email.SendError{Kind: email.Unknown, Reason: "lost"}}
	request := hello(w.enroll("start"), 1)
	_, err := w.Send(t.Context(), request)
	require.Error(t, err)
	w.TestMode = nil // switched off since: the stored bytes go (E-29)
	got, err := w.Send(t.Context(), request)
	require.NoError(t, err)
	require.True(t, got.Verdict.Sent())
	for _, m := range w.provider.calls {
		require.Equal(t, "me@acme.example", m.To)
		require.Equal(t, "[test] Hello ada", m.Subject)
	}
	require.Equal(t, 1, w.count("sends where to_email = 'ada@example.com' and redirected_to = 'me@acme.example' and subject = '[test] Hello ada'"))
	// A bounce of the test address touches nobody's record.
	require.NoError(t, w.Ingest.Report(t.Context(), ingest.Report{
		Source: "resend", MessageID: "m", Kind: ingest.ReportHardBounce, At: time.Now(), ProviderID: "re_" + request.Key, To: "me@acme.example",
	}))
	require.Equal(t, 1, w.count("sends where status = 'bounced'"))
	require.Zero(t, w.count("preferences where suppressed or bounce_count > 0"))

	w = newWorld(t)
	w.TestMode = trial.New(trial.Config{Mode: "on", To: "me@acme.example"})
	request = hello(w.enroll("start"), 1)
	w.optOut("ada@example.com", "suppressed, suppression_reason", "true, 'bounce'")
	got, err = w.Send(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, hogsend.SendSuppressed, got.Verdict.Status)
}

// E-13 row 11: without an address to go to, mails are skipped; only they that are let go.
func TestMailsAreSkippedInTestMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.TestMode = trial.New(trial.Config{Mode: "on", Allow: []string{"bob@example.com"}})
	request := hello(w.enroll("start"), 1)
	request.OnBlocked, request.SkipPreferenceCheck = hogsend.Defer, true // E-15: applies all the same
	for range 2 {
		got, err := w.Send(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, hogsend.SendSkipped, got.Verdict.Status)
		require.Equal(t, "test_mode", got.Verdict.Reason)
	}
	require.Empty(t, w.provider.calls)
	require.Equal(t, 1, w.count("sends where status = 'skipped' and reason = 'test_mode' and html = '' and redirected_to is null"))
	got, err := w.Send(t.Context(), hello(w.enrollOf("bob", "start"), 1))
	require.NoError(t, err)
	require.True(t, got.Verdict.Sent())
	require.Equal(t, "bob@example.com", w.provider.calls[0].To)
	require.Equal(t, "Hello bob", w.provider.calls[0].Subject)
}
