package app_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/replay"
)

const (
	storedHistories = "../tests/testdata/histories"
	historiesSecret = "HOGSEND_SECRET=tests-tests-tests-tests-tests-tests"
)

// runReplay runs the command with the example's registry, changed by change.
func runReplay(t *testing.T, change func(*hogsend.Registry), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	registry := saas.Registry()
	if change != nil {
		change(&registry)
	}
	var out, errs bytes.Buffer
	code = app.Run(t.Context(), app.Options{Registry: registry}, app.IO{
		Args: append([]string{"replay"}, args...), Environ: []string{historiesSecret}, Stdout: &out, Stderr: &errs,
	})
	return code, out.String(), errs.String()
}

func welcomeRuns(run hogsend.JourneyFunc) func(*hogsend.Registry) {
	return func(r *hogsend.Registry) {
		for i := range r.Journeys {
			if r.Journeys[i].ID == saas.Welcome.ID {
				r.Journeys[i].Run = run
			}
		}
	}
}

func withoutWelcome(r *hogsend.Registry) { r.Journeys = []hogsend.Journey{saas.OrderThanks} }

func sendsBefore(ctx workflow.Context, run hogsend.Run) error {
	for _, template := range []string{saas.TemplateWelcome, saas.TemplateNudge} {
		if _, err := run.Send(ctx, hogsend.Email{Template: template}); err != nil {
			return err
		}
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day})
	return err
}

func labelsWait(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: saas.TemplateWelcome}); err != nil {
		return err
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day, Label: "tried"})
	return err
}

// T-30, T-31, T-32: what the gate says of stored histories, offline.
func TestTheGateOverStoredHistories(t *testing.T) {
	t.Parallel()
	asleep := storedHistories + "/trial-ending"
	empty := t.TempDir()
	junk := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(junk, "junk.json"), []byte("{"), 0o600))
	for _, tt := range []struct {
		name           string
		change         func(*hogsend.Registry)
		args           []string
		code           int
		stdout, stderr string
	}{
		{"all replay", nil, []string{"--dir", asleep}, 0, "4 open, 4 sampled, all replay", ""},
		{"one is broken", nil, []string{"--dir", storedHistories}, 1, " sampled, 1 stratum broken: 1 person", ""},
		{"it is narrowed", nil, []string{"--dir", storedHistories, "--journey", "trial-ending"}, 0, "4 open, 4 sampled, all replay", ""},
		{"the first differing event is named", welcomeRuns(sendsBefore), []string{"--dir", storedHistories + "/activation-welcome"}, 1, `event 12: recorded BeginWait "wait-event:feature.used", this binary asks for Send "send:nudge"`, ""},
		{"a type is not in the binary", withoutWelcome, []string{"--dir", storedHistories + "/activation-welcome"}, 1, "workflow type journey-activation-welcome is not in this binary", ""},
		{"a changed label is no fault", welcomeRuns(labelsWait), []string{"--dir", storedHistories + "/activation-welcome"}, 0, "all replay, 3 changed", ""},
		{"no history at all", nil, []string{"--dir", empty}, 2, "", "there are none"},
		{"no folder", nil, []string{"--dir", filepath.Join(empty, "missing")}, 2, "", "find stored histories"},
		{"a file that is none", nil, []string{"--dir", junk}, 2, "", "junk.json"},
		{"an unknown journey", nil, []string{"--dir", storedHistories, "--journey", "nope"}, 2, "", "there is no journey nope"},
		{"a bad flag", nil, []string{"--sampel", "3"}, 2, "", "unknown flag"},
		{"a bad value", nil, []string{"--sample", "0"}, 2, "", "--sample: must be at least 1"},
		{"an argument", nil, []string{"welcome"}, 2, "", "replay takes no arguments"},
		{"flags that do not go together", nil, []string{"--dir", asleep, "--save", empty}, 2, "", "--dir: goes neither with --save nor with --all"},
		{"no database", nil, nil, 2, "", "DATABASE_URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runReplay(t, tt.change, tt.args...)
			require.Equal(t, tt.code, code, "%s%s", stdout, stderr)
			require.Contains(t, stdout, tt.stdout)
			require.Contains(t, stderr, tt.stderr)
		})
	}
}

// T-30: what cannot be reached is never mistaken for nothing in flight.
func TestTheGateWithoutADatabaseOrASecretIsNotPossible(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"no secret":   {"DATABASE_URL=postgres://postgres@127.0.0.1:1/none", "HOGSEND_ENV=test"},
		"no database": {"DATABASE_URL=postgres://postgres@127.0.0.1:1/none", "HOGSEND_ENV=test", historiesSecret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := app.Run(t.Context(), app.Options{Registry: saas.Registry()}, app.IO{Args: []string{"replay"}, Environ: environ, Stdout: &out, Stderr: &errs})
			require.Equal(t, 2, code, errs.String())
			require.Empty(t, out.String())
		})
	}
}

// T-32: changed alone is no fault, but with --strict.
func TestAChangedStepIsAFaultOnlyIfThatIsAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raw, err := os.ReadFile(storedHistories + "/activation-welcome/sleeping.json")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sleeping.json"), raw, 0o600))
	code, stdout, _ := runReplay(t, welcomeRuns(labelsWait), "--dir", dir)
	require.Equal(t, 0, code, stdout)
	require.Contains(t, stdout, "1 open, 1 sampled, all replay, 1 changed")
	require.Contains(t, stdout, `event 12: step "wait-event:feature.used" is "tried" now`)
	code, _, _ = runReplay(t, welcomeRuns(labelsWait), "--dir", dir, "--strict")
	require.Equal(t, 1, code)
}

// T-31
func TestTheGateReportsInJSON(t *testing.T) {
	t.Parallel()
	code, stdout, _ := runReplay(t, nil, "--dir", storedHistories+"/planted", "--json")
	require.Equal(t, 1, code)
	var report struct {
		Strata []replay.Stratum
		Totals replay.Totals
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Equal(t, replay.Totals{Open: 1, Sampled: 1, Broken: 1, BrokenStrata: 1, People: 1}, report.Totals)
	require.Equal(t, []replay.Finding{{
		ID: storedHistories + "/planted/activation-welcome.json", Verdict: replay.Broken, Event: 6,
		Difference: `recorded SendLetter "send:welcome", this binary asks for Send "send:welcome"`,
	}}, report.Strata[0].Findings)
}

// T-34: a secret that is not the histories' says nothing about the code.
func TestHistoriesThatCannotBeReadAreNotPossible(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := app.Run(t.Context(), app.Options{Registry: saas.Registry()}, app.IO{
		Args: []string{"replay", "--dir", storedHistories + "/order-thanks"}, Stdout: &out, Stderr: &errs,
	})
	require.Equal(t, 2, code)
	require.Contains(t, out.String(), "1 stratum unreadable")
}
