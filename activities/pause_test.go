package activities_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/pause"
)

func permanent() error {
	return &email.SendError{Kind: email.Permanent, Status: 422, Reason: "no such domain"}
}

func (w *world) now() time.Time {
	w.t.Helper()
	var now time.Time
	w.scan(&now, "select clock_timestamp()")
	return now
}

func (w *world) pause(journeyID string) {
	w.t.Helper()
	_, err := pause.Start(w.t.Context(), w.store, []string{journeyID}, "", contract.HoldEntries, w.now())
	require.NoError(w.t, err)
}

func (w *world) resume(journeyID string, policy contract.ResumePolicy) {
	w.t.Helper()
	require.NoError(w.t, pause.Resume(w.t.Context(), w.store, []string{journeyID}, policy, time.Hour, w.now()))
}

// release lets one hold go on, as the worker does when it is due.
func (w *world) release(h *contract.PausedEffect) bool {
	w.t.Helper()
	released, err := pause.Release(w.t.Context(), w.store, uuid.MustParse(h.EnrollmentID), uuid.MustParse(h.ID),
		pause.Outcome{BuildID: "build", Signal: contract.SignalWait, Key: contract.ReleaseKey(h.ID)})
	require.NoError(w.t, err)
	return released
}

func (w *world) send(r contract.SendRequest) contract.SendResult {
	w.t.Helper()
	result, err := w.Send(w.t.Context(), r)
	require.NoError(w.t, err)
	return result
}

func (w *world) stands() string {
	w.t.Helper()
	var s string
	w.scan(&s, `select status || ' ' || node from enrollments`)
	return s
}

func (w *world) actions() []string {
	w.t.Helper()
	rows, err := w.store.Pool.Query(w.t.Context(), `select action || ' ' || step_key from step_logs order by at, seq`)
	require.NoError(w.t, err)
	var all []string
	for rows.Next() {
		var s string
		require.NoError(w.t, rows.Scan(&s))
		all = append(all, s)
	}
	require.NoError(w.t, rows.Err())
	return all
}

// J-100, J-101, J-103, J-104: from the pause on no send is claimed; it is held once,
// however often it is tried, and goes on when it is released, not before.
func TestPauseHoldsASend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.pause("welcome")
	first := w.send(hello(claim, 1))
	require.NotNil(t, first.Held)
	require.Equal(t, "paused:send:hello", first.Held.Node)
	require.Equal(t, first, w.send(hello(claim, 1))) // the activity ran again
	require.Equal(t, "waiting paused:send:hello", w.stands())
	require.Zero(t, w.count("sends"))

	w.resume("welcome", contract.CatchUp)
	require.Equal(t, first, w.send(hello(claim, 1)), "its turn has not come")
	require.True(t, w.release(first.Held))
	require.False(t, w.release(first.Held))
	require.Equal(t, "active send:hello", w.stands())
	require.Equal(t, 1, w.count(`outbox where kind = 'signal' and key = $1`, contract.ReleaseKey(first.Held.ID)))
	require.Equal(t, hogsend.SendSent, w.send(hello(claim, 1)).Verdict.Status)
	require.Equal(t, []string{"enrolled start", "paused send:hello#1:pause#1", "resumed send:hello#1:pause#1", "sent send:hello#1"}, w.actions())
}

