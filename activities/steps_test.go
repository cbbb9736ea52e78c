package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

// logged are the rows of the step log in their order.
func (w *world) logged() []string {
	w.t.Helper()
	rows, err := w.store.Pool.Query(w.t.Context(), `select concat_ws(' ', action, step_key, from_node || '>' || to_node) from step_logs order by at, seq`)
	require.NoError(w.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	return found
}

// J-59, J-60, J-66, J-113, J-114: every row says what happened where, in order; a step
// that is repeated, by whatever died, adds none; nothing in it is personal.
func TestTheStepLog(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: time.Hour} })
	claim := w.enroll("start")
	at := func(minutes int, statuses string, act func() error) {
		t.Helper()
		set(noon.Add(time.Duration(minutes) * time.Minute))
		var before []string
		for i := range 3 {
			require.NoError(t, act())
			require.Equal(t, statuses, w.whereabouts(claim))
			if i == 0 {
				before = w.logged()
			}
			require.Equal(t, before, w.logged())
		}
	}
	send := func(r contract.SendRequest) func() error {
		return func() error { _, err := w.Send(t.Context(), r); return err }
	}
	deadline := noon.Add(3 * time.Minute)
	sleep := contract.Step{EnrollmentID: claim.Enrollment.ID, Key: "sleep:nap#1", Node: "nap"}
	second := later(claim, 2)
	second.Step.Node = "nudge"

	at(0, "active send:hello", send(hello(claim, 1)))
	at(1, "waiting nap sleep:nap#1", func() error {
		_, err := w.BeginWait(t.Context(), contract.BeginWaitRequest{Step: sleep, Label: "nap", Deadline: &deadline})
		return err
	})
	at(3, "active nap", func() error {
		_, err := w.EndWait(t.Context(), contract.EndWaitRequest{Step: sleep})
		return err
	})
	at(4, "active start over", func() error {
		_, err := w.Checkpoint(t.Context(), contract.Step{EnrollmentID: claim.Enrollment.ID, Key: "node:start over#1", Node: "start over"})
		return err
	})
	at(5, "active start over", func() error {
		r := contract.TriggerRequest{Step: step(claim, "trigger:word#1"), Event: hogsend.TriggerEvent{Event: "word", Properties: hogsend.Properties{"said": "secret"}}, OccurredAt: noon}
		r.Step.Node = "start over"
		_, err := w.Trigger(t.Context(), r)
		return err
	})
	at(6, "active start over", func() error {
		_, err := w.KeepOnce(t.Context(), contract.OnceRequest{Step: step(claim, "once:dice#1"), Label: "dice", Value: json.RawMessage(`"secret"`)})
		return err
	})
	at(7, "waiting defer:nudge send:hello#2:defer#1", send(second))
	at(61, "active nudge", send(second))
	at(62, "completed nudge", func() error {
		_, err := w.Ingest.Finish(t.Context(), mustParse(claim), completed)
		return err
	})

	require.Equal(t, []string{
		"enrolled start >start",
		"sent send:hello#1 send:hello>send:hello",
		"wait_started sleep:nap#1 send:hello>nap",
		"wait_ended sleep:nap#1 nap>nap",
		"node node:start over#1 nap>start over",
		"event_triggered trigger:word#1 start over>start over",
		"once once:dice#1 start over>start over",
		"send_gated send:hello#2:defer#1 start over>defer:nudge",
		"sent send:hello#2 nudge>nudge",
		"completed end nudge>completed",
	}, w.logged())
	require.Equal(t, 10, w.count(`step_logs where build_id = 'build'`))
	var details string
	w.scan(&details, `select string_agg(detail::text, ' ') from step_logs`)
	for _, personal := range []string{"@", "ada", "secret", "there", "Hello"} {
		require.NotContains(t, details, personal)
	}

	// Never empty: an enrollment that does nothing has a beginning and an end.
	quiet := w.enrollOf("bob", "start")
	_, err := w.Ingest.Finish(t.Context(), mustParse(quiet), ingest.End{Status: "failed", Error: "no luck", StepKey: "end"})
	require.NoError(t, err)
	require.Equal(t, []string{"enrolled start >start", "failed end start>failed"}, w.logged()[10:])
}
