package activities_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/pause"
)

func identify(claim contract.Claim, key, properties string) contract.IdentifyRequest {
	r := contract.IdentifyRequest{Step: step(claim, key)}
	if err := json.Unmarshal([]byte(properties), &r.Properties); err != nil {
		panic(err)
	}
	return r
}

// J-137, J-97f: merged once per step, null removes, no event, last-seen untouched.
func TestIdentify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.exec(`update contacts set properties = '{"plan": "free", "old": 1}', last_seen_at = '2026-01-01'`)
	events := w.count(`events`)
	first := identify(claim, "identify:contact#1", `{"plan": "pro", "old": null, "tags": ["a"]}`)
	for range 2 {
		effect, err := w.Identify(t.Context(), first)
		require.NoError(t, err)
		require.Equal(t, contract.Effect{}, effect)
	}
	require.Equal(t, 1, w.count(`contacts where properties = '{"plan": "pro", "tags": ["a"]}' and last_seen_at = '2026-01-01'`))
	require.Equal(t, events, w.count(`events`))
	require.Equal(t, 1, w.count(`step_logs where action = 'identified' and step_key = 'identify:contact#1'`))

	_, err := w.Identify(t.Context(), identify(claim, "identify:contact#2", `{"plan": "team"}`))
	require.NoError(t, err)
	_, err = w.Identify(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, 1, w.count(`contacts where properties->>'plan' = 'team'`), "a step that was done is not done again")

	_, err = w.Identify(t.Context(), identify(claim, "identify:contact#3", `{"`+strings.Repeat("x", 201)+`": 1}`))
	requireFinal(t, err, contract.ErrorTypeValidation)

	w.event("stop", "")
	effect, err := w.Identify(t.Context(), identify(claim, "identify:contact#4", `{"plan": "late"}`))
	require.NoError(t, err)
	require.True(t, effect.Ended) // J-77
	require.Zero(t, w.count(`contacts where properties->>'plan' = 'late'`))
}

// J-101
func TestAPauseHoldsAnIdentify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	_, err := pause.Start(t.Context(), w.store, []string{"welcome"}, "", contract.HoldEntries, time.Now())
	require.NoError(t, err)
	effect, err := w.Identify(t.Context(), identify(claim, "identify:contact#1", `{"plan": "pro"}`))
	require.NoError(t, err)
	require.NotNil(t, effect.Held)
	require.Zero(t, w.count(`contacts where properties->>'plan' = 'pro'`))
}
