package ingest_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

func once(period time.Duration) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.EntryLimit, j.EntryPeriod = hogsend.OncePerPeriod, period }
}

// made moves the enrollments of a journey back in time.
func (b *bundle) made(journeyID string, ago time.Duration) {
	b.t.Helper()
	b.exec(`update enrollments set created_at = clock_timestamp() - make_interval(secs => $2) where journey_id = $1`, journeyID, ago.Seconds())
}

// J-44, J-48 to J-51, J-58: what an enrollment is made of, its decision included.
func TestEnrollment(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", func(j *hogsend.Journey) { j.Version = "v7" }))
	r := b.send(with(user("start", "u"), `{"s":"x","n":1.50,"b":true,"null":null,"list":[1],"object":{"a":1}}`))
	id := b.enrollment("j")
	workflowID := contract.JourneyWorkflowID("j", r.ContactID.String(), 1)
	require.Equal(t, []string{fmt.Sprintf(`1|active|start|{"b": true, "n": 1.50, "s": "x"}|%s|0|v7|test-build|%s`, r.EventID, workflowID)},
		b.texts(`select concat_ws('|', entry, status, node, context::text, trigger_event_id, hops, version, build_id, workflow_id) from enrollments`))
	require.Equal(t, 1, b.count(`select count(*) from enrollments n join events e on e.id = n.trigger_event_id and e.seq = n.trigger_seq`))
	require.Equal(t, []string{"enrolled start test-build"}, b.texts(`select concat_ws(' ', action, step_key, build_id) from step_logs`))
	require.Equal(t, []string{contract.StartKey("j", id.String())}, b.texts(`select key from outbox`))
	require.Equal(t, []string{fmt.Sprintf(`{"contactId": %q, "journeyId": "j", "workflowId": %q, "enrollmentId": %q, "workflowType": "journey-j"}`, r.ContactID, workflowID, id)},
		b.texts(`select payload::text from outbox where kind = 'start' and status = 'pending'`))
	require.Equal(t, []string{fmt.Sprintf(`enrollment|j|%s|start|enrolled|%s|{}`, r.EventID, id)},
		b.texts(`select concat_ws('|', type, journey_id, event_id, event_name, outcome, reason, enrollment_id, detail::text) from decisions`))
}

// J-16: one event enrolls into many journeys, in the order of their ids, each on its own.
func TestOneEventManyJourneys(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("z", "e"), journey("a", "e"), journey("m", "e", func(j *hogsend.Journey) { j.Disabled = true }), journey("other", "f"))
	b.send(user("e", "u"))
	require.Equal(t, []string{"a enrolled", "m journey_disabled", "z enrolled"},
		b.texts(`select journey_id || ' ' || coalesce(reason, outcome) from decisions order by id`))
}

// J-18, J-20, J-38: conditions look at the event's own properties; a failed one is
// one decision and nothing else.
func TestTriggerConditions(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", func(j *hogsend.Journey) {
		j.Trigger = j.Trigger.Where(hogsend.Prop("plan").Eq("pro"), hogsend.Prop("seats").Gt(3))
	}))
	b.send(user("e", "u"))
	b.send(with(user("e", "u"), `{"plan":"pro","seats":"10"}`))
	require.Equal(t, []string{"trigger_conditions_not_met", "trigger_conditions_not_met"}, b.outcomes("j"))
	require.Equal(t, 2, b.count(`select jsonb_array_length(detail->'failed') from decisions order by id limit 1`))
	require.Equal(t, []string{"seats"}, b.texts(`select detail->'failed'->0->>'property' from decisions order by id desc limit 1`))
	require.Zero(t, b.count(`select count(*) from outbox`))
	b.send(with(user("e", "u"), `{"plan":"pro","seats":4}`))
	require.Equal(t, []string{"active"}, b.statuses("j"))
}

