package replay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/replay"
	"github.com/hogsend/hogsend/worker"
)

const (
	// histories are those of the example's journeys, recorded from a live run, encrypted
	// under the secret.
	histories = "../../tests/testdata/histories"
	secret    = "tests-tests-tests-tests-tests-tests"

	asleep = histories + "/activation-welcome/sleeping.json"
	ended  = histories + "/activation-welcome/completed.json"
)

func newReplayer(t *testing.T, secret string, journeys ...hogsend.Journey) *replay.Replayer {
	t.Helper()
	data, err := worker.NewDataConverter(secret, nil)
	require.NoError(t, err)
	failures, err := worker.NewFailureConverter(secret, nil)
	require.NoError(t, err)
	registry := saas.Registry()
	if len(journeys) > 0 {
		registry = hogsend.Registry{Journeys: journeys}
	}
	r, err := replay.New(replay.Config{Registry: registry, Data: data, Failures: failures})
	require.NoError(t, err)
	return r
}

func read(t *testing.T, file string) *historypb.History {
	t.Helper()
	history, err := replay.ReadFile(file)
	require.NoError(t, err)
	return history
}

// T-18, T-32
func TestWhatWasRecordedReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(histories + "/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	r := newReplayer(t, secret)
	for _, file := range files {
		want := replay.OK
		if filepath.Base(filepath.Dir(file)) == "planted" {
			want = replay.Broken
		}
		require.Equal(t, want, r.Replay(read(t, file)).Verdict, file)
	}
}

func welcome(run hogsend.JourneyFunc) hogsend.Journey {
	j := saas.Welcome
	j.Run = run
	return j
}

// T-32: what a person who sleeps in the welcome journey meets when its code is changed.
func TestAChangeUnderASleeperIsBrokenOrChanged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		run     hogsend.JourneyFunc
		verdict replay.Verdict
		event   int64
		says    string
	}{
		{"nothing", asItWas, replay.OK, 0, ""},
		{"a step after the parked place", andMore, replay.OK, 0, ""},
		{"a send before the wait", sendsTwice, replay.Broken, 12, `recorded BeginWait "wait-event:feature.used", this binary asks for Send "send:nudge"`},
		{"no send", sendsNothing, replay.Broken, 6, `recorded Send "send:welcome", this binary asks for BeginWait "wait-event:feature.used"`},
		{"no wait", waitsNot, replay.Broken, 12, `recorded BeginWait "wait-event:feature.used", this binary asks for FinishEnrollment "finish"`},
		{"a sleep that moved before the send", sleepsFirst, replay.Broken, 6, `recorded Send "send:welcome", this binary asks for BeginWait "wait-event:feature.used"`},
		{"a panic", panics, replay.Broken, 6, `recorded Send "send:welcome", this binary asks for nothing more`},
		{"a send behind a version", versioned, replay.OK, 0, ""},
		{"another template", sendsOther, replay.Changed, 6, `template "welcome" is "nudge" now`},
		{"another label", labels, replay.Changed, 12, `step "wait-event:feature.used" is "tried" now`},
		{"another event", waitsForOther, replay.Changed, 12, `step "wait-event:feature.used" is "wait-event:feature.tried" now`},
		{"another duration", waitsLonger, replay.Changed, 12, `wait "wait-event:feature.used" ends 24h0m0s later now`},
		{"no deadline", waitsForever, replay.Changed, 12, `wait "wait-event:feature.used" has no deadline any more`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := newReplayer(t, secret, welcome(tt.run)).Replay(read(t, asleep))
			require.Equal(t, replay.Outcome{Verdict: tt.verdict, EventID: tt.event, Difference: tt.says}, out)
		})
	}
}

func send(ctx workflow.Context, run hogsend.Run, template string) error {
	_, err := run.Send(ctx, hogsend.Email{Template: template})
	return err
}

func await(ctx workflow.Context, run hogsend.Run, wait hogsend.Wait) error {
	_, err := run.WaitForEvent(ctx, wait)
	return err
}

func used() hogsend.Wait { return hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day} }

func asItWas(ctx workflow.Context, run hogsend.Run) error {
	if err := send(ctx, run, "welcome"); err != nil {
		return err
	}
	return await(ctx, run, used())
}

func andMore(ctx workflow.Context, run hogsend.Run) error {
	if err := asItWas(ctx, run); err != nil {
		return err
	}
	return run.Sleep(ctx, time.Hour)
}

