package server

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// entries are the actions in the log, the oldest first.
func (b *bundle) entries() []string {
	return b.rows("select action || ' ' || actor_type || ' ' || actor from audit_logs where actor <> 'test' order by created_at, id")
}

// H-17, O-11: every admin write is in the log, by whom and with its real id.
func TestEveryWriteIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	id := b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	full := func(method, url, body string) call {
		return call{method: method, url: "/v1/admin" + url, key: b.keys[scopeFullAdmin], body: body, address: "192.0.2.7"}
	}
	detail := func(action string) string {
		return "select coalesce(resource_id, '') || ' ' || detail::text from audit_logs where action = '" + action + "' order by created_at desc limit 1"
	}
	b.play([]scenario{
		{"pause", full("POST", "/journeys/trial-nudge/pause", `{"reason":"wrong price"}`), 200, "", detail("journeys.pause"), []string{
			`trial-nudge {"new": {"paused": true}, "old": {"paused": false}, "with": {"reason": "wrong price"}}`,
		}},
		{"pause again: no change, but a write", full("POST", "/journeys/trial-nudge/pause", `{}`), 200, "", detail("journeys.pause"), []string{`trial-nudge {}`}},
		{"resume", full("POST", "/journeys/trial-nudge/resume", `{}`), 200, "", detail("journeys.resume"), []string{
			`trial-nudge {"new": {"paused": false}, "old": {"paused": true}, "with": {"policy": "catch_up"}}`,
		}},
		{"a preview changes nothing", full("POST", "/journeys/trial-nudge/resume", `{"preview":true}`), 200, "", "select count(*)::text from audit_logs where action = 'journeys.resume'", []string{"1"}},
		{"switch", full("PATCH", "/journeys/trial-nudge", `{"enabled":false,"reason":"sale is over"}`), 200, "", detail("journeys.disable"), []string{
			`trial-nudge {"new": {"enabled": false}, "old": {"enabled": true}, "with": {"reason": "sale is over"}}`,
		}},
		{"a refused switch", full("PATCH", "/journeys/old", `{"enabled":true}`), 409, "", "select count(*)::text from audit_logs where resource_id = 'old'", []string{"0"}},
		{
			"enroll", full("POST", "/journeys/trial-nudge/enroll", `{"userId":"user_9","eventProperties":{"plan":"pro"}}`), 202, "",
			"select (e.name = 'trial.started')::text from audit_logs a join events e on e.id::text = a.detail->'with'->>'eventId' where a.action = 'journeys.enroll'",
			[]string{"true"},
		},
		{
			"enroll many", full("POST", "/journeys/trial-nudge/enroll/batch", `{"users":[{"userId":"a"},{"userId":"b"}]}`), 200, "",
			"select count(*)::text from audit_logs where action = 'journeys.enroll'",
			[]string{"3"},
		},
		{"a contact", full("PATCH", "/contacts/user_1", `{"timezone":"Europe/Berlin","properties":{"plan":"free","seats":2}}`), 200, "", detail("contacts.update"), []string{
			id + ` {"new": {"timezone": "Europe/Berlin", "properties.plan": "free", "properties.seats": 2}, "old": {"timezone": null, "properties.plan": "pro", "properties.seats": null}}`,
		}},
		{
			"preferences", full("PATCH", "/contacts/user_1/preferences", `{"categories":{"news":false}}`), 200, "",
			"select (a.resource_id = p.id::text)::text || (a.contact_id = p.contact_id)::text || (a.detail)::text from audit_logs a, preferences p where a.action = 'preferences.update'",
			[]string{`truetrue{"new": {"categories": {"news": false}}, "old": {"categories": {}}}`},
		},
		{
			"suppress", full("POST", "/suppressions", `{"email":"gone@example.com","note":"asked"}`), 201, "",
			"select detail->>'with' from audit_logs where action = 'suppressions.create'",
			[]string{`{"note": "asked"}`},
		},
		{"lift", full("DELETE", "/suppressions/gone@example.com", ""), 200, "", "select detail->'old'->>'suppressed' from audit_logs where action = 'suppressions.delete'", []string{"true"}},
		{"delete", full("DELETE", "/contacts/user_1", ""), 200, "", detail("contacts.delete"), []string{id + " {}"}},
		{"delete again", full("DELETE", "/contacts/user_1", ""), 404, "", "select count(*)::text from audit_logs where action = 'contacts.delete'", []string{"1"}},
	})
	a := b.do(full("POST", "/api-keys", `{"name":"till","scopes":["read"]}`))
	require.Equal(t, 201, a.status)
	var key struct{ ID, Key, KeyPrefix string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &key))
	require.Equal(t, 200, b.do(full("DELETE", "/api-keys/"+key.ID, "")).status)
	require.Equal(t, []string{"api_keys.create", "api_keys.revoke"}, b.rows("select action from audit_logs where resource_id = $1 order by created_at", key.ID))
	require.Equal(t, []string{"0"}, b.rows("select count(*)::text from audit_logs where detail::text like '%' || $1 || '%'", key.Key), "the key itself is nowhere (O-1)")
	require.Equal(t, []string{"key full-admin 192.0.2.7 true"}, b.rows(
		"select distinct actor_type || ' ' || actor || ' ' || ip_address || ' ' || (actor_id in (select id from api_keys where name = 'full-admin')) from audit_logs where actor <> 'test'"))
	require.Equal(t, 200, b.do(call{method: "POST", url: "/v1/admin/journeys/trial-nudge/pause", key: adminKey, body: "{}"}).status)
	require.Equal(t, "journeys.pause key bootstrap", b.entries()[len(b.entries())-1]) // O-5
}