// J-24 to J-30: entry limits.
func TestEntryLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		change func(*hogsend.Journey)
		end    string
		ago    time.Duration
		want   string
	}{
		{"J-24", limit(hogsend.Unlimited), "completed", 0, "enrolled"},
		{"J-26 completed", limit(hogsend.Once), "completed", 0, "already_entered_once"},
		{"J-26 failed", limit(hogsend.Once), "failed", 0, "already_entered_once"},
		{"J-26 exited long ago", limit(hogsend.Once), "exited", 1000 * hogsend.Day, "already_entered_once"},
		{"J-27", once(time.Hour), "completed", time.Hour - time.Second, "period_not_elapsed"},
		{"J-28", once(time.Hour), "completed", time.Hour, "enrolled"},
		{"J-29 within", once(0), "exited", 24*time.Hour - time.Second, "period_not_elapsed"},
		{"J-29 after", once(0), "exited", 24 * time.Hour, "enrolled"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			b := setup(t, journey("j", "e", c.change))
			b.send(user("e", "u")) // J-25
			b.finish(b.enrollment("j"), c.end)
			b.made("j", c.ago)
			// J-30: occurred_at does not count.
			b.send(at(user("e", "u"), b.now().Add(-2*time.Hour)))
			require.Equal(t, []string{"enrolled", c.want}, b.outcomes("j"))
		})
	}
}

// J-32 to J-43: given everything that fails at once, the first guard in the order
// is the decision; lifting it shows the next.
func TestTheOrderOfGuards(t *testing.T) {
	t.Parallel()
	b := setupWith(t, ingest.Config{Journeys: []hogsend.Journey{
		journey("j", "e", limit(hogsend.Once), func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("ok").Eq(true)) }),
		journey("off", "e", func(j *hogsend.Journey) { j.Disabled = true }),
	}, HopLimit: 2})
	good := with(user("e", "u"), `{"ok":true}`)
	b.send(good)
	b.finish(b.enrollment("j"), "completed")
	r := b.send(named("u", "u@x", ""))
	b.exec(`insert into journey_configs values ('j', false, now()), ('off', false, now())`)
	b.exec(`insert into preferences (id, email, email_key, unsubscribed_all, created_at, updated_at) values (gen_random_uuid(), 'u@x', 'u@x', true, now(), now())`)
	b.exec(`update contacts set deleted_at = clock_timestamp() + interval '1 minute'`)
	bad := at(user("e", "u"), b.now().Add(-48*time.Hour))
	bad.Hops = 3
	last := func() string { o := b.outcomes("j"); return o[len(o)-1] }

	b.send(bad)
	require.Equal(t, "journey_disabled", b.outcomes("off")[1]) // J-32 before J-33
	require.Equal(t, "journey_disabled_by_admin", last())      // J-33
	b.exec(`update journey_configs set enabled = true`)
	b.send(bad)
	require.Equal(t, "late_event", last()) // J-35
	now := b.now()
	bad.Timestamp = &now
	b.send(bad)
	require.Equal(t, "loop_guard", last()) // J-36
	bad.Hops = 2
	b.send(bad)
	require.Equal(t, "contact_deleted", last()) // J-37
	b.exec(`update contacts set deleted_at = null`)
	b.send(bad)
	require.Equal(t, "trigger_conditions_not_met", last()) // J-38
	b.send(good)
	require.Equal(t, "already_entered_once", last()) // J-40
	b.exec(`delete from decisions; delete from step_logs; delete from enrollments`)
	b.send(good)
	require.Equal(t, "user_unsubscribed", last()) // J-41
	b.exec(`update preferences set unsubscribed_all = false`)
	b.send(good)
	require.Equal(t, "enrolled", last())
	b.exec(`update preferences set unsubscribed_all = true`)
	b.send(good)
	require.Equal(t, "user_unsubscribed", last()) // J-43
	b.exec(`update preferences set unsubscribed_all = false`)
	b.send(good)
	require.Equal(t, "already_active", last()) // J-42
	require.NotEqual(t, uuid.Nil, r.ContactID)
}

