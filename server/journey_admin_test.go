package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// life is a server with journeys that can be entered, paused and retried.
func life(t *testing.T, run string, lookErr error) *bundle {
	t.Helper()
	list := append(journeys(),
		hogsend.Journey{ID: "onboarding", Name: "Onboarding", Trigger: hogsend.On("user.created"), EntryLimit: hogsend.Unlimited, Aliases: []string{"boarding"}, Run: nothing},
		hogsend.Journey{ID: "after", Name: "After", Trigger: hogsend.On("journey:exited"), EntryLimit: hogsend.Unlimited, Run: nothing})
	b := setup(t, func(c *Config) {
		c.Ingest.Close()
		c.Ingest = ingest.New(c.Store, ingest.Config{Journeys: list, Logger: c.Logger})
		t.Cleanup(c.Ingest.Close)
		c.Registry.Journeys, c.Enabled = list, list
		c.FailedRun = func(context.Context, string) (string, error) { return run, lookErr }
	})
	return b
}

func (b *bundle) admin(method, url, body string) call {
	return call{method: method, url: "/v1/admin/journeys" + url, key: b.keys[scopeJourneyAdmin], body: body}
}

// J-34, J-100, J-107, J-109.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	journey := func(paused bool) string {
		return fmt.Sprintf(`{"journey":{"id":"onboarding","name":"Onboarding","enabled":true,"paused":%t,"updatedAt":"<ts>"}}`, paused)
	}
	enroll := b.admin("POST", "/onboarding/enroll", `{"userId":"u"}`)
	b.play([]scenario{
		{"pause", b.admin("POST", "/onboarding/pause", `{"reason":"a bug","entries":"drop"}`), 200, journey(true), `select pause_reason from journey_configs where paused_at is not null`, []string{"a bug"}},
		{"twice is once", b.admin("POST", "/onboarding/pause", `{"entries":"drop"}`), 200, journey(true), `select pause_reason from journey_configs`, []string{"a bug"}},
		{"nobody enters", enroll, 202, `{"enrolled":false,"event":"user.created","userId":"u","stateId":null,"reason":"journey_paused"}`, "", nil},
		{
			"a preview changes nothing", b.admin("POST", "/onboarding/resume", `{"preview":true}`), 200,
			`{"journey":{"id":"onboarding","name":"Onboarding","enabled":true,"paused":true,"updatedAt":"<ts>"},"held":0,"heldSends":0,"heldEntries":0,"late":0,"oldest":null}`, "", nil,
		},
		{
			"unknown policy", b.admin("POST", "/onboarding/resume", `{"policy":"never"}`), 400,
			`{"error":"Invalid request","details":[{"path":"policy","message":"must be catch_up, skip_late or reschedule"}]}`, "", nil,
		},
		{"resume", b.admin("POST", "/onboarding/resume", `{"policy":"skip_late"}`), 200, journey(false), `select journey_id from journey_configs where paused_at is not null`, []string{}},
		{"twice is once", b.admin("POST", "/onboarding/resume", ""), 200, journey(false), "", nil},
		{"switching off is apart from it", b.admin("PATCH", "/onboarding", `{"enabled":false}`), 200, "", "", nil},
		{"both", b.admin("POST", "/onboarding/pause", ""), 200, strings.Replace(journey(true), `"enabled":true`, `"enabled":false`, 1), "", nil},
		{"unknown journey", b.admin("POST", "/none/pause", ""), 404, `{"error":"Journey not found"}`, "", nil},
		{"unknown journey", b.admin("POST", "/none/resume", ""), 404, `{"error":"Journey not found"}`, "", nil},
		{"a reason that is no text", b.admin("POST", "/onboarding/pause", `{"reason":7}`), 400, "", "", nil},
		{"scope", call{method: "POST", url: "/v1/admin/journeys/onboarding/pause", key: b.keys[scopeRead]}, 403, "", "", nil},
	})
	a := b.do(call{method: "GET", url: "/v1/admin/journeys/onboarding", key: b.keys[scopeRead]})
	require.Contains(t, a.body, `"paused":true`)
}