// H-17: a write and its entry exist together or not at all.
func TestAWriteWithoutItsEntryIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	enrolled := b.rows("select id::text from enrollments")[0]
	_, err := b.store.Pool.Exec(t.Context(), "alter table audit_logs add constraint full_disk check (false) not valid")
	require.NoError(t, err)
	state := "select jsonb_build_array((select count(*) from events), (select jsonb_agg(c) from contacts c), (select jsonb_agg(p) from preferences p)," +
		" (select jsonb_agg(j) from journey_configs j), (select jsonb_agg(e) from enrollments e), (select count(*) from api_keys where revoked_at is null))::text"
	before := b.rows(state)
	for _, c := range []call{
		{method: "POST", url: "/journeys/trial-nudge/pause", body: "{}"},
		{method: "POST", url: "/journeys/trial-nudge/resume", body: "{}"},
		{method: "PATCH", url: "/journeys/trial-nudge", body: `{"enabled":false}`},
		{method: "POST", url: "/journeys/trial-nudge/enroll", body: `{"userId":"u"}`},
		{method: "DELETE", url: "/journeys/trial-nudge/states/" + enrolled},
		{method: "PATCH", url: "/contacts/user_1", body: `{"properties":{"a":1}}`},
		{method: "DELETE", url: "/contacts/user_1"},
		{method: "DELETE", url: "/contacts/user_1/erase"},
		{method: "PATCH", url: "/contacts/user_1/preferences", body: `{"unsubscribedAll":true}`},
		{method: "POST", url: "/suppressions", body: `{"email":"ada@example.com"}`},
		{method: "POST", url: "/api-keys", body: `{"name":"k"}`},
	} {
		c.url, c.key = "/v1/admin"+c.url, adminKey
		require.Equal(t, 500, b.do(c).status, "%s %s", c.method, c.url)
	}
	_, err = b.store.Pool.Exec(t.Context(), "delete from preferences where not suppressed and not unsubscribed_all and categories = '{}'")
	require.NoError(t, err) // a record that says nothing is made ahead
	_, err = b.store.Pool.Exec(t.Context(), "delete from journey_configs where enabled and paused_at is null and last_change is null")
	require.NoError(t, err)
	require.Equal(t, before, b.rows(state))
}

//
func TestAuditLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 3 {
		require.Equal(t, 200, b.do(call{
			method: "POST", url: "/v1/admin/journeys/trial-nudge/" + []string{"pause", "resume", "pause"}[i], key: adminKey, body: "{}",
			headers: map[string]string{"X-Request-Id": fmt.Sprint("r", i)},
		}).status)
	}
	get := func(query string) call {
		return call{method: "GET", url: "/v1/admin/audit-logs" + query, key: b.keys[scopeFullAdmin]}
	}
	b.play([]scenario{
		{"one page, newest first", get("?resource=journeys&limit=1"), 200, `{"logs":[{"id":"<uuid>","actor":"bootstrap","actorType":"key","actorId":null,"action":"journeys.pause",
			"resource":"journeys","resourceId":"trial-nudge","detail":{"old":{"paused":false},"new":{"paused":true}},"ipAddress":"192.0.2.1","requestId":"r2","createdAt":"<ts>"}],
			"total":3,"limit":1,"offset":0}`, "", nil},
		{"by action", get("?action=journeys.resume&offset=1"), 200, `{"logs":[],"total":1,"limit":50,"offset":1}`, "", nil},
		{"by actor", get("?actor=nobody"), 200, `{"logs":[],"total":0,"limit":50,"offset":0}`, "", nil},
		{"before it", get("?to=2020-01-01"), 200, `{"logs":[],"total":0,"limit":50,"offset":0}`, "", nil},
		{"other scopes", call{method: "GET", url: "/v1/admin/audit-logs", key: b.keys[scopeJourneyAdmin]}, 403, "", "", nil},
		{"never changed (O-11)", call{method: "DELETE", url: "/v1/admin/audit-logs", key: adminKey}, 405, "", "", nil},
	})
}

// O-11, R-59: the newest change of a switch or a pause is there for every role.
func TestTheLastChangeIsBesideTheJourney(t *testing.T) {
	t.Parallel()
	b := setup(t)
	last := func() map[string]any {
		var out struct {
			Journey struct{ LastChange map[string]any }
		}
		a := b.do(call{method: "GET", url: "/v1/admin/journeys/trial-nudge", key: b.keys[scopeRead]})
		require.NoError(t, json.Unmarshal([]byte(a.body), &out))
		delete(out.Journey.LastChange, "at")
		return out.Journey.LastChange
	}
	post := func(url, body string) {
		require.Equal(t, 200, b.do(call{method: "POST", url: "/v1/admin/journeys/trial-nudge/" + url, key: b.keys[scopeJourneyAdmin], body: body}).status)
	}
	require.Empty(t, last())
	post("pause", `{"reason":"wrong price"}`)
	post("pause", `{"reason":"once more"}`)
	require.Equal(t, map[string]any{"by": "journey-admin", "action": "paused", "reason": "wrong price"}, last(), "pausing twice is pausing once")
	post("resume", `{}`)
	require.Equal(t, map[string]any{"by": "journey-admin", "action": "resumed", "reason": nil}, last())
	require.Equal(t, 200, b.do(call{method: "PUT", url: "/v1/admin/journeys/trial-nudge", key: adminKey, body: `{"enabled":false}`}).status)
	require.Equal(t, map[string]any{"by": "bootstrap", "action": "disabled", "reason": nil}, last())
}
