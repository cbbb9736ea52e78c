package server

import (
	"context"
	"errors"
	"html"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/users"
)

// The first page and health: a new installation is told what to do, a broken one what is broken.
func TestStudioOverview(t *testing.T) {
	t.Parallel()
	temporal := errors.New("down")
	b := setup(t, func(c *Config) { c.Temporal = func(context.Context) error { return temporal } })
	cookie := b.user(users.Admin)
	words := b.open("/studio/", cookie).words(t)
	require.Contains(t, words, "Temporal does not answer. Events are accepted; journeys and mails wait until it does.")
	require.Contains(t, words, "No worker runs.")
	require.Contains(t, words, "○ to do The first event came")
	require.Contains(t, words, "Nothing. Nobody is stuck, and nothing was given up.")
	require.Contains(t, b.open("/studio/health", cookie).words(t), "Temporal ✕ down It runs the journeys.")
	temporal = nil
	b.people()
	b.rows(`insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at) values ('host/1', 'b1', 'd', 'hogsend', now(), now()), ('host/2', 'b2', 'e', 'hogsend', now(), now()) returning id`)
	b.sent("user_1", "welcome", ", sent_at", "'delivered', 'ada@example.com', 'Hi', now(), now(), now()")
	b.sent("user_1", "nudge", ", reason", "'skipped', 'ada@example.com', 'Later', now(), now(), 'frequency_capped'")
	b.rows(`insert into enrollment_issues (enrollment_id, kind, since, seen_at) select id, 'blocked', now(), now() from enrollments returning kind`)
	b.rows(`insert into dead_letters (id, source, payload, error, created_at, updated_at) values (gen_random_uuid(), 'outbox', '{}', 'no', now(), now()) returning source`)
	require.Contains(t, b.open("/studio/", cookie).words(t), "No worker runs.", "the frame shows the same for five seconds")
	b.advance(5 * time.Second)
	a := b.open("/studio/", cookie)
	words = a.words(t)
	require.NotContains(t, words, "No worker runs.")
	require.NotContains(t, words, "Getting started")
	require.Contains(t, words, "Trial nudge : 1 blocked: their history differs from the code, since")
	require.Contains(t, words, "Dead letters : 1 message was given up after all attempts")
	require.Contains(t, words, "frequency capped 1")
	require.Contains(t, words, "3 contacts 1 in journeys now 0 memberships of buckets 1 mails sent, 7 days 0.0 % opened, 7 days")
	require.Contains(t, a.body, "Somebody needs you")
	words = b.open("/studio/health", cookie).words(t)
	require.Contains(t, words, "Workers ◔ differ 2 run")
	require.Contains(t, words, "Schema ✓ in step")
	b.rows("update outbox set created_at = now() - interval '2 minutes' returning id::text")
	b.advance(5 * time.Second)
	require.Contains(t, b.open("/studio/contacts", cookie).words(t), "Messages are late: the oldest has waited 2 minutes.")
}

// A bucket in words, its members, its switch, its end.
func TestStudioBuckets(t *testing.T) {
	t.Parallel()
	power := hogsend.Bucket{ID: "power-users", Name: "Power users", MinDwell: time.Hour, Criteria: hogsend.All(hogsend.Event("app.active").Within(7*hogsend.Day).AtLeast(1), hogsend.Prop("plan").Neq("free"))}
	s := segments(t, power)
	operator, admin := s.user(users.Operator), s.user(users.Admin)
	s.event("app.active", "u1")
	words := s.open("/studio/buckets", operator).words(t)
	require.Contains(t, words, `Power users power-users did app.active at least once in the last 7 days and plan is not &#34;free&#34; ✓ live 1 0 0`)
	words = s.open("/studio/buckets/power-users", operator).words(t)
	require.Contains(t, words, "stays at least 1 hour")
	require.Contains(t, words, "all of these hold did app.active at least once in the last 7 days")
	require.Regexp(t, `u1 \d+ \w+ \d{4}`, words)
	require.Contains(t, s.open("/studio/buckets/power-users?members=left", operator).words(t), "Nobody has left it yet.")
	require.Equal(t, 404, s.open("/studio/buckets/none", operator).status)
	require.Contains(t, s.open("/studio/buckets/power-users/switch?to=off", operator).words(t), "1 member stays listed.")
	require.Equal(t, 422, s.submit("/studio/buckets/power-users/switch", operator, url.Values{"to": {"sideways"}}).status)
	require.Equal(t, 303, s.submit("/studio/buckets/power-users/switch", operator, url.Values{"to": {"off"}, "reason": {"wrong"}}).status)
	words = s.open("/studio/buckets/power-users", operator).words(t)
	require.Contains(t, words, "– switched off Switch on…")
	require.Contains(t, words, "Disabled by operator@example.com on")
	require.Contains(t, s.open("/studio/", operator).words(t), "Power users Disabled by operator@example.com on")
	require.Equal(t, 409, s.submit("/studio/buckets/power-users/retire", admin, url.Values{"typed": {"power-users"}}).status)
	s.register()
	require.Contains(t, s.open("/studio/buckets", operator).words(t), "No longer in code")
	require.Equal(t, 403, s.submit("/studio/buckets/power-users/retire", operator, url.Values{"typed": {"power-users"}}).status)
	require.Equal(t, 422, s.submit("/studio/buckets/power-users/retire", admin, url.Values{"typed": {"power"}}).status)
	require.Equal(t, 303, s.submit("/studio/buckets/power-users/retire", admin, url.Values{"typed": {"power-users"}}).status)
	s.settle()
	require.Contains(t, s.open("/studio/buckets/power-users", operator).words(t), "0 in it now 1 have left")
}

