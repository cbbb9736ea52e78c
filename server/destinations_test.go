package server

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// listening is a server with a destination that listens to everything, and one to one type.
func listening(t *testing.T, changes ...func(*Config)) *bundle {
	t.Helper()
	b := setup(t, changes...)
	require.NoError(t, b.store.DestinationsRegister(t.Context(), []string{"all", "entries"}, []string{strings.Join(hogsend.DestinationEvents(), ","), "journey.enrolled"}))
	return b
}

// hooked are the types of messages for a destination, in their order.
func (b *bundle) hooked(destination string) []string {
	return b.rows(`select payload->>'type' from outbox where destination = 'webhook:' || $1 order by seq`, destination)
}

func (b *bundle) send(body string) {
	b.t.Helper()
	require.Equal(b.t, 202, b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: body}).status)
}

// P-15, P-17: a message for each destination that listens, in the transaction of what
// happened; of a repeat there is none.
func TestWhatHappensIsTold(t *testing.T) {
	t.Parallel()
	b := listening(t)
	for range 2 {
		b.send(`{"name":"trial.started","userId":"ada","eventProperties":{"plan":"pro"},"contactProperties":{"plan":"pro","age":36},"idempotencyKey":"k"}`)
	}
	require.Equal(t, []string{"contact.created", "journey.enrolled"}, b.hooked("all"))
	require.Equal(t, []string{"journey.enrolled"}, b.hooked("entries"))
	b.send(`{"name":"seen","userId":"ada","contactProperties":{"plan":"pro","age":36}}`)
	require.Len(t, b.hooked("all"), 2, "nothing has changed")
	b.send(`{"name":"seen","userId":"ada","email":"ada@example.com","contactProperties":{"age":37,"plan":null}}`)
	require.Equal(t, []string{`["age", "email", "plan"]`}, b.rows(`select payload->'data'->>'changed' from outbox where payload->>'type' = 'contact.updated'`))
	b.send(`{"name":"subscription.created","userId":"ada"}`)
	require.Equal(t, []string{"contact.created", "journey.enrolled", "contact.updated", "journey.exited"}, b.hooked("all"))
	require.Equal(t, []string{"exited trial-nudge event:subscription.created"}, b.rows(`select (payload->'data'->'enrollment'->>'status') || ' ' || (payload->'data'->'enrollment'->>'journeyId') || ' ' || (payload->'data'->>'reason') from outbox where payload->>'type' = 'journey.exited'`))
	require.NotContains(t, strings.Join(b.rows(`select payload::text from outbox where kind = 'webhook'`), ""), "ada@example.com", "no address is kept with it")
	require.Regexp(t, instant, b.rows(`select payload->'data'->'enrollment'->>'createdAt' from outbox where payload->>'type' = 'journey.enrolled'`)[0])

	b.send(`{"name":"seen","anonymousId":"a1"}`)
	b.send(`{"name":"seen","userId":"ada","anonymousId":"a1"}`)
	require.Equal(t, []string{"contact.created", "contact.merged"}, b.hooked("all")[4:])
	require.Equal(t, 200, b.do(call{method: "DELETE", url: "/v1/admin/contacts/ada", key: adminKey}).status)
	require.Equal(t, []string{"contact.deleted"}, b.hooked("all")[6:])
}

// P-17: deletions are silent but for themselves; an erasure takes what is still to be told,
// and is told by an id.
func TestDeletionsAreSilent(t *testing.T) {
	t.Parallel()
	b := listening(t)
	b.send(`{"name":"trial.started","userId":"ada","eventProperties":{"plan":"pro"}}`)
	b.send(`{"name":"trial.started","userId":"bob","eventProperties":{"plan":"pro"}}`)
	require.Equal(t, 200, b.do(call{method: "DELETE", url: "/v1/admin/contacts/ada/erase", key: adminKey}).status)
	require.Equal(t, []string{"contact.created", "journey.enrolled", "contact.erased"}, b.hooked("all"))
	require.Equal(t, []string{"{}"}, b.rows(`select payload->>'data' from outbox where payload->>'type' = 'contact.erased'`))
	require.Equal(t, []string{"journey.enrolled"}, b.hooked("entries"), "bob's")
}

// P-17: mails, by what becomes of them; those of tests are not told.
func TestWhatBecomesOfMailsIsTold(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	require.NoError(t, o.store.DestinationsRegister(t.Context(), []string{"all"}, []string{strings.Join(hogsend.DestinationEvents(), ",")}))
	o.exec(`insert into sends (id, key, contact_id, template_key, status, reason, created_at, updated_at) select gen_random_uuid(), 's' || n, c.id, 'welcome', (array['skipped', 'suppressed', 'failed', 'queued', 'skipped'])[n], 'no', now(), now() from contacts c, generate_series(1, 5) n`)
	require.ElementsMatch(t, []string{"email.skipped", "email.suppressed", "email.failed", "email.skipped"}, o.hooked("all"))
	o.exec(`delete from outbox`)
	o.exec(`update sends set status = 'sent', sent_at = now() where status = 'queued'`)
	o.report("m1", resend("delivered", "", o.clock()))
	o.report("m2", resend("complained", "", o.clock()))
	o.report("m3", resend("complained", "", o.clock()))
	require.Equal(t, []string{"email.sent", "email.delivered", "email.complained"}, o.hooked("all"))
	require.NotContains(t, strings.Join(o.rows(`select payload::text from outbox where kind = 'webhook'`), ""), "ada@example.com")
	o.exec(`delete from outbox`)
	o.exec(`update sends set test = true, delivered_at = null`)
	o.exec(`update sends set delivered_at = now()`)
	require.Empty(t, o.hooked("all"))
}