// J-41, E-20: opt-outs follow the address and the contact; suppression and
// categories pass.
func TestOptOuts(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"), journey("k", "e", func(j *hogsend.Journey) { j.EnrollUnsubscribed = true }))
	optOut := func(email string, contact any, all bool) {
		b.exec(`insert into preferences (id, email, email_key, contact_id, unsubscribed_all, suppressed, suppression_reason, categories, created_at, updated_at)
			values (gen_random_uuid(), $1, $1, $2, $3, not $3, case when not $3 then 'bounce' end, '{"journey": false}', now(), now())`, email, contact, all)
	}
	optOut("a@x", nil, true)
	optOut("s@x", nil, false)
	linked := b.send(named("linked", "", ""))
	b.exec(`delete from decisions; delete from step_logs; delete from enrollments`)
	optOut("elsewhere@x", linked.ContactID, true)
	expect := func(ev ingest.Event, want string) {
		b.exec(`delete from decisions; delete from step_logs; delete from enrollments`)
		b.send(ev)
		require.Equal(t, []string{want}, b.outcomes("j"))
		require.Equal(t, []string{"enrolled"}, b.outcomes("k"))
	}
	expect(named("a", "A@x", ""), "user_unsubscribed")
	expect(named("s", "s@x", ""), "enrolled")
	expect(named("none", "", ""), "enrolled")
	expect(named("linked", "", ""), "user_unsubscribed")
	// A contact that changes its address stays opted out: at once, and later.
	expect(named("a", "b@x", ""), "user_unsubscribed")
	expect(named("a", "", ""), "user_unsubscribed")
	require.Equal(t, 1, b.count(`select count(*) from preferences p join contacts c on c.id = p.contact_id where c.external_id = 'a' and p.email_key = 'a@x'`))
}

// J-46: all N in one batch: one enrollment, the others find it.
func TestManyInOneBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"))
	var events []ingest.Event
	for range 20 {
		events = append(events, user("e", "u"))
	}
	b.sendAll(events...)
	require.Equal(t, []string{"active"}, b.statuses("j"))
	require.Equal(t, 19, b.count(`select count(*) from decisions where reason = 'already_active'`))
	require.Equal(t, "enrolled", b.outcomes("j")[0])
}

// J-47: enrolling 1,000 contacts by one batch.
func TestManyContactsInOneBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"))
	var events []ingest.Event
	for i := range 1000 {
		events = append(events, named(fmt.Sprint("u", i), fmt.Sprint("u", i, "@x"), ""))
	}
	b.sendAll(events...)
	require.Equal(t, 1000, b.count(`select count(distinct contact_id) from enrollments where entry = 1 and status = 'active'`))
	require.Equal(t, int64(1), b.notified.Load())
}

// J-48, J-49: entries count up; ending again and again is ordinary.
func TestEntriesCountUp(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"))
	for _, status := range []string{"completed", "failed", "exited", "completed"} {
		b.send(user("e", "u"))
		require.Equal(t, status, b.finish(b.enrollment("j"), status))
	}
	require.Equal(t, []string{"1 completed", "2 failed", "3 exited", "4 completed"}, b.texts(`select entry || ' ' || status from enrollments order by entry`))
}

// J-13: rows of former ids count with those of the journey; new ones carry the new id.
func TestAliases(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("old", "e"))
	b.send(user("e", "u"))
	renamed := b.another(ingest.Config{Journeys: []hogsend.Journey{journey("new", "e", exitOn("x"), func(j *hogsend.Journey) { j.Aliases = []string{"old"} })}})
	renamed.send(user("e", "u"))
	require.Equal(t, []string{"already_active"}, b.outcomes("new"))
	require.True(t, renamed.send(user("x", "u")).Exits[0].Exited)
	renamed.send(user("e", "u"))
	require.Equal(t, []string{"old 1", "new 2"}, b.texts(`select journey_id || ' ' || entry from enrollments order by entry`))
	once := b.another(ingest.Config{Journeys: []hogsend.Journey{journey("new", "e", limit(hogsend.Once), func(j *hogsend.Journey) { j.Aliases = []string{"old"} })}})
	renamed.finish(b.enrollment("new"), "completed")
	once.send(user("e", "u"))
	require.Equal(t, "already_entered_once", b.outcomes("new")[2])
}

