package activities_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// window is a digest whose window ends after a while.
func (w *world) window(claim contract.Claim, key string, until time.Time) contract.WaitState {
	w.t.Helper()
	state, err := w.BeginWait(w.t.Context(), contract.BeginWaitRequest{
		Step: step(claim, "window:"+key), Label: "digest:read", Digest: true, After: claim.Now, Deadline: &until,
	})
	require.NoError(w.t, err)
	return state
}

func (w *world) collect(claim contract.Claim, key string, window contract.WaitState, change ...func(*contract.CollectRequest)) []string {
	w.t.Helper()
	r := contract.CollectRequest{Step: step(claim, "digest:"+key), WaitID: window.WaitID, Label: "digest:read", Event: "read", Lookback: 15 * time.Minute, Max: 500, After: claim.Now, CalledAt: claim.Now.At}
	for _, c := range change {
		c(&r)
	}
	got, err := w.CollectDigest(w.t.Context(), r)
	require.NoError(w.t, err)
	found := []string{fmt.Sprint(got.Collected.Total)}
	for _, e := range got.Collected.Events {
		found = append(found, fmt.Sprint(e.Properties["n"]))
	}
	return found
}

// J-143: what was received up to the end of the window, to the instant, and no more; a
// repeated call finds the same, whatever came since.
func TestADigestIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.event("read", `{"n": 1}`)
	last := w.event("read", `{"n": 2}`)
	window := w.window(claim, "a#1", w.now().Add(-time.Microsecond))
	var received time.Time
	require.NoError(t, w.Store.Pool.QueryRow(t.Context(), `select received_at from events where id = $1`, last.EventID).Scan(&received))
	_, err := w.Store.Pool.Exec(t.Context(), `update waits set registered_at = $1, deadline = $2`, received.Add(-time.Hour), received)
	require.NoError(t, err)
	w.event("read", `{"n": 3}`)
	for range 2 {
		require.Equal(t, []string{"2", "1", "2"}, w.collect(claim, "a#1", window), "inclusive")
		w.event("read", `{"n": 4}`)
	}
	require.Equal(t, 1, w.count(`step_logs where action = 'digest' and detail = '{"total": 2, "events": 2}'`))

	// The next one of the enrollment takes all since; with another label all there is.
	next := w.window(claim, "a#2", w.now())
	require.Equal(t, []string{"3", "3", "4", "4"}, w.collect(claim, "a#2", next))
	require.Equal(t, []string{"0"}, w.collect(claim, "a#3", next))
	require.Equal(t, []string{"5", "4", "4"}, w.collect(claim, "b#1", next, func(r *contract.CollectRequest) { r.Label, r.Max = "other", 2 }), "the newest")
	require.Equal(t, []string{"1", "1"}, w.collect(claim, "c#1", next, func(r *contract.CollectRequest) {
		r.Label, r.Where = "narrow", json.RawMessage(`[{"type":"property","property":"n","operator":"lt","value":2}]`)
	}))
}

// The trigger is in, what came long before is not, nor is what belongs to others.
func TestADigestLooksBackAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.event("read", `{"n": 1}`)
	w.event("read", `{"n": 2}`)
	_, err := w.Store.Pool.Exec(t.Context(), `update events set occurred_at = occurred_at - interval '16 minutes' where properties = '{"n": 1}'`)
	require.NoError(t, err)
	claim := w.enroll("start")
	window := w.window(claim, "a#1", w.now())
	require.Equal(t, []string{"0"}, w.collect(claim, "a#1", window, func(r *contract.CollectRequest) { r.Lookback, r.Label = 0, "none" }))
	require.Equal(t, []string{"1", "2"}, w.collect(claim, "a#2", window))
	require.Equal(t, []string{"1", "<nil>"}, w.collect(claim, "a#3", window, func(r *contract.CollectRequest) { r.Lookback, r.Event = 0, "start" }))
}

// At most 1 MiB: the older ones are left out, and counted.
func TestADigestHasItsBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	window := w.window(claim, "a#1", w.now().Add(time.Hour))
	_, err := w.Store.Pool.Exec(t.Context(), `insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), (select id from contacts), 'read', jsonb_build_object('n', n, 'text', repeat('x', 200000)), 'api', now(), now() from generate_series(1, 7) n`)
	require.NoError(t, err)
	require.Equal(t, []string{"7", "3", "4", "5", "6", "7"}, w.collect(claim, "a#1", window))
}

func TestAnEndedEnrollmentCollectsNothing(t *testing.T) {
	t.Parallel() // J-78
	w := newWorld(t)
	claim := w.enroll("start")
	window := w.window(claim, "a#1", w.now())
	w.exec(`update enrollments set status = 'exited'`)
	got, err := w.CollectDigest(t.Context(), contract.CollectRequest{Step: step(claim, "digest:a#1"), WaitID: window.WaitID, Event: "read", Max: 1})
	require.NoError(t, err)
	require.True(t, got.Ended)
	require.Zero(t, w.count("digests"))
}

// J-143: events that race with the ends of windows are each in exactly one digest.
func TestEventsRaceWithDigests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	const sent = 60
	var group sync.WaitGroup
	group.Go(func() {
		for n := range sent {
			w.event("read", fmt.Sprintf(`{"n": %d}`, n))
		}
	})
	var all []string
	now := claim.Now
	collect := func(key string) {
		window := w.window(claim, key, time.Now().Add(time.Hour))
		w.exec(`update waits set deadline = clock_timestamp() where id = $1`, window.WaitID)
		ended := w.endWait(claim, "window:"+key, window)
		require.True(t, ended.Closed)
		all = append(all, w.collect(claim, key, ended, func(r *contract.CollectRequest) { r.After, r.Lookback = now, 0 })[1:]...)
		now = ended.Now
	}
	for n := range 10 {
		collect(fmt.Sprintf("a#%d", n))
	}
	group.Wait()
	collect("a#10")
	require.Len(t, all, sent)
	slices.Sort(all)
	require.Len(t, slices.Compact(all), sent)
}

// J-57, J-143: none falls between the digests of two enrollments, also under another id
// of the journey and after a merge; a first digest begins where the wait before it ended.
func TestDigestsFollowEachOtherAcrossEnrollments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) { r.Journeys[0].Aliases = []string{"greeting"} })
	claim := w.enroll("start")
	require.Equal(t, []string{"0"}, w.collect(claim, "a#1", w.window(claim, "a#1", w.now())))
	w.event("read", `{"n": 1}`)
	w.event("stop", "")
	w.event("read", `{"n": 2}`) // while nobody was under way
	merged := uuid.New()
	w.exec(`update digests set journey_id = 'greeting', contact_id = $1`, merged)

	second := w.enroll("start")
	w.event("read", `{"n": 3}`)
	after := contract.EventPosition{At: w.now(), Seq: 1 << 60}
	got := w.event("read", `{"n": 4}`)
	window := w.window(second, "a#1", w.now())
	since := func(label string) func(*contract.CollectRequest) {
		return func(r *contract.CollectRequest) { r.After, r.Lookback, r.Label = after, 0, label }
	}
	require.Equal(t, []string{"1", "4"}, w.collect(second, "a#1", window, since("the first of its label")))
	require.NoError(t, w.store.IngestMergeRest(t.Context(), got.ContactID, merged))
	require.Equal(t, []string{"3", "1", "3", "4"}, w.collect(second, "a#2", window, since("digest:read")))
}