// An address is blocked by hand and the block lifted, once, by who may.
func TestStudioSuppressions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	operator, admin := b.user(users.Operator), b.user(users.Admin)
	require.Contains(t, b.open("/studio/suppressions", operator).words(t), "No address is blocked")
	a := b.submit("/studio/suppressions", operator, url.Values{"email": {"nobody"}})
	require.Equal(t, 422, a.status)
	require.Contains(t, a.words(t), "This is no e-mail address.")
	require.Equal(t, 303, b.submit("/studio/suppressions", operator, url.Values{"email": {" Ada@example.com "}, "reason": {"asked <us>"}}).status)
	require.Contains(t, b.open("/studio/suppressions", operator).words(t), "Ada@example.com ✕ blocked: manual")
	require.NotContains(t, b.open("/studio/suppressions", operator).body, "/lift")
	id := b.rows("select id::text from preferences")[0]
	lift := "/studio/suppressions/" + id + "/lift"
	require.Contains(t, b.open(lift, admin).words(t), "The next mail to it goes out.")
	updated := regexp.MustCompile(`name="updated" value="([^"]+)"`).FindStringSubmatch(b.open(lift, admin).body)[1]
	require.Equal(t, 403, b.submit(lift, operator, nil).status)
	b.rows("update preferences set updated_at = now() + interval '1 second' returning email")
	require.Contains(t, b.submit(lift, admin, url.Values{"updated": {updated}}).words(t), "It has changed")
	require.Equal(t, []string{"true"}, b.rows("select suppressed::text from preferences"))
	require.Equal(t, 303, b.submit(lift, admin, url.Values{}).status)
	require.Equal(t, []string{"false"}, b.rows("select suppressed::text from preferences"))
	require.Equal(t, []string{"suppressions.create", "suppressions.delete"}, b.rows("select action from audit_logs where resource = 'suppressions' order by created_at, action"))
	require.Equal(t, 404, b.submit("/studio/suppressions/00000000-0000-4000-8000-000000000000/lift", admin, url.Values{}).status)
}

// U-39: a key is shown once, and works until it is revoked.
func TestStudioKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := b.user(users.Admin)
	for field, form := range map[string]url.Values{
		"A name has 1 to 100 characters.": {"name": {" "}, "scope": {"read"}}, "Choose what it may do.": {"name": {"n"}}, "No key may do this.": {"name": {"n"}, "scope": {"root"}},
		"It has to be a day in the future.": {"name": {"n"}, "scope": {"read"}, "expires": {"2020-01-01"}},
	} {
		a := b.submit("/studio/keys", admin, form)
		require.Equal(t, 422, a.status)
		require.Contains(t, a.words(t), field)
	}
	a := b.submit("/studio/keys", admin, url.Values{"name": {"Shop"}, "scope": {"ingest", "read"}})
	key := regexp.MustCompile(`hsk_[\w-]{43}`).FindString(a.body)
	require.NotEmpty(t, key)
	require.NotContains(t, b.open("/studio/keys", admin).body, key)
	require.Contains(t, b.open("/studio/keys", admin).words(t), "ingest, read ✓ valid")
	require.Equal(t, 200, b.do(call{method: "GET", url: "/v1/lists", key: key}).status)
	id := b.rows("select id::text from api_keys where name = 'Shop'")[0]
	b.advance(users.ProofLife)
	require.Contains(t, b.open("/studio/keys/"+id+"/revoke", admin).words(t), "Your password")
	require.Equal(t, 403, b.submit("/studio/keys/"+id+"/revoke", admin, url.Values{"password": {"no"}}).status)
	require.Equal(t, 403, b.submit("/studio/keys", admin, url.Values{"name": {"n"}, "scope": {"read"}, "password": {"no"}}).status)
	require.Equal(t, 303, b.submit("/studio/keys/"+id+"/revoke", admin, url.Values{"password": {password}}).status)
	b.advance(2 * time.Second)
	require.Equal(t, 401, b.do(call{method: "GET", url: "/v1/lists", key: key}).status)
}