// J-12: a journey that is left out enrolls nobody and records nothing, but its exits apply.
func TestLeftOutJourneys(t *testing.T) {
	t.Parallel()
	all := []hogsend.Journey{journey("j", "e", exitOn("x"))}
	b := setupWith(t, ingest.Config{Journeys: all})
	b.send(user("e", "u"))
	out := b.another(ingest.Config{Journeys: []hogsend.Journey{}, ExitJourneys: all})
	out.send(user("e", "v"))
	require.Equal(t, []string{"enrolled"}, b.outcomes("j"))
	require.True(t, out.send(user("x", "u")).Exits[0].Exited)
}

// J-146, J-147: A triggers B and B triggers A, each ended before it is triggered
// again: 11 enrollments, then one decision loop_guard and a warning.
func TestTheLoopGuard(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setupWith(t, ingest.Config{
		Journeys: []hogsend.Journey{journey("a", "to.a"), journey("b", "to.b")},
		Logger:   slog.New(slog.NewTextHandler(&log, nil)),
	})
	b.send(user("to.a", "u"))
	for _, next := range []string{"to.b", "to.a", "to.b", "to.a", "to.b", "to.a", "to.b", "to.a", "to.b", "to.a", "to.b"} {
		from := "a"
		if next == "to.a" {
			from = "b"
		}
		id := b.enrollment(from)
		ended, err := b.ingester.TriggerFrom(t.Context(), id, "trigger:"+next+"#1", "", ingest.Event{Name: next})
		require.NoError(t, err)
		require.False(t, ended)
		b.finish(id, "completed")
	}
	require.Equal(t, 11, b.count(`select count(*) from enrollments`))
	require.Equal(t, []string{"b loop_guard"}, b.texts(`select journey_id || ' ' || reason from decisions where outcome = 'skipped'`))
	require.Contains(t, log.String(), "loop guard")
	require.Equal(t, 11, b.count(`select max(hops) from events where name like 'to.%'`))
	// The event itself is stored; an enrollment of at least an hour resets the count.
	require.Equal(t, 12, b.count(`select count(*) from events where name like 'to.%'`))
	b.send(user("to.a", "v"))
	b.exec(`update enrollments set hops = 10`)
	b.made("a", time.Hour)
	id := b.texts(`select e.id::text from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'v'`)[0]
	_, err := b.ingester.TriggerFrom(t.Context(), uuid.MustParse(id), "trigger:to.b#1", "", ingest.Event{Name: "to.b"})
	require.NoError(t, err)
	require.Equal(t, []string{"0"}, b.texts(`select n.hops::text from enrollments n join contacts c on c.id = n.contact_id where c.external_id = 'v' and n.journey_id = 'b'`))
}

// J-143: an event that goes into the open digest of a journey is told so, and ends
// nothing; one that does not go into it is not.
func TestAnEventDuringADigestSaysWhichOne(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("a", "read"), journey("b", "read"))
	b.send(user("read", "u"))
	id := b.waiting(b.enrollment("a"), "read", `[{"type":"property","property":"n","operator":"gt","value":1}]`, nil)
	b.exec(`update waits set digest = true, label = 'digest:read', deadline = clock_timestamp() + interval '1 hour' where id = $1`, id)
	b.send(with(user("read", "u"), `{"n": 2}`))
	b.send(with(user("read", "u"), `{"n": 1}`))
	b.exec(`update waits set deadline = clock_timestamp() where id = $1`, id)
	b.send(with(user("read", "u"), `{"n": 3}`))
	skipped := `select reason || ' ' || detail from decisions where journey_id = $1 and outcome = 'skipped' order by id`
	require.Equal(t, []string{`already_active {"digest": "digest:read"}`, "already_active {}", "already_active {}"}, b.texts(skipped, "a"))
	require.Equal(t, []string{"already_active {}", "already_active {}", "already_active {}"}, b.texts(skipped, "b"), "the digest is another journey's")
	require.Equal(t, []string{"open"}, b.texts(`select status from waits`))
	require.Zero(t, b.count(`select count(*) from outbox where kind = 'signal'`))
}
