package activities_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/ingest"
)

// waitFor registers a wait for an event under a key.
func (w *world) waitFor(claim contract.Claim, key, event string, after contract.EventPosition, deadline *time.Time) contract.WaitState {
	w.t.Helper()
	state, err := w.BeginWait(w.t.Context(), contract.BeginWaitRequest{Step: step(claim, key), Label: "wait-event:" + event, Event: event, After: after, Deadline: deadline})
	require.NoError(w.t, err)
	return state
}

func (w *world) endWait(claim contract.Claim, key string, state contract.WaitState) contract.WaitState {
	w.t.Helper()
	got, err := w.EndWait(w.t.Context(), contract.EndWaitRequest{Step: step(claim, key), WaitID: state.WaitID})
	require.NoError(w.t, err)
	return got
}

func TestAnEventBetweenTwoWaitsIsFoundAndCountsOnce(t *testing.T) {
	t.Parallel() // J-125
	w := newWorld(t)
	claim := w.enroll("start")
	first := w.event("used", "") // while the journey was doing something else
	second := w.event("used", "")

	state := w.waitFor(claim, "wait:a#1", "used", claim.Now, nil)
	require.True(t, state.Closed)
	require.Equal(t, first.EventID.String(), state.Event.ID)
	state = w.waitFor(claim, "wait:a#2", "used", state.Now, nil)
	require.Equal(t, second.EventID.String(), state.Event.ID, "the first one ended the wait before")
	state = w.waitFor(claim, "wait:a#3", "used", state.Now, nil)
	require.False(t, state.Closed, "both have been seen")
	require.False(t, w.waitFor(claim, "wait:b#1", "start", claim.Now, nil).Closed, "the trigger never counts again")
}

func TestAWaitIsRegisteredOnceAndEndsOnce(t *testing.T) {
	t.Parallel() // J-59, J-60, J-66, J-97c, J-97i, J-114
	w := newWorld(t)
	claim := w.enroll("start")
	deadline := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	state := w.waitFor(claim, "wait:a#1", "used", claim.Now, &deadline)
	later := deadline.Add(time.Hour)
	again := w.waitFor(claim, "wait:a#1", "used", claim.Now, &later)
	require.Equal(t, state.WaitID, again.WaitID)
	require.True(t, deadline.Equal(*again.Deadline), "the deadline is computed once")
	require.Equal(t, 1, w.count("enrollments where status = 'waiting' and node = 'wait-event:used'"))

	require.False(t, w.endWait(claim, "wait:a#1", state).Closed, "its deadline has not passed for Postgres")
	got := w.event("used", "")
	for range 2 {
		ended := w.endWait(claim, "wait:a#1", state)
		require.True(t, ended.Closed)
		require.Equal(t, got.EventID.String(), ended.Event.ID)
	}
	require.Equal(t, 1, w.count("waits"))
	require.Equal(t, 1, w.count("enrollments where status = 'active'"))
	require.Equal(t, 1, w.count("step_logs where action = 'wait_started'"))
	require.Equal(t, 1, w.count("step_logs where action = 'wait_ended' and detail->>'outcome' = 'event'"))
	require.Equal(t, 1, w.count("outbox where kind = 'signal'"))
}

// J-59, J-60, J-66: a worker that is lost after several steps of one task repeats them
// all; the enrollment stands where the last of them left it.
func TestRepeatedStepsMoveNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	first := w.waitFor(claim, "wait:a#1", "used", claim.Now, nil)
	require.Equal(t, 1, w.count("enrollments where status = 'waiting' and node = 'wait-event:used'")) // J-59
	w.event("used", "")
	ended := w.endWait(claim, "wait:a#1", first)
	require.Equal(t, 1, w.count("enrollments where status = 'active' and node = 'wait-event:used'")) // J-60
	checkpoint := step(claim, "node:half#1")
	checkpoint.Node = "half"
	for range 2 {
		w.endWait(claim, "wait:a#1", first)
		_, err := w.Checkpoint(t.Context(), checkpoint)
		require.NoError(t, err)
		w.waitFor(claim, "wait:b#1", "rare", ended.Now, nil)
		require.Equal(t, 1, w.count("enrollments where status = 'waiting' and node = 'wait-event:rare'"))
	}
	for _, repeat := range []func() error{
		func() error { w.endWait(claim, "wait:a#1", first); return nil },
		func() error { _, err := w.Checkpoint(t.Context(), checkpoint); return err },
	} {
		require.NoError(t, repeat())
		require.Equal(t, 1, w.count("enrollments where status = 'waiting' and node = 'wait-event:rare'"), "the next step has begun")
	}
}

