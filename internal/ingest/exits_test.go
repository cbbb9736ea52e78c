package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// J-71, J-72, J-75, J-81: rules are OR, conditions hold on the event, every
// inspected enrollment with exit rules is listed, the others are not.
func TestExits(t *testing.T) {
	t.Parallel()
	b := setup(t,
		journey("a", "e", exitOn("x", hogsend.Prop("why").Eq("a")), exitOn("y")),
		journey("b", "e", exitOn("z"), exitOn("x", hogsend.Prop("why").Eq("a"))),
		journey("c", "e", exitOn("z")), journey("none", "e"))
	b.send(user("e", "u"))
	b.send(user("e", "v"))
	exits := func(r ingest.Result) string {
		var s []string
		for _, x := range r.Exits {
			s = append(s, fmt.Sprint(x.JourneyID, " ", x.Exited))
		}
		return strings.Join(s, ", ")
	}
	require.Equal(t, "a false, b false, c false", exits(b.send(with(user("x", "u"), `{"why":"b"}`))))
	r := b.send(with(user("x", "u"), `{"why":"a"}`))
	require.Equal(t, "a true, b true, c false", exits(r))
	require.Equal(t, "c false", exits(b.send(user("y", "u"))))
	require.Empty(t, b.send(user("y", "w")).Exits)
	require.Equal(t, []string{"event:x", "event:x"}, b.texts(`select exit_reason from enrollments where status = 'exited' and exited_at is not null`))
	require.Equal(t, []string{contract.CancelKey(r.Exits[0].EnrollmentID.String()), contract.CancelKey(r.Exits[1].EnrollmentID.String())},
		b.texts(`select key from outbox where kind = 'cancel' order by seq`))
	require.Equal(t, 2, b.count(`select count(*) from outbox o join enrollments e on o.payload->>'workflowId' = e.workflow_id where kind = 'cancel' and e.status = 'exited'`))
	require.Equal(t, 2, b.count(`select count(*) from step_logs where action = 'exited' and detail->>'reason' = 'event:x'`))
	require.Equal(t, 2, b.count(`select count(*) from events where name = 'journey:exited' and source = 'journey'`))
}

// J-78, J-75: an exit closes the waits of the enrollment, and the event that exits
// wakes none of them.
func TestAnExitWakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", exitOn("x")))
	b.send(user("e", "u"))
	id := b.enrollment("j")
	b.waiting(id, "x", "", nil)
	b.waiting(id, "other", "", nil)
	b.send(user("x", "u"))
	require.Equal(t, []string{"closed", "closed"}, b.texts(`select status from waits where closed_at is not null`))
	require.Zero(t, b.count(`select count(*) from outbox where kind = 'signal'`))
}

// J-73: a journey with trigger X and exit X is exited by the next X; J-74: and
// enrolled again by it.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, together := range []bool{false, true} {
		t.Run(fmt.Sprint(together), func(t *testing.T) {
			t.Parallel()
			b := setup(t, journey("j", "x", exitOn("x")), journey("once", "x", exitOn("x"), limit(hogsend.Once)))
			var results []ingest.Result
			if together {
				results = b.sendAll(user("x", "u"), user("x", "u"), user("x", "u"))
			} else {
				results = []ingest.Result{b.send(user("x", "u")), b.send(user("x", "u")), b.send(user("x", "u"))}
			}
			require.Empty(t, results[0].Exits)
			require.Len(t, results[1].Exits, 2)
			require.Len(t, results[2].Exits, 1)
			require.Equal(t, []string{"exited event:x", "exited event:x", "active"}, b.statuses("j"))
			require.Equal(t, []string{"enrolled", "already_entered_once", "already_entered_once"}, b.outcomes("once"))
			require.Equal(t, []string{"start", "start", "cancel", "cancel", "start", "cancel", "start"},
				b.texts(`select kind from outbox order by seq`))
		})
	}
}