// J-108: a pause that comes back before the turn of a held effect holds it; one that
// comes after its release holds it anew.
func TestPauseResumePause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.pause("welcome")
	first := w.send(hello(claim, 1))
	w.resume("welcome", contract.CatchUp)
	w.pause("welcome")
	due, err := w.store.PausedEffectsDue(t.Context(), w.now(), 10)
	require.NoError(t, err)
	require.Empty(t, due)
	require.Equal(t, first, w.send(hello(claim, 1)))

	w.resume("welcome", contract.CatchUp)
	due, err = w.store.PausedEffectsDue(t.Context(), w.now(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.True(t, w.release(first.Held))
	w.pause("welcome")
	second := w.send(hello(claim, 1))
	require.NotEqual(t, first.Held.ID, second.Held.ID)
	require.Zero(t, w.count("sends"))
}

// J-101: reads, waits, checkpoints, kept values and the end are not held; Trigger is.
func TestWhatAPauseHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.pause("welcome")
	ctx := t.Context()
	effect, err := w.Checkpoint(ctx, step(claim, "node:here#1"))
	require.NoError(t, err)
	require.Equal(t, contract.Effect{}, effect)
	kept, err := w.KeepOnce(ctx, contract.OnceRequest{Step: step(claim, "once:x#1"), Label: "x", Value: []byte("1")})
	require.NoError(t, err)
	require.True(t, kept.Found)
	state, err := w.BeginWait(ctx, contract.BeginWaitRequest{Step: step(claim, "sleep:s#1"), Label: "s", Deadline: &time.Time{}, After: claim.Now})
	require.NoError(t, err)
	require.True(t, state.Closed)

	trigger := contract.TriggerRequest{Step: step(claim, "trigger:mine#1"), Event: hogsend.TriggerEvent{Event: "mine"}, OccurredAt: w.now()}
	effect, err = w.Trigger(ctx, trigger)
	require.NoError(t, err)
	require.NotNil(t, effect.Held)
	require.Zero(t, w.count(`events where name = 'mine'`))
	w.resume("welcome", contract.CatchUp)
	require.True(t, w.release(effect.Held))
	effect, err = w.Trigger(ctx, trigger)
	require.NoError(t, err)
	require.Equal(t, contract.Effect{}, effect)
	require.Equal(t, 1, w.count(`events where name = 'mine'`))

	w.pause("welcome")
	finish, err := w.FinishEnrollment(ctx, contract.FinishRequest{EnrollmentID: claim.Enrollment.ID, Status: "completed"})
	require.NoError(t, err)
	require.Equal(t, contract.EnrollmentCompleted, finish.Status)
}

// J-105, J-106, J-107: what each policy makes of a hold. The preview is what happens.
func TestResumePolicies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy contract.ResumePolicy
		held   time.Duration // before the resume
		paused time.Duration // before the resume
		want   hogsend.SendStatus
		reason string
		due    time.Duration // after the resume
		late   int64
	}{
		{"J-104", contract.CatchUp, 5 * time.Hour, 10 * time.Hour, hogsend.SendSent, "", 0, 1},
		{"J-105 late", contract.SkipLate, time.Hour + time.Second, 10 * time.Hour, hogsend.SendSkipped, "paused_late", 0, 1},
		{"J-105 not late", contract.SkipLate, time.Hour, 10 * time.Hour, hogsend.SendSent, "", 0, 0},
		// Held Tuesday 09:00, paused from Monday 12:00 to Thursday 12:00: Friday 09:00.
		{"J-106", contract.Reschedule, 51 * time.Hour, 72 * time.Hour, hogsend.SendSent, "", 21 * time.Hour, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			claim := w.enroll("start")
			w.pause("welcome")
			held := w.send(hello(claim, 1)).Held
			now := w.now().Truncate(time.Second)
			w.exec(`update paused_effects set held_at = $1`, now.Add(-c.held))
			w.exec(`update journey_configs set paused_at = $1`, now.Add(-c.paused))
			preview, err := w.store.PausedEffectsCount(t.Context(), []string{"welcome"}, now, time.Hour.Seconds())
			require.NoError(t, err)
			require.Equal(t, [3]int64{1, 1, c.late}, [3]int64{preview.Held, preview.Sends, preview.Late})
			require.True(t, preview.Oldest.Equal(now.Add(-c.held)))
			require.NoError(t, pause.Resume(t.Context(), w.store, []string{"welcome"}, c.policy, time.Hour, now))

			at := now.Add(c.due)
			early, err := w.store.PausedEffectsDue(t.Context(), at.Add(-time.Microsecond), 10)
			require.NoError(t, err)
			require.Empty(t, early)
			due, err := w.store.PausedEffectsDue(t.Context(), at, 10)
			require.NoError(t, err)
			require.Len(t, due, 1)
			w.release(held)
			verdict := w.send(hello(claim, 1)).Verdict
			require.Equal(t, c.want, verdict.Status)
			require.Equal(t, c.reason, verdict.Reason)
			require.Equal(t, c.reason == "", len(w.provider.calls) == 1)
		})
	}
}