func TestPostgresDecidesBetweenEventAndDeadline(t *testing.T) {
	t.Parallel() // J-126
	w := newWorld(t)
	claim := w.enroll("start")
	hour := time.Now().Add(time.Hour)
	early := w.waitFor(claim, "wait:a#1", "used", claim.Now, &hour)
	event := w.event("used", "")
	// The timer fires late: the event was received at or before the deadline.
	w.exec(`update waits set deadline = (select received_at from events where id = $1)`, event.EventID)
	ended := w.endWait(claim, "wait:a#1", early)
	require.Equal(t, event.EventID.String(), ended.Event.ID)

	w.waitFor(claim, "wait:b#1", "used", ended.Now, &hour)
	w.exec(`update waits set deadline = clock_timestamp() where step_key = 'wait:b#1'`)
	after := w.event("used", "")
	timedOut := w.waitFor(claim, "wait:b#1", "used", ended.Now, &hour)
	timedOut = w.endWait(claim, "wait:b#1", timedOut)
	require.True(t, timedOut.Closed)
	require.Nil(t, timedOut.Event, "it came after the deadline")
	next := w.waitFor(claim, "wait:c#1", "used", timedOut.Now, nil)
	require.Equal(t, after.EventID.String(), next.Event.ID, "and stays visible to the next wait")
}

func TestConditionsAndLookBack(t *testing.T) {
	t.Parallel() // J-18, J-21, J-124, J-127, J-128
	w := newWorld(t)
	late := time.Now().Add(-25 * time.Hour)
	old, err := w.Ingest.Ingest(t.Context(), ingest.Event{Name: "used", UserID: "ada", Timestamp: &late})
	require.NoError(t, err)
	claim := w.enroll("start")
	w.event("used", `{"feature": "a"}`)
	b := w.event("used", `{"feature": "b"}`)
	begin := func(key string, change func(*contract.BeginWaitRequest)) contract.WaitState {
		r := contract.BeginWaitRequest{Step: step(claim, key), Label: key, Event: "used", After: claim.Now}
		change(&r)
		state, err := w.BeginWait(t.Context(), r)
		require.NoError(t, err)
		return state
	}
	state := begin("a", func(r *contract.BeginWaitRequest) {
		r.Conditions = json.RawMessage(`[{"type":"property","property":"feature","operator":"eq","value":"b"}]`)
	})
	require.Equal(t, b.EventID.String(), state.Event.ID)
	state = begin("b", func(r *contract.BeginWaitRequest) { r.Lookback = 48 * time.Hour })
	require.Equal(t, old.EventID.String(), state.Event.ID, "the earliest received wins, a late one too")
	past := claim.Now.At.Add(-time.Hour)
	state = begin("c", func(r *contract.BeginWaitRequest) { r.Deadline = &past })
	require.True(t, state.Closed, "a past deadline only looks back")
	require.Nil(t, state.Event)

	_, err = w.Ingest.Ingest(t.Context(), ingest.Event{Name: "rare", UserID: "ada", Timestamp: &late})
	require.NoError(t, err)
	state = begin("d", func(r *contract.BeginWaitRequest) { r.Event = "rare" })
	require.False(t, state.Closed, "a late event wakes no wait")
}

func TestASleepEndsAtItsDeadline(t *testing.T) {
	t.Parallel() // J-122, J-66
	w := newWorld(t)
	claim := w.enroll("start")
	past := time.Now().Add(-time.Second)
	state, err := w.BeginWait(t.Context(), contract.BeginWaitRequest{Step: step(claim, "sleep:x#1"), Label: "wait:0s", After: claim.Now, Deadline: &past})
	require.NoError(t, err)
	require.True(t, state.Closed)
	require.Equal(t, 1, w.count("step_logs where action = 'wait_started'"))
	require.Equal(t, 1, w.count("step_logs where action = 'wait_ended' and detail->>'outcome' = 'timeout'"))
}

func TestAnAbandonedWaitIsVoid(t *testing.T) {
	t.Parallel() // J-129
	w := newWorld(t)
	claim := w.enroll("start")
	state := w.waitFor(claim, "wait:a#1", "used", claim.Now, nil)
	got, err := w.EndWait(t.Context(), contract.EndWaitRequest{Step: step(claim, "wait:a#1"), WaitID: state.WaitID, Abandon: true})
	require.NoError(t, err)
	require.True(t, got.Closed)
	w.event("used", "")
	require.Zero(t, w.count("outbox where kind = 'signal'"))
}