// I-43, I-44, J-17, J-89, J-90: journey:exited runs within the exit step, before the
// event's own waits and triggers; what it enrolls is not exited by the event.
func TestJourneyExitedRunsWithinTheExitStep(t *testing.T) {
	t.Parallel()
	b := setup(t,
		journey("j", "e", exitOn("x")),
		journey("other", "e", exitOn("journey:exited", hogsend.Prop("journeyId").Eq("j"))),
		journey("after", "journey:exited", exitOn("x"), exitOn("journey:exited"), func(j *hogsend.Journey) {
			j.Trigger = j.Trigger.Where(hogsend.Prop("journeyId").Eq("j"))
		}),
		journey("waiter", "e"), journey("trigger", "x"))
	b.send(user("e", "u"))
	wait := b.waiting(b.enrollment("waiter"), "journey:exited", "", nil)
	r := b.send(user("x", "u"))
	require.Len(t, r.Exits, 2) // those of the event itself: j, and other, which it did not match
	require.Equal(t, []string{"exited event:x"}, b.statuses("j"))
	require.Equal(t, []string{"exited event:journey:exited"}, b.statuses("other"))
	require.Equal(t, []string{"active"}, b.statuses("after"))
	require.Equal(t, []string{"matched"}, b.texts(`select status from waits where id = $1`, wait))
	require.Equal(t, []string{"after enrolled", "after trigger_conditions_not_met", "trigger enrolled"},
		b.texts(`select journey_id || ' ' || coalesce(reason, outcome) from decisions where journey_id in ('after', 'trigger') order by (journey_id, outcome)`))
	require.Equal(t, []string{"x", "journey:exited", "journey:exited"}, b.texts(`select name from events where seq >= (select seq from events where id = $1) order by seq`, r.EventID))
	require.Equal(t, []string{"exited event:x"}, func() []string { b.send(user("x", "u")); return b.statuses("after")[:1] }())
}

// J-79: exit rules apply to enrollments of disabled journeys; J-71: late events exit too.
func TestExitsOfDisabledJourneys(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", exitOn("x")))
	b.send(user("e", "u"))
	b.exec(`insert into journey_configs values ('j', false, now())`)
	off := b.another(ingest.Config{Journeys: []hogsend.Journey{journey("j", "e", exitOn("x"), func(j *hogsend.Journey) { j.Disabled = true })}})
	require.True(t, off.send(at(user("x", "u"), b.now().Add(-100*time.Hour))).Exits[0].Exited)
}

// I-46, J-87 to J-92: internal events of ends, their properties, keys and consequences.
func TestInternalEventsOfEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"),
		journey("next", "journey:completed", func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("journeyId").Eq("j")) }),
		journey("waiter", "e"))
	for i, c := range []struct {
		status           contract.EnrollmentStatus
		name, key, extra string
	}{
		{"completed", "journey:completed", "completed", ""},
		{"failed", "journey:failed", "failed:1", `, "error": "` + strings.Repeat("ü", 1000) + `"`},
		{"exited", "journey:exited", "exited", `, "reason": "code"`},
	} {
		b.send(user("e", "u"))
		id := b.enrollment("j")
		seen := b.texts(`select last_seen_at::text || updated_at::text from contacts`)
		got, err := b.ingester.Finish(t.Context(), id, ingest.End{Status: c.status, Error: map[bool]string{true: strings.Repeat("ü", 5000)}[c.status == contract.EnrollmentFailed]})
		require.NoError(t, err)
		require.Equal(t, c.status, got)
		require.JSONEq(t, fmt.Sprintf(`{"journeyId":"j","journeyName":"Journey j","stateId":%q,"userId":"u","entryCount":%d%s}`, id, i+1, c.extra),
			b.texts(`select properties::text from events where name = $1`, c.name)[0])
		require.Equal(t, 1, b.count(`select count(*) from event_keys where space = 'internal' and key = $1`, "journey:"+id.String()+":"+c.key))
		require.Equal(t, seen, b.texts(`select last_seen_at::text || updated_at::text from contacts`)) // J-91
		// J-65: the first end stands and causes nothing more.
		for _, again := range []string{"completed", "failed", "exited"} {
			require.Equal(t, string(c.status), b.finish(id, again))
		}
		require.Equal(t, 1, b.count(`select count(*) from events where name = $1`, c.name))
		require.Equal(t, 1, b.count(`select count(*) from step_logs where enrollment_id = $1 and action = $2 and step_key = 'end'`, id, c.status))
	}
	require.Equal(t, []string{"active"}, b.statuses("next"))
	require.Equal(t, 4096, b.count(`select octet_length(error) from enrollments where status = 'failed'`)) // J-94
	require.Equal(t, 1, b.count(`select count(*) from enrollments where completed_at is not null and status = 'completed'`))
	require.Zero(t, b.count(`select count(*) from outbox where kind = 'cancel'`))
	_, err := b.ingester.Finish(t.Context(), uuid.New(), ingest.End{Status: "completed"})
	require.ErrorIs(t, err, store.ErrNotFound)
}

// J-92: a journey may follow itself; its own row is terminal by then.
func TestAJourneyFollowsItself(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "journey:completed"), journey("first", "e"))
	b.send(user("e", "u"))
	b.finish(b.enrollment("first"), "completed")
	b.finish(b.enrollment("j"), "completed")
	require.Equal(t, []string{"completed", "active"}, b.statuses("j"))
}