// Messages that wait are tried at once; those that were given up by their error, once.
func TestStudioLetters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	admin := b.user(users.Admin)
	require.Contains(t, b.open("/studio/dead-letters", admin).words(t), "Nothing was given up")
	row := b.rows("update outbox set attempts = 3, last_error = 'refused <b>' where id in (select id from outbox limit 1) returning id::text")[0]
	words := b.open("/studio/outbox", admin).words(t)
	require.Contains(t, words, "refused &lt;b&gt;")
	require.Equal(t, 303, b.submit("/studio/outbox/"+row+"/retry", admin, nil).status)
	b.rows("update outbox set status = 'dead' returning id::text")
	b.rows("insert into dead_letters (id, source, source_id, payload, error, created_at, updated_at) select gen_random_uuid(), 'outbox.' || kind, id::text, '{}', E'no route\nmore', now(), now() from outbox returning id::text")
	b.rows("insert into dead_letters (id, source, payload, error, created_at, updated_at) values (gen_random_uuid(), 'webhook', '{}', 'bad', now(), now()) returning id::text")
	a := b.open("/studio/dead-letters", admin)
	require.Contains(t, a.words(t), "no route, last just now Try all of these again…")
	ask := html.UnescapeString(regexp.MustCompile(`/studio/dead-letters/retry\?[^"]+`).FindString(a.body))
	require.Contains(t, b.open(ask, admin).words(t), "Try 1 again?")
	form := url.Values{"source": {"outbox.start"}, "error": {"no route"}}
	require.Equal(t, 303, b.submit("/studio/dead-letters/retry", admin, form).status)
	require.Equal(t, 409, b.submit("/studio/dead-letters/retry", admin, form).status, "once")
	letter := b.rows("select id::text from dead_letters where source = 'webhook'")[0]
	require.Equal(t, 409, b.submit("/studio/dead-letters/"+letter+"/retry", admin, nil).status)
	require.Contains(t, b.open("/studio/dead-letters/"+letter+"/discard", admin).words(t), "It is never delivered.")
	require.Equal(t, 303, b.submit("/studio/dead-letters/"+letter+"/discard", admin, nil).status)
	require.Equal(t, 409, b.submit("/studio/dead-letters/"+letter+"/discard", admin, nil).status)
	require.Equal(t, []string{"dlq.discard", "dlq.retry", "outbox.retry"}, b.rows("select action from audit_logs where action like 'dlq%' or action like 'outbox%' order by 1"))
}

