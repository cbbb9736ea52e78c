package server

import (
	"context"
	"errors"
	"net/url"
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
	b.rows(`insert into troubles (enrollment_id, kind, since, seen_at) select id, 'blocked', now(), now() from enrollments returning kind`)
	b.rows(`insert into dead_letters (id, source, payload, error, created_at, updated_at) values (gen_random_uuid(), 'outbox', '{}', 'no', now(), now()) returning source`)
	require.Contains(t, b.open("/studio/", cookie).words(t), "No worker runs.", "the frame shows the same for five seconds")
	b.advance(5 * time.Second)
	a := b.open("/studio/", cookie)
	words = a.words(t)
	require.NotContains(t, words, "No worker runs.")
	require.NotContains(t, words, "Getting started")
	require.Contains(t, words, "Trial nudge : 1 blocked: their history differs from the code, since")
	require.Contains(t, words, "Health : 1 message was given up after all attempts")
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
