package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/pause"
)

func (w *world) capture(claim contract.Claim, key string) contract.Effect {
	w.t.Helper()
	effect, err := w.Capture(w.t.Context(), contract.CaptureRequest{
		Step: step(claim, key), Event: "nudged", Properties: json.RawMessage(`{"n":1}`), OccurredAt: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC),
	})
	require.NoError(w.t, err)
	return effect
}

// J-137, J-97f: one outbox row with a stable uuid per step, however often it is tried.
func TestACaptureIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Config.PostHog = true
	claim := w.enroll("start")
	for range 3 {
		require.Equal(t, contract.Effect{}, w.capture(claim, "capture:nudged#1"))
	}
	require.Equal(t, 1, w.count(`outbox where kind = 'capture'`))
	require.Equal(t, 1, w.count(`step_logs where action = 'captured'`))
	var raw json.RawMessage
	w.scan(&raw, `select payload from outbox where kind = 'capture'`)
	var got contract.CapturePayload
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, claim.ContactID, got.ContactID)
	require.Equal(t, "nudged 2026-01-05T10:00:00Z", got.Event+" "+got.Timestamp.Format(time.RFC3339))
	require.JSONEq(t, `{"n":1}`, string(got.Properties))

	w.capture(claim, "capture:nudged#2")
	require.Equal(t, 2, w.count(`(select distinct payload->>'uuid' from outbox where kind = 'capture') u`))
	w.event("stop", "")
	require.True(t, w.capture(claim, "capture:nudged#3").Ended) // J-77
	require.Equal(t, 2, w.count(`outbox where kind = 'capture'`))
}

// J-137
func TestWithoutPostHogACaptureOnlyLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	require.Equal(t, contract.Effect{}, w.capture(claim, "capture:nudged#1"))
	require.Zero(t, w.count(`outbox where kind = 'capture'`))
	require.Equal(t, 1, w.count(`step_logs where action = 'captured' and detail = '{"event": "nudged"}'`))
}

// J-101
func TestAPauseHoldsACapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Config.PostHog = true
	claim := w.enroll("start")
	_, err := pause.Start(t.Context(), w.store, []string{"welcome"}, "", contract.HoldEntries, time.Now())
	require.NoError(t, err)
	require.NotNil(t, w.capture(claim, "capture:nudged#1").Held)
	require.Zero(t, w.count(`outbox where kind = 'capture'`))
	require.Zero(t, w.count(`step_logs where action = 'captured'`))
}