// J-105: effects that are no sends run, however late.
func TestSkipLateSkipsSendsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.pause("welcome")
	trigger := contract.TriggerRequest{Step: step(claim, "trigger:mine#1"), Event: hogsend.TriggerEvent{Event: "mine"}, OccurredAt: w.now()}
	effect, err := w.Trigger(t.Context(), trigger)
	require.NoError(t, err)
	w.exec(`update paused_effects set held_at = held_at - interval '1 day'`)
	w.resume("welcome", contract.SkipLate)
	w.release(effect.Held)
	_, err = w.Trigger(t.Context(), trigger)
	require.NoError(t, err)
	require.Equal(t, 1, w.count(`events where name = 'mine'`))
}

// J-100: pausing and resuming twice is doing it once.
func TestPauseIsIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	one, err := pause.Start(t.Context(), w.store, []string{"welcome"}, "first", contract.HoldEntries, w.now())
	require.NoError(t, err)
	two, err := pause.Start(t.Context(), w.store, []string{"welcome"}, "second", contract.HoldEntries, w.now())
	require.NoError(t, err)
	require.Equal(t, one, two)
	held := w.send(hello(claim, 1)).Held
	w.resume("welcome", contract.Reschedule)
	var before, after time.Time
	w.scan(&before, `select due_at from paused_effects where id = $1`, held.ID)
	w.resume("welcome", contract.CatchUp)
	w.scan(&after, `select due_at from paused_effects where id = $1`, held.ID)
	require.Equal(t, before, after)
}

// J-102, J-76: a held enrollment exits; its hold is closed and tells nobody.
func TestHeldEnrollmentsExit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.pause("welcome")
	held := w.send(hello(claim, 1)).Held
	require.True(t, w.event("stop", "").Exits[0].Exited)
	require.True(t, w.send(hello(claim, 1)).Ended)
	preview, err := w.store.PausedEffectsCount(t.Context(), []string{"welcome"}, w.now(), 3600)
	require.NoError(t, err)
	require.Zero(t, preview.Held)
	w.resume("welcome", contract.CatchUp)
	require.False(t, w.release(held))
	require.Zero(t, w.count(`outbox where key = $1`, contract.ReleaseKey(held.ID)))
	require.Zero(t, w.count(`paused_effects where closed_at is null`))
}

// J-119: a held effect whose context the author canceled is given up; the
// enrollment goes on.
func TestAbandonedHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.pause("welcome")
	held := w.send(hello(claim, 1)).Held
	for range 2 {
		effect, err := w.AbandonPausedEffect(t.Context(), *held)
		require.NoError(t, err)
		require.False(t, effect.Ended)
	}
	require.Equal(t, "active send:hello", w.stands())
	require.Zero(t, w.count(`outbox where kind = 'signal'`))
	w.event("stop", "")
	effect, err := w.AbandonPausedEffect(t.Context(), *held)
	require.NoError(t, err)
	require.True(t, effect.Ended)
}

// J-13, J-100: an enrollment made under a former id is held by a pause of the journey.
func TestPauseCoversFormerIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.exec(`update enrollments set journey_id = 'former'`)
	w.define(func(r *hogsend.Registry) { r.Journeys[0].Aliases = []string{"former"} })
	w.pause("welcome")
	held := w.send(hello(claim, 1)).Held
	require.NotNil(t, held)
	w.resume("welcome", contract.CatchUp)
	require.Equal(t, 1, w.count(`paused_effects where journey_id = 'welcome' and due_at is not null`))
}