// J-107: the preview counts what is held, and under skip_late what would be skipped.
func TestPreviewOfAResume(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	b.do(b.admin("POST", "/onboarding/pause", ""))
	for i, age := range []string{"2 hours", "1 minute"} {
		b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: fmt.Sprintf(`{"name":"trial.started","userId":"u%d","eventProperties":{"plan":"pro"}}`, i)})
		_, err := b.store.Pool.Exec(t.Context(), `insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at)
			select gen_random_uuid(), id, 'onboarding', 'send:x#1', 1, 'send:x', true, now() - $1::interval from enrollments order by created_at desc limit 1`, age)
		require.NoError(t, err)
	}
	counts := func(policy string) string {
		a := b.do(b.admin("POST", "/onboarding/resume", `{"preview":true,"policy":"`+policy+`"}`))
		var got struct {
			Held, HeldSends, Late int
			Oldest                *string
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &got), a.body)
		require.NotNil(t, got.Oldest)
		return fmt.Sprint(got.Held, got.HeldSends, got.Late)
	}
	require.Equal(t, "2 2 1", counts("skip_late"))
	require.Equal(t, "2 2 0", counts("catch_up"))
}

// J-107, R-61: the preview of a pause counts whom it would meet and what comes due, and
// pauses nothing.
func TestPreviewOfAPause(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	for i, wait := range []string{"30 minutes", "20 hours", "3 days", "10 minutes"} {
		b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: fmt.Sprintf(`{"name":"trial.started","userId":"u%d","eventProperties":{"plan":"pro"}}`, i)})
		var priority *int32 // a wait with one is of a mail that was deferred
		if i == 3 {
			priority = new(int32)
		}
		_, err := b.store.Pool.Exec(t.Context(), `insert into waits (id, enrollment_id, contact_id, step_key, label, deadline, status, registered_at, priority, category, email_key)
			select gen_random_uuid(), id, contact_id, 'x#1', 'x', now() + $1::interval, 'open', now(), $2::int, ($2::int)::text, ($2::int)::text from enrollments order by created_at desc limit 1`, wait, priority)
		require.NoError(t, err)
	}
	b.play([]scenario{
		{
			"a preview", b.admin("POST", "/trial-nudge/pause", `{"preview":true}`), 200,
			`{"journey":{"id":"trial-nudge","name":"Trial nudge","enabled":true,"paused":false,"updatedAt":"<ts>"},"inFlight":4,"held":0,"waitsDue":{"in1h":1,"in24h":2},"effectsDue":{"in1h":1,"in24h":1},"nextWake":"<ts>"}`,
			`select journey_id from journey_configs where paused_at is not null`,
			[]string{},
		},
		{
			"of a journey without people", b.admin("POST", "/onboarding/pause", `{"preview":true}`), 200,
			`{"journey":{"id":"onboarding","name":"Onboarding","enabled":true,"paused":false,"updatedAt":"<ts>"},"inFlight":0,"held":0,"waitsDue":{"in1h":0,"in24h":0},"effectsDue":{"in1h":0,"in24h":0},"nextWake":null}`,
			`select journey_id from journey_configs where paused_at is not null`,
			[]string{},
		},
		{"neither yes nor no", b.admin("POST", "/trial-nudge/pause", `{"preview":"yes"}`), 400, "", `select journey_id from journey_configs where paused_at is not null`, []string{}},
	})
}

// R-65, J-23.
func TestEnrollByHand(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	outcome := func(enrolled bool, event, user, state, reason string) string {
		return fmt.Sprintf(`{"enrolled":%t,"event":%q,"userId":%q,"stateId":%s,"reason":%s}`, enrolled, event, user, state, reason)
	}
	first := b.admin("POST", "/trial-nudge/enroll", `{"userId":"user_1","userEmail":"ada@example.com","properties":{"plan":"pro"},"idempotencyKey":"k"}`)
	b.play([]scenario{
		{"enrolled", first, 202, outcome(true, "trial.started", "user_1", `"<uuid>"`, "null"), `select status from enrollments`, []string{"active"}},
		{"a repeat of its key answers the first outcome", first, 202, outcome(true, "trial.started", "user_1", `"<uuid>"`, "null"), `select count(*)::text from events`, []string{"1"}},
		{
			"the key in the header",
			call{method: "POST", url: first.url, key: first.key, body: `{"userId":"user_2"}`, headers: map[string]string{"Idempotency-Key": "k"}},
			202,
			outcome(true, "trial.started", "user_1", `"<uuid>"`, "null"), "", nil,
		},
		{"all guards have run", b.admin("POST", "/trial-nudge/enroll", `{"userId":"user_1","properties":{"plan":"pro"}}`), 202, outcome(false, "trial.started", "user_1", "null", `"already_active"`), "", nil},
		{"conditions too", b.admin("POST", "/trial-nudge/enroll", `{"userId":"user_2"}`), 202, outcome(false, "trial.started", "user_2", "null", `"trigger_conditions_not_met"`), "", nil},
		{"disabled in code", b.admin("POST", "/old/enroll", `{"userId":"user_1"}`), 202, outcome(false, "old.started", "user_1", "null", `"journey_disabled"`), "", nil},
		{
			"properties stay on the event",
			call{method: "GET", url: "/v1/admin/contacts/user_1", key: b.keys[scopeRead]},
			200, "",
			`select properties::text from contacts where external_id = 'user_1'`,
			[]string{"{}"},
		},
		{"a reserved trigger", b.admin("POST", "/after/enroll", `{"userId":"u"}`), 409, `{"error":"Journey cannot be enrolled manually"}`, "", nil},
		{"unknown journey", b.admin("POST", "/none/enroll", `{"userId":"u"}`), 404, `{"error":"Journey not found"}`, "", nil},
		{"no user", b.admin("POST", "/onboarding/enroll", `{"userEmail":"a@example.com"}`), 400, `{"error":"Invalid request","details":[{"path":"userId","message":"must not be empty"}]}`, "", nil},
		{
			"bad address and properties", b.admin("POST", "/onboarding/enroll", `{"userId":"u","userEmail":"x","properties":[]}`), 400,
			`{"error":"Invalid request","details":[{"path":"properties","message":"must be an object"},{"path":"userEmail","message":"must be an e-mail address"}]}`, "", nil,
		},
	})
}