// J-90: waits are closed when the enrollment ends.
func TestFinishClosesWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"))
	b.send(user("e", "u"))
	b.waiting(b.enrollment("j"), "journey:completed", "", nil)
	b.finish(b.enrollment("j"), "completed")
	require.Equal(t, []string{"closed"}, b.texts(`select status from waits`))
}

// J-124, J-126, J-129: a wait is closed by the first matching event not after its
// deadline; one event may close several.
func TestWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"), journey("k", "e"))
	b.send(user("e", "u"))
	b.send(user("e", "v"))
	id := b.enrollment("j")
	var contact string
	require.NoError(t, b.store.Pool.QueryRow(t.Context(), `select c.external_id from enrollments e join contacts c on c.id = e.contact_id where e.id = $1`, id).Scan(&contact))
	past, future := b.now().Add(-time.Millisecond), b.now().Add(time.Hour)
	open := b.waiting(id, "w", "", &future)
	expired := b.waiting(id, "w", "", &past)
	picky := b.waiting(id, "w", `[{"type":"property","property":"n","operator":"gt","value":1}]`, nil)
	b.waiting(id, "W", "", nil)
	status := func(wait uuid.UUID) string { return b.texts(`select status from waits where id = $1`, wait)[0] }

	first := b.send(user("w", contact))
	require.Equal(t, []string{"matched", "open", "open"}, []string{status(open), status(expired), status(picky)})
	second := b.sendAll(with(user("w", contact), `{"n":2}`), with(user("w", contact), `{"n":3}`))[0]
	require.Equal(t, []string{"matched", "open", "matched"}, []string{status(open), status(expired), status(picky)})
	require.Equal(t, []string{first.EventID.String(), second.EventID.String()},
		b.texts(`select w.event_id::text from waits w join events e on e.id = w.event_id and e.seq = w.event_seq where w.status = 'matched' and closed_at is not null order by e.seq`))
	require.Equal(t, []string{contract.SignalKey(open.String()), contract.SignalKey(picky.String())}, b.texts(`select key from outbox where kind = 'signal' order by seq`))
	require.JSONEq(t, fmt.Sprintf(`{"workflowId":%q,"signal":"wait","waitId":%q,"eventId":%q}`,
		b.texts(`select workflow_id from enrollments where id = $1`, id)[0], open, first.EventID), b.texts(`select payload::text from outbox where kind = 'signal' order by seq limit 1`)[0])
}

// J-135, I-38, I-47: an event of a journey is stored once per step, for its own
// contact or another one, with nothing of this contact attached.
func TestTriggerFrom(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", exitOn("bye")), journey("next", "hello"))
	b.send(named("u", "u@x", ""))
	id := b.enrollment("j")
	for range 3 {
		ended, err := b.ingester.TriggerFrom(t.Context(), id, "trigger:hello#1", "trigger:hello", ingest.Event{Name: "hello"})
		require.NoError(t, err)
		require.False(t, ended)
	}
	require.Equal(t, []string{"u journey 1"}, b.texts(`select concat_ws(' ', c.external_id, e.source, e.hops) from events e join contacts c on c.id = e.contact_id where name = 'hello'`))
	require.Equal(t, []string{"active"}, b.statuses("next"))
	require.Equal(t, []string{"start trigger:hello trigger:hello#1"}, b.texts(`select concat_ws(' ', from_node, to_node, step_key) from step_logs where action = 'event_triggered'`))
	require.Equal(t, []string{"trigger:hello"}, b.texts(`select node from enrollments where id = $1`, id))

	_, err := b.ingester.TriggerFrom(t.Context(), id, "trigger:hello#2", "", ingest.Event{Name: "hello", UserID: "friend"})
	require.NoError(t, err)
	require.Equal(t, []string{"friend -"}, b.texts(`select external_id || ' ' || coalesce(email, '-') from contacts where external_id <> 'u'`))

	// It may exit this very enrollment, and then nothing more happens (J-77).
	ended, err := b.ingester.TriggerFrom(t.Context(), id, "trigger:bye#1", "", ingest.Event{Name: "bye"})
	require.NoError(t, err)
	require.False(t, ended)
	require.Equal(t, []string{"exited event:bye"}, b.statuses("j"))
	before := b.everything()
	ended, err = b.ingester.TriggerFrom(t.Context(), id, "trigger:hello#3", "", ingest.Event{Name: "hello"})
	require.NoError(t, err)
	require.True(t, ended)
	require.Equal(t, before, b.everything())
}
