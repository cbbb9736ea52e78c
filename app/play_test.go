package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
)

// played runs play on a registry and returns its exit code and what it printed.
func played(t *testing.T, registry hogsend.Registry, args ...string) (code int, printed string) {
	t.Helper()
	var out bytes.Buffer
	code = Run(t.Context(), Options{Registry: registry}, IO{Args: append([]string{"play"}, args...), Stdout: &out, Stderr: &out})
	return code, out.String()
}

// T-47: a journey is shown as a timeline with its mails, without any server.
func TestPlayShowsWhatAJourneyDoes(t *testing.T) {
	t.Parallel()
	code, out := played(t, saas.Registry(), "activation-welcome")
	require.Equal(t, 0, code, out)
	require.True(t, strings.HasPrefix(out, "activation-welcome for ada, from Monday, 2026-01-05 10:00 UTC\n\n"), out)
	require.Contains(t, out, "wait_ended wait-event:feature.used timeout\n")
	require.Regexp(t, `(?m)^\+0s +Mon 2026-01-05 10:00 +welcome +sent +\S`, out)
	require.Regexp(t, `(?m)^\+2d +Wed 2026-01-07 10:00 +nudge +sent +\S`, out)

	code, out = played(t, saas.Registry(), "activation-welcome", "--quick", "--event", "feature.used@1d", "--mails", "--start", "2026-03-01T08:00:00Z")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "from Sunday, 2026-03-01 08:00 UTC")
	require.NotContains(t, out, "nudge", "what the person does counts")
	require.Contains(t, out, "\n--- +0s  ", "the text of the mail")

	code, out = played(t, saas.Registry(), "payment-failed", "--quick", "--json", "--event", `{"eventProperties": {"amount": 49, "invoiceId": 1234567890123456789}}`,
		"--event", `{"name": "payment.succeeded", "at": "3d", "eventProperties": {"invoiceId": 1234567890123456789}}`, "--contact", `{"userId": "bob", "email": "bob@example.com", "timezone": "Asia/Tokyo"}`)
	require.Equal(t, 0, code, out)
	var got playReport
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Equal(t, "bob", got.Contact)
	require.Equal(t, "exited", got.Enrollments[0].Status)
	require.Len(t, got.Mails, 2)
	require.NotEmpty(t, got.Timeline)
}

// T-47: whatever begins a journey, play makes it, so that every journey of the example and
// every reaction can be looked at.
func TestPlayBeginsEveryJourney(t *testing.T) {
	t.Parallel()
	p := &program{Options: Options{Registry: saas.Registry()}}
	require.Greater(t, len(p.journeyIDs()), 8)
	for _, id := range p.journeyIDs() {
		s, err := p.script(id, playFlags{quick: true, until: "400d"})
		require.NoError(t, err, id)
		got, err := s.run()
		require.NoError(t, err, id)
		entered := 0
		for _, e := range got.Enrollments {
			if e.Journey == id {
				entered++
			}
		}
		require.NotZero(t, entered, "%s: %v", id, got.Decisions)
	}
}

func failing(_ workflow.Context, _ hogsend.Run) error { panic("no such plan") }

// T-47: what is wrong is said, with exit code 1.
func TestPlayRefusesWhatItCannotPlay(t *testing.T) {
	t.Parallel()
	registry := saas.Registry()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"activation-welcom"}, `there is no journey activation-welcom, did you mean "activation-welcome"?`},
		{[]string{"activation-welcome", "--event", "email.opened"}, `--event: "email.opened" is no event that a product sends`},
		{[]string{"activation-welcome", "--event", `{"name": "x", "properties": {}}`}, `unknown field "properties"`},
		{[]string{"activation-welcome", "--event", `{} {}`}, "more than one JSON object"},
		{[]string{"activation-welcome", "--event", "x@soon"}, `--event: at: "soon" is not an offset such as 90m, 2d or 1d12h`},
		{[]string{"activation-welcome", "--contact", `{"timezone": "Berlin"}`}, "--contact: timezone"},
		{[]string{"activation-welcome", "--until", "-1h"}, "--until"},
		{[]string{"activation-welcome", "--start", "today"}, "--start"},
		{[]string{}, "accepts 1 arg"},
	} {
		code, out := played(t, registry, c.args...)
		require.Equal(t, 1, code, c.args)
		require.Contains(t, out, c.want, c.args)
	}
	registry.Journeys = append(registry.Journeys, hogsend.Journey{ID: "bad", Name: "Bad", Trigger: hogsend.On("bad"), EntryLimit: hogsend.Once, Run: failing})
	code, out := played(t, registry, "bad", "--quick")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "no such plan")
}

func TestOffsetsMayHaveDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90m": 90 * time.Minute, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "+0s": 0, "0d": 0} {
		got, err := parseOffset(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "d", "-1d", "1d-2h", "2", "9999999d", "1d1d"} {
		_, err := parseOffset(text)
		require.Error(t, err, text)
	}
}