// O-25, R-66, J-23: each item its own outcome, in the order of the input.
func TestEnrollManyByHand(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	many := func(n int) string {
		return `{"users":[` + strings.TrimSuffix(strings.Repeat(`{"userId":"x"},`, n), ",") + `]}`
	}
	b.play([]scenario{
		{
			"mixed", b.admin("POST", "/onboarding/enroll/batch", `{"users":[{"userId":"a"},{"userId":""},{"userId":"a"},{"userId":"b","properties":7}]}`), 200,
			`{"enrolled":1,"skipped":3,"results":[
				{"enrolled":true,"userId":"a","stateId":"<uuid>","reason":null},
				{"enrolled":false,"userId":"","stateId":null,"reason":null,"error":"Invalid request","details":[{"path":"users.1.userId","message":"must not be empty"}]},
				{"enrolled":false,"userId":"a","stateId":null,"reason":"already_active"},
				{"enrolled":false,"userId":"b","stateId":null,"reason":null,"error":"Invalid request","details":[{"path":"users.3.properties","message":"must be an object"}]}]}`,
			`select c.external_id from enrollments e join contacts c on c.id = e.contact_id`,
			[]string{"a"},
		},
		{"nothing good", b.admin("POST", "/onboarding/enroll/batch", `{"users":[{}]}`), 200, "", "", nil},
		{"empty", b.admin("POST", "/onboarding/enroll/batch", `{"users":[]}`), 400, `{"error":"Invalid request","details":[{"path":"users","message":"must have 1 to 500 items"}]}`, "", nil},
		{"500", b.admin("POST", "/onboarding/enroll/batch", many(500)), 200, "", `select count(*)::text from decisions`, []string{"502"}},
		{"501", b.admin("POST", "/onboarding/enroll/batch", many(501)), 400, "", `select count(*)::text from decisions`, []string{"502"}},
		{"a reserved trigger", b.admin("POST", "/after/enroll/batch", many(1)), 409, "", "", nil},
	})
}

// enter enrolls somebody and returns the state's id.
func (b *bundle) enter(journeyID, user string) string {
	b.t.Helper()
	a := b.do(b.admin("POST", "/"+journeyID+"/enroll", `{"userId":"`+user+`"}`))
	var got struct{ StateID string }
	require.NoError(b.t, json.Unmarshal([]byte(a.body), &got))
	require.NotEmpty(b.t, got.StateID, a.body)
	return got.StateID
}

// R-67, J-82.
func TestCancelAState(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	id := b.enter("onboarding", "u")
	b.play([]scenario{
		{"of another journey", b.admin("DELETE", "/trial-nudge/states/"+id, ""), 404, `{"error":"State not found"}`, "", nil},
		{"unknown", b.admin("DELETE", "/onboarding/states/00000000-0000-0000-0000-000000000000", ""), 404, `{"error":"State not found"}`, "", nil},
		{"no uuid", b.admin("DELETE", "/onboarding/states/x", ""), 400, "", "", nil},
		{
			"live", b.admin("DELETE", "/onboarding/states/"+id, ""), 200, `{"state":{"id":"<uuid>","status":"exited","exitedAt":"<ts>"},"cancelled":false}`,
			`select properties->>'reason' from events where name = 'journey:exited'`,
			[]string{"admin"},
		},
		{
			"ended", b.admin("DELETE", "/onboarding/states/"+id, ""), 409, `{"error":"State is already exited"}`,
			`select kind from outbox order by seq`,
			[]string{"start", "cancel", "start"},
		},
	})
}