// P-17: buckets, by the events that are not silent; campaigns, about nobody.
func TestBucketsAndCampaignsAreTold(t *testing.T) {
	t.Parallel()
	b := listening(t)
	b.rows(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), gen_random_uuid(), name, jsonb_build_object('bucketId', 'active', 'transition', split_part(name, ':', 2), 'entryCount', 2, 'reason', 'criteria', 'dwellCount', 3), 'bucket', now(), now()
		from unnest(array['bucket:entered:active', 'bucket:left:active', 'bucket:dwell:active:7d', 'bucket:entered']) name returning name`)
	require.Equal(t, []string{"bucket.entered", "bucket.left", "bucket.dwelled"}, b.hooked("all"))
	require.JSONEq(t, `{"bucketId":"active","epoch":2,"reason":"criteria","label":"7d","ordinal":3}`, b.rows(`select payload->>'data' from outbox where payload->>'type' = 'bucket.dwelled'`)[0])
	b.rows(`delete from outbox returning key`)
	id := b.rows(`insert into campaigns (id, name, status, audience_kind, audience_id, template_key, created_at, updated_at) values (gen_random_uuid(), 'May', 'queued', 'list', 'news', 'm', now(), now()) returning id::text`)[0]
	b.rows(`update campaigns set status = 'sending', started_at = now() returning name`)
	b.rows(`update campaigns set status = 'sent', sent_count = 3 returning name`)
	require.Equal(t, []string{"campaign.started", "campaign.completed"}, b.hooked("all"))
	require.Contains(t, b.rows(`select payload::text from outbox where payload->>'type' = 'campaign.completed'`)[0], `"sentCount": 3`)
	require.Equal(t, []string{"t"}, b.rows(`select bool_and(payload->'contactId' = 'null' and payload->'data'->'campaign'->>'id' = $1)::text::char from outbox`, id))
}

// P-17: an alert that fires is told along, with its figures.
func TestAnAlertIsTold(t *testing.T) {
	t.Parallel()
	b := listening(t)
	rule, id := uuid.New(), uuid.New()
	b.rows(`insert into alert_rules (id, name, type, threshold, channel, config, shown, enabled, cooldown_minutes, created_at, updated_at)
		values ($1, 'late', 'outbox_lag', '{}', 'slack', '', '{}', true, 60, now(), now()) returning name`, rule)
	require.NoError(t, b.store.AlertFire(t.Context(), storedb.AlertFireParams{ID: id, RuleID: rule, Payload: json.RawMessage(`{"rule":"late","value":301}`), Now: b.clock()}))
	require.Equal(t, []string{"alert.fired"}, b.hooked("all"))
	require.JSONEq(t, `{"alert":{"rule":"late","value":301}}`, b.rows(`select payload->>'data' from outbox where kind = 'webhook'`)[0])
	require.Equal(t, []string{id.String()}, b.rows(`select id::text from alert_history`))
}

// P-15: what is rolled back is not told; without a destination nothing is written.
func TestNothingIsToldOfWhatDidNotHappen(t *testing.T) {
	t.Parallel()
	b := listening(t)
	b.rows(`alter table decisions rename to away`)
	require.Equal(t, 500, b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"trial.started","userId":"ada","eventProperties":{"plan":"pro"}}`}).status)
	require.Empty(t, b.hooked("all"))
	silent := setup(t)
	silent.send(`{"name":"trial.started","userId":"ada"}`)
	require.Empty(t, silent.rows(`select key from outbox where kind = 'webhook'`))
}

// who tells us and whom we tell, without secrets; a test goes the way of all.
func TestWebhooksAreListedAndTested(t *testing.T) {
	t.Parallel()
	b := listening(t, func(c *Config) {
		c.Registry.Sources = []hogsend.Source{hogsend.StripeSource()}
		c.Registry.Webhooks = []hogsend.Webhook{{ID: "all", URL: "https://hooks.example.com/secret-path?token=x"}}
	})
	list := call{method: "GET", url: "/v1/admin/webhooks", key: b.keys[scopeRead]}
	a := b.do(list)
	require.Equal(t, 200, a.status)
	require.NotContains(t, a.body, "secret-path")
	var got struct {
		Sources      []map[string]any
		Destinations []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &got))
	require.Equal(t, []map[string]any{{"id": "stripe", "name": "Stripe", "auth": "stripe", "variable": "STRIPE_WEBHOOK_SECRET", "configured": false, "url": "http://127.0.0.1:3002/v1/webhooks/stripe"}}, got.Sources)
	require.Equal(t, "https://hooks.example.com", got.Destinations[0]["url"])
	require.Nil(t, got.Destinations[1]["url"])
	test := func(id string) call {
		return call{method: "POST", url: "/v1/admin/webhooks/" + id + "/test", key: adminKey, body: `{}`}
	}
	b.play([]scenario{
		{"no scope", call{method: "POST", url: "/v1/admin/webhooks/all/test", key: b.keys[scopeJourneyAdmin], body: `{}`}, 403, "", "", nil},
		{"unknown", test("none"), 404, `{"error":"Unknown destination"}`, "", nil},
		{"told", test("all"), 202, "", `select destination || ' ' || (payload->>'type') from outbox`, []string{"webhook:all hogsend.test"}},
		{"noted", list, 200, "", `select action || ' ' || resource_id from audit_logs where action like 'webhooks%'`, []string{"webhooks.test all"}},
	})
}