func TestAfterItsEndAnEnrollmentWaitsForNothing(t *testing.T) {
	t.Parallel() // J-77, J-78
	w := newWorld(t)
	claim := w.enroll("start")
	open := w.waitFor(claim, "wait:a#1", "used", claim.Now, nil)
	w.event("stop", "")
	require.True(t, w.endWait(claim, "wait:a#1", open).Ended)
	require.True(t, w.waitFor(claim, "wait:b#1", "used", claim.Now, nil).Ended)
	require.Zero(t, w.count("waits where status = 'open'"))
	effect, err := w.Checkpoint(t.Context(), step(claim, "node:x#1"))
	require.NoError(t, err)
	require.True(t, effect.Ended)
	require.Equal(t, 1, w.count("enrollments where status = 'exited' and exit_reason = 'event:stop'"))
}

// J-125: whatever comes first, the event is found exactly once: by the look-back or
// by ingest.
func TestRegistrationRacesWithItsEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	now := claim.Now
	for range 50 {
		var group sync.WaitGroup
		var state contract.WaitState
		var event ingest.Result
		key := "wait:" + time.Now().String()
		group.Go(func() { state = w.waitFor(claim, key, "used", now, nil) })
		group.Go(func() { event = w.event("used", "") })
		group.Wait()
		ended := w.endWait(claim, key, state)
		require.True(t, ended.Closed)
		require.Equal(t, event.EventID.String(), ended.Event.ID)
		now = ended.Now
	}
}

// J-130: a wait for the first of several is one row: whatever ends it ends it for all
// of them, and of several that one event matches the first counts.
func TestAWaitForAnyEndsOnceByTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	begin := func(key string, after contract.EventPosition, alternatives ...criteria.Alternative) contract.WaitState {
		state, err := w.BeginWait(t.Context(), contract.BeginWaitRequest{Step: step(claim, key), Label: "wait-any", Any: alternatives, After: after})
		require.NoError(t, err)
		return state
	}
	big := criteria.Alternative{Event: "paid", Where: json.RawMessage(`[{"type":"property","property":"n","operator":"gt","value":5}]`)}
	both := []criteria.Alternative{{Event: "canceled"}, big, {Event: "paid"}, {Event: "paid"}}
	state := begin("any:a#1", claim.Now, both...)
	require.False(t, state.Closed)
	first := w.event("paid", `{"n": 1}`)
	w.event("canceled", "") // a moment later: it is for the next one
	ended := w.endWait(claim, "any:a#1", state)
	require.True(t, ended.Closed)
	require.Equal(t, 2, ended.Index)
	require.Equal(t, first.EventID.String(), ended.Event.ID)
	require.Equal(t, 1, w.count("outbox where kind = 'signal'"))
	require.Equal(t, 1, w.count(`step_logs where action = 'wait_ended' and detail->>'index' = '2' and detail->>'outcome' = 'event'`))

	// Looking back, what was received first wins, wherever it stands.
	w.event("paid", `{"n": 9}`)
	state = begin("any:a#2", ended.Now, criteria.Alternative{Event: "paid"}, criteria.Alternative{Event: "canceled"})
	require.True(t, state.Closed)
	require.Equal(t, 1, state.Index)
	state = begin("any:a#3", state.Now, both...)
	require.Equal(t, 1, state.Index, "the condition holds")
	require.False(t, begin("any:a#4", state.Now, both...).Closed, "all were seen")
}

// J-125, J-130: of two events that race with the registration one ends the wait, by the
// look-back or by ingest, and the other the next one.
func TestTwoEventsRaceWithAWaitForAny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	now := claim.Now
	begin := func(key string) contract.WaitState {
		state, err := w.BeginWait(t.Context(), contract.BeginWaitRequest{
			Step: step(claim, key), Label: "wait-any", Any: []criteria.Alternative{{Event: "paid"}, {Event: "canceled"}}, After: now,
		})
		require.NoError(t, err)
		return state
	}
	for n := range 30 {
		var group sync.WaitGroup
		var state contract.WaitState
		var events [2]ingest.Result
		group.Go(func() { state = begin(fmt.Sprint("any:a#", n)) })
		group.Go(func() { events[0] = w.event("paid", "") })
		group.Go(func() { events[1] = w.event("canceled", "") })
		group.Wait()
		var seen []string
		for _, ended := range []contract.WaitState{w.endWait(claim, fmt.Sprint("any:a#", n), state), {}} {
			if !ended.Closed {
				ended = begin(fmt.Sprint("any:b#", n))
			}
			require.True(t, ended.Closed)
			require.Equal(t, events[ended.Index].EventID.String(), ended.Event.ID)
			require.Less(t, now.Seq, ended.Now.Seq, "in order of reception")
			seen, now = append(seen, ended.Event.Name), ended.Now
		}
		require.ElementsMatch(t, []string{"paid", "canceled"}, seen)
	}
}