// J-82: two cancels racing: one 200, one 409.
func TestCancelsRace(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	id := b.enter("onboarding", "u")
	require.Equal(t, map[int]int{200: 1, 409: 3}, b.race(4, b.admin("DELETE", "/onboarding/states/"+id, "")))
}

// race sends one request n times at once and counts the answers by status.
func (b *bundle) race(n int, c call) map[int]int {
	b.t.Helper()
	answers := make([]answer, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { answers[i] = b.do(c) })
	}
	calls.Wait()
	counts := map[int]int{}
	for _, a := range answers {
		counts[a.status]++
	}
	return counts
}

func (b *bundle) failState(id string) {
	b.t.Helper()
	_, err := b.store.Pool.Exec(b.t.Context(), `update enrollments set status = 'failed', error = 'boom' where id = $1`, id)
	require.NoError(b.t, err)
}

// R-68, J-96.
func TestRetryAState(t *testing.T) {
	t.Parallel()
	b := life(t, "run-7", nil)
	id := b.enter("onboarding", "u")
	retry := b.admin("POST", "/onboarding/states/"+id+"/retry", "{}")
	b.play([]scenario{{"live", retry, 409, `{"error":"State is not failed but active"}`, "", nil}})
	b.failState(id)
	again := b.enter("onboarding", "u")
	b.play([]scenario{
		{"beside another", retry, 409, `{"error":"Another enrollment of the contact is active"}`, "", nil},
		{"that ends", b.admin("DELETE", "/onboarding/states/"+again, ""), 200, "", "", nil},
		{"of another journey", b.admin("POST", "/trial-nudge/states/"+id+"/retry", ""), 404, "", "", nil},
		{
			"failed", retry, 202, `{"state":{"id":"<uuid>","contactId":"<uuid>","userId":"u","userEmail":"","journeyId":"onboarding","currentNodeId":"start","status":"active","workflowRunId":null,
			"context":{},"errorMessage":null,"exitReason":null,"entryCount":1,"completedAt":null,"exitedAt":null,"createdAt":"<ts>","updatedAt":"<ts>"}}`,
			`select payload->>'runId' from outbox where kind = 'retry'`,
			[]string{"run-7"},
		},
		{"twice", retry, 409, "", `select count(*)::text from outbox where kind = 'retry'`, []string{"1"}},
	})
}

// J-96: two retries racing: one 202, one 409.
func TestRetriesRace(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	id := b.enter("onboarding", "u")
	b.failState(id)
	require.Equal(t, map[int]int{202: 1, 409: 3}, b.race(4, b.admin("POST", "/onboarding/states/"+id+"/retry", "")))
}

// no history, or nobody to ask for it.
func TestRetryWithoutHistory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"gone": {nil, 409, "History of the state is no longer kept"},
		"away": {errors.New("away"), 503, "Temporal unavailable"},
	} {
		b := life(t, "", c.err)
		id := b.enter("onboarding", "u")
		b.failState(id)
		b.play([]scenario{{name, b.admin("POST", "/onboarding/states/"+id+"/retry", ""), c.status, `{"error":"` + c.text + `"}`, `select status from enrollments`, []string{"failed"}}})
	}
}

// J-168, R-61: a pause holds entries unless it is told to drop them, and says which.
func TestEntriesDuringAPause(t *testing.T) {
	t.Parallel()
	b := life(t, "run", nil)
	entries := func() any {
		a := b.do(call{method: "GET", url: "/v1/admin/journeys/onboarding", key: b.keys[scopeRead]})
		var got struct{ Journey map[string]any }
		require.NoError(t, json.Unmarshal([]byte(a.body), &got), a.body)
		return got.Journey["pauseEntries"]
	}
	require.Nil(t, entries())
	b.do(b.admin("POST", "/onboarding/pause", ""))
	require.Equal(t, "hold", entries())
	b.do(b.admin("POST", "/onboarding/pause", `{"entries":"drop"}`))
	require.Equal(t, "drop", entries(), "for later events")
	b.do(b.admin("POST", "/onboarding/resume", ""))
	require.Nil(t, entries())
	a := b.do(b.admin("POST", "/onboarding/pause", `{"entries":"keep"}`))
	require.Equal(t, 400, a.status)
	require.Contains(t, a.body, `{"path":"entries","message":"must be hold or drop"}`)
}