// J-108: sends racing with pauses and resumes are held or let through, never both,
// and after a pause has returned no send is claimed.
func TestPausesRaceWithSends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	const sends = 40
	results := make([]contract.SendResult, sends)
	errs := make([]error, sends)
	var racing sync.WaitGroup
	for i := range sends {
		racing.Go(func() { results[i], errs[i] = w.Send(t.Context(), hello(claim, i)) })
	}
	for range 5 {
		w.pause("welcome")
		claimed := w.count("sends")
		for range 3 {
			require.Equal(t, claimed, w.count("sends"), "a send was claimed after the pause had returned")
		}
		w.resume("welcome", contract.CatchUp)
	}
	w.pause("welcome")
	racing.Wait()
	held := 0
	for i := range sends {
		require.NoError(t, errs[i])
		if results[i].Held != nil {
			held++
			require.Zero(t, w.count(`sends where key = $1`, hello(claim, i).Key))
		}
	}
	require.Equal(t, sends-held, w.count("sends"))
	w.resume("welcome", contract.CatchUp)
	due, err := w.store.PausedEffectsDue(t.Context(), w.now(), sends+1)
	require.NoError(t, err)
	require.Len(t, due, held, "nobody is left behind")
}

// J-96, E-32: after a retry a send that failed for good is tried anew under a key of
// its own, once per retry; what was sent or is unknown stays.
func TestSendsAfterARetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	id := uuid.MustParse(claim.Enrollment.ID)
	retry := func() {
		_, err := w.FinishEnrollment(t.Context(), contract.FinishRequest{EnrollmentID: claim.Enrollment.ID, Status: "failed", Error: "x"})
		require.NoError(t, err)
		require.NoError(t, w.Ingest.Retry(t.Context(), id, "run"))
	}
	keys := func() []string {
		rows, err := w.store.Pool.Query(t.Context(), `select key || ' ' || status from sends order by created_at`)
		require.NoError(t, err)
		var all []string
		for rows.Next() {
			var s string
			require.NoError(t, rows.Scan(&s))
			all = append(all, s[37:])
		}
		return all
	}
	w.provider.script = []error{nil, permanent()}
	w.send(hello(claim, 1))
	_, err := w.Send(t.Context(), hello(claim, 2))
	require.Error(t, err)
	_, err = w.Send(t.Context(), hello(claim, 2))
	require.Error(t, err, "without a retry it stays failed")
	require.Len(t, w.provider.calls, 2)

	w.exec(`insert into sends (id, key, template_key, status, reason, created_at, updated_at) values (gen_random_uuid(), $1, 'hello', 'failed', 'unknown_outcome', now(), now())`, hello(claim, 3).Key)
	retry()
	w.provider.script = []error{permanent()}
	require.Equal(t, hogsend.SendSent, w.send(hello(claim, 1)).Verdict.Status)
	_, err = w.Send(t.Context(), hello(claim, 2))
	require.Error(t, err)
	_, err = w.Send(t.Context(), hello(claim, 3))
	require.Error(t, err)
	require.Len(t, w.provider.calls, 3)

	retry()
	for range 2 {
		require.Equal(t, hogsend.SendSent, w.send(hello(claim, 2)).Verdict.Status)
	}
	retry()
	require.Equal(t, hogsend.SendSent, w.send(hello(claim, 2)).Verdict.Status)
	require.Len(t, w.provider.calls, 4)
	require.ElementsMatch(t, []string{
		"send:hello#1 sent", "send:hello#2 failed", "send:hello#3 failed", "send:hello#2:r1 failed", "send:hello#2:r2 sent",
	}, keys())
}

// J-99: a long history is noted once, and told once.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	for i := range 3 {
		s := step(claim, "node:here#"+string(rune('1'+i)))
		s.LongHistory = "10000 events, 5 bytes"
		_, err := w.Checkpoint(t.Context(), s)
		require.NoError(t, err)
	}
	require.Equal(t, 1, w.count(`enrollment_issues where kind = 'history'`))
}