func sendsTwice(ctx workflow.Context, run hogsend.Run) error {
	if err := send(ctx, run, "welcome"); err != nil {
		return err
	}
	if err := send(ctx, run, "nudge"); err != nil {
		return err
	}
	return await(ctx, run, used())
}

func versioned(ctx workflow.Context, run hogsend.Run) error {
	if err := send(ctx, run, "welcome"); err != nil {
		return err
	}
	if run.Version(ctx, "nudge-early", 1) >= 1 {
		if err := send(ctx, run, "nudge"); err != nil {
			return err
		}
	}
	return await(ctx, run, used())
}

func sendsNothing(ctx workflow.Context, run hogsend.Run) error { return await(ctx, run, used()) }

func waitsNot(ctx workflow.Context, run hogsend.Run) error { return send(ctx, run, "welcome") }

func sleepsFirst(ctx workflow.Context, run hogsend.Run) error {
	if err := await(ctx, run, used()); err != nil {
		return err
	}
	return send(ctx, run, "welcome")
}

func panics(workflow.Context, hogsend.Run) error { panic("not today") }

func sendsOther(ctx workflow.Context, run hogsend.Run) error {
	if err := send(ctx, run, "nudge"); err != nil {
		return err
	}
	return await(ctx, run, used())
}

func waits(ctx workflow.Context, run hogsend.Run, wait hogsend.Wait) error {
	if err := send(ctx, run, "welcome"); err != nil {
		return err
	}
	return await(ctx, run, wait)
}

func labels(ctx workflow.Context, run hogsend.Run) error {
	return waits(ctx, run, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day, Label: "tried"})
}

func waitsForOther(ctx workflow.Context, run hogsend.Run) error {
	return waits(ctx, run, hogsend.Wait{Event: "feature.tried", Timeout: 2 * hogsend.Day})
}

func waitsLonger(ctx workflow.Context, run hogsend.Run) error {
	return waits(ctx, run, hogsend.Wait{Event: "feature.used", Timeout: 3 * hogsend.Day})
}

func waitsForever(ctx workflow.Context, run hogsend.Run) error {
	return waits(ctx, run, hogsend.Wait{Event: "feature.used", Timeout: hogsend.Forever})
}

// T-30: a journey that was taken out of the binary while people were in it.
func TestATypeThatIsNotInTheBinaryIsBroken(t *testing.T) {
	t.Parallel()
	out := newReplayer(t, secret, saas.OrderThanks).Replay(read(t, asleep))
	require.Equal(t, replay.Broken, out.Verdict)
	require.Equal(t, "workflow type journey-activation-welcome is not in this binary", out.Difference)
}

// J-13: people go on under the former id.
func TestAnAliasIsInTheBinary(t *testing.T) {
	t.Parallel()
	renamed := saas.Welcome
	renamed.ID, renamed.Aliases = "onboarding", []string{saas.Welcome.ID}
	require.Equal(t, replay.OK, newReplayer(t, secret, renamed).Replay(read(t, asleep)).Verdict)
}

// T-34: a secret that this process does not have says nothing about the code.
func TestAHistoryEncryptedUnderAnotherSecretIsUnreadable(t *testing.T) {
	t.Parallel()
	out := newReplayer(t, "another secret, of 32 characters or more").Replay(read(t, asleep))
	require.Equal(t, replay.Unreadable, out.Verdict)
	require.Contains(t, out.Difference, "HOGSEND_SECRET")
}

func TestWhatHasNotBegunIsSkipped(t *testing.T) {
	t.Parallel()
	history := read(t, asleep)
	history.Events = history.Events[:3]
	require.Equal(t, replay.Skipped, newReplayer(t, secret).Replay(history).Verdict)
}

// A history may be taken at any moment of a workflow. What a task asked for is written
// at once with its completion, so that no history ends in between.
func TestEveryMomentReplays(t *testing.T) {
	t.Parallel()
	r := newReplayer(t, secret)
	whole := read(t, ended)
	moments := 0
	for n, next := range whole.Events[1:] {
		if strings.Contains(next.String(), "workflow_task_completed_event_id") {
			continue
		}
		want := replay.OK
		if n+1 <= 3 {
			want = replay.Skipped
		}
		require.Equal(t, want, r.Replay(&historypb.History{Events: whole.Events[:n+1]}).Verdict, "%d events", n+1)
		moments++
	}
	require.Greater(t, moments, 8)
}

func TestAFileThatIsNoHistoryIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "broken.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"events": 1}`), 0o600))
	_, err := replay.ReadFile(file)
	require.ErrorContains(t, err, "broken.json")
}