// One way through a journey, from Postgres alone; it is ended once, and tried again once.
func TestStudioEnrollment(t *testing.T) {
	t.Parallel()
	runs := map[string]string{}
	b := setup(t, func(c *Config) {
		c.FailedRun = func(_ context.Context, workflow string) (string, error) { return runs[workflow], nil }
	})
	b.people()
	viewer, operator := b.user(users.Viewer), b.user(users.Operator)
	id := b.rows("select id::text from enrollments")[0]
	page := "/studio/enrollments/" + id
	b.rows("insert into step_logs (enrollment_id, step_key, action, to_node, detail, at) select id, 's', 'wait_started', 'wait-event:feature.used', '{\"deadline\":\"soon\"}', now() from enrollments returning step_key")
	words := b.open(page, viewer).words(t)
	require.Contains(t, words, "Ada@example.com in Trial nudge ● active")
	require.Contains(t, words, "Waits for feature.used: began to wait ◔ waits deadline: soon")
	require.Contains(t, words, "This needs the role operator.")
	require.Equal(t, 404, b.open("/studio/enrollments/00000000-0000-4000-8000-000000000000", viewer).status)
	require.Equal(t, page, b.open("/studio/find?q="+id, viewer).header.Get("Location"))
	require.Contains(t, b.open("/studio/journeys/trial-nudge/people", viewer).words(t), "Ada@example.com ● active the beginning")
	require.Contains(t, b.open("/studio/journeys/trial-nudge/people?which=failed", viewer).words(t), "Nobody stands like this.")
	require.Equal(t, 403, b.submit(page+"/cancel", viewer, nil).status)
	require.Contains(t, b.submit(page+"/retry", operator, nil).words(t), "It has not failed: it is active.")

	b.rows("update enrollments set status = 'failed', error = E'no <price>\nat line 3' returning id::text")
	words = b.open("/studio/journeys/trial-nudge", operator).words(t)
	require.Contains(t, words, "1 failed: “no &lt;price&gt;”")
	require.Contains(t, words, "Try these again…")
	ask := "/studio/journeys/trial-nudge/retry?error=" + url.QueryEscape("no <price>")
	require.Contains(t, b.open(ask, operator).words(t), "Try 1 person again?")
	all := url.Values{"error": {"no <price>"}}
	require.Contains(t, b.submit("/studio/journeys/trial-nudge/retry", operator, all).words(t), "0 of 1 go on The others stay as they are. The last of them: Temporal has forgotten its history")
	runs[b.rows("select workflow_id from enrollments")[0]] = "run-1"
	require.Equal(t, 303, b.submit("/studio/journeys/trial-nudge/retry", operator, all).status)
	require.Equal(t, []string{"active 1"}, b.rows("select status || ' ' || retries from enrollments"))
	require.Equal(t, 409, b.submit("/studio/journeys/trial-nudge/retry", operator, all).status, "once")

	require.Equal(t, 303, b.submit(page+"/cancel", operator, nil).status)
	a := b.submit(page+"/cancel", operator, nil)
	require.Equal(t, 409, a.status)
	require.Contains(t, a.words(t), "It is left already. Nothing was done.")
	require.Equal(t, []string{"states.cancel", "states.retry"}, b.rows("select action from audit_logs where resource = 'states' order by action"))
}

// From a person's page they are opted out by operators and in by admins, sent into a
// journey, and deleted.
func TestStudioContactActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	viewer, operator, admin := b.user(users.Viewer), b.user(users.Operator), b.user(users.Admin)
	id := b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	page := "/studio/contacts/" + id
	require.NotContains(t, b.open(page, viewer).body, page+"/enroll")
	require.Contains(t, b.open(page, operator).words(t), "Send no more mail…")
	require.NotContains(t, b.open(page, operator).body, "/delete")
	require.Contains(t, b.open(page+"/mail?to=off", operator).words(t), "They are unsubscribed from everything")
	require.Equal(t, 403, b.submit(page+"/mail", viewer, url.Values{"to": {"off"}}).status)
	require.Equal(t, 422, b.submit(page+"/mail", operator, nil).status)
	require.Equal(t, 303, b.submit(page+"/mail", operator, url.Values{"to": {"off"}, "reason": {"asked"}}).status)
	require.Contains(t, b.open(page, admin).words(t), "⊘ unsubscribed Send mail again…")
	require.Equal(t, 403, b.submit(page+"/mail", operator, url.Values{"to": {"on"}}).status, "only an admin lets mail go again")
	require.Equal(t, []string{"true"}, b.rows("select unsubscribed_all::text from preferences"))
	require.Equal(t, 303, b.submit(page+"/mail", admin, url.Values{"to": {"on"}}).status)
	require.Equal(t, []string{"false"}, b.rows("select unsubscribed_all::text from preferences"))

	require.Equal(t, 422, b.open(page+"/enroll?journey=none", operator).status)
	require.Contains(t, b.open(page+"/enroll?journey=trial-nudge", operator).words(t), "An event trial.started is stored for this person")
	a := b.submit(page+"/enroll", operator, url.Values{"journey": {"trial-nudge"}})
	require.Equal(t, page+"?about=journey%3Atrial-nudge#answer", a.header.Get("Location"))
	require.Equal(t, []string{"2"}, b.rows("select count(*)::text from events where name = 'trial.started' and contact_id = $1", id))
	require.Equal(t, []string{"journeys.enroll"}, b.rows("select action from audit_logs where resource = 'journeys'"))

	require.Equal(t, 422, b.submit(page+"/delete", admin, url.Values{"typed": {"x"}}).status)
	require.Equal(t, 403, b.submit(page+"/delete", operator, url.Values{"typed": {id[:8]}}).status)
	require.Equal(t, 303, b.submit(page+"/delete", admin, url.Values{"typed": {id[:8]}}).status)
	require.Equal(t, 404, b.open(page, admin).status)
	require.Equal(t, 404, b.submit(page+"/delete", admin, url.Values{"typed": {id[:8]}}).status)
}
