package server

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// owe writes outbox rows of a contact: pending, delivering, delivered and dead, the last with
// its letter; it returns their ids.
func (b *bundle) owe(contact string) (ids []string) {
	b.t.Helper()
	for range 4 {
		ids = append(ids, uuid.Must(uuid.NewV7()).String())
	}
	b.rows(`insert into outbox (id, ordering_key, kind, key, payload, status, attempts, due_at, leased_by, last_error, created_at, delivered_at, destination) values
		($1, $5, 'start', 'a', '{"a":1}', 'pending', 2, now() + interval '8 s', null, 'temporal: unavailable', now(), null, 'temporal'),
		($2, $5, 'signal', 'b', '{}', 'pending', 0, now() + interval '1 h', 'w', null, now(), null, 'temporal'),
		($3, $5, 'cancel', 'c', '{}', 'delivered', 0, now(), null, null, now(), now(), 'temporal'),
		($4, $5, 'capture', 'd', '{"x":1}', 'dead', 3, now(), null, 'refused', now(), null, 'posthog')
		returning key`, ids[0], ids[1], ids[2], ids[3], contact)
	b.rows(`insert into dead_letters (id, source, source_id, payload, error, created_at, updated_at) values ($1, 'outbox.capture', $1::uuid::text, '{"x":1}', 'refused', now(), now()) returning source`, ids[3])
	return ids
}

// O-18, H-3, H-17.
func TestOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	b.rows(`delete from outbox returning key`)
	contact := b.rows(`select id::text from contacts where external_id = 'user_1'`)[0]
	ids := b.owe(contact)
	get := func(url string) call {
		return call{method: "GET", url: "/v1/admin/outbox" + url, key: b.keys[scopeFullAdmin]}
	}
	retry := func(id string) call {
		return call{method: "POST", url: "/v1/admin/outbox/" + id + "/retry", key: b.keys[scopeFullAdmin], body: `{}`}
	}
	row := func(kind, key, status, attempts, next, failed, delivered string) string {
		return `{"id":"<uuid>","kind":"` + kind + `","key":"` + key + `","contactId":"<uuid>","eventId":null,"status":"` + status + `","attempts":` + attempts +
			`,"nextAttemptAt":` + next + `,"lastError":` + failed + `,"createdAt":"<ts>","deliveredAt":` + delivered + `}`
	}
	const at = `"<ts>"`
	pending := row("start", "a", "pending", "2", at, `"temporal: unavailable"`, "null")
	rows := `select kind || ' ' || status || ' ' || attempts || ' ' || (due_at <= now()) from outbox order by key`
	b.play([]scenario{
		{"no key", call{method: "GET", url: "/v1/admin/outbox"}, 401, "", "", nil},
		{"reading is not enough", call{method: "GET", url: "/v1/admin/outbox", key: b.keys[scopeRead]}, 403, "", "", nil},
		{"an unknown status", get("?status=lost"), 400, wrong("status", "unknown value"), "", nil},
		{"no uuid of an event", get("?eventId=x"), 400, wrong("eventId", "must be a uuid"), "", nil},
		{"a limit", get("?limit=101"), 400, wrong("limit", "must be an integer from 1 to 100"), "", nil},
		{"one that is not there", get("/" + uuid.NewString()), 404, `{"error":"Outbox row not found"}`, "", nil},
		{"no uuid", get("/x"), 400, wrong("id", "must be a uuid"), "", nil},
		{"with its payload", get("/" + ids[0]), 200, `{"row":` + pending[:len(pending)-1] + `,"payload":{"a":1}}}`, "", nil},
		{"delivered is delivered", retry(ids[2]), 409, `{"error":"Row is already delivered"}`, "", nil},
		{"unknown", retry(uuid.NewString()), 404, `{"error":"Outbox row not found"}`, "", nil},
		{"what is under way is left alone", retry(ids[1]), 202, `{"row":` + row("signal", "b", "delivering", "0", at, "null", "null") + `}`, "", nil},
		{"due now", retry(ids[0]), 202, `{"row":` + pending + `}`, "", nil},
		{"what was dead lives", retry(ids[3]), 202, `{"row":` + row("capture", "d", "pending", "0", at, `"refused"`, "null") + `}`, rows, []string{"start pending 2 true", "signal pending 0 false", "cancel delivered 0 true", "capture pending 0 true"}},
		{"its letter goes along", get("?status=dead&limit=1"), 200, "", `select status from dead_letters`, []string{"retried"}},
		{"it is audited", get("?kind=start"), 200, "", `select action || ' ' || actor from audit_logs where resource <> 'api_keys' order by created_at`, []string{"outbox.retry full-admin", "outbox.retry full-admin"}},
	})
	for _, c := range []struct{ query, keys string }{
		{"", "[a d]"},
		{"?status=pending&kind=start", "[a]"},
		{"?status=delivering", "[b]"},
		{"?status=delivered", "[c]"},
		{"?status=dead", "[]"},
		{"?contact=user_1", "[a d]"},
		{"?contact=user_1&status=delivered", "[c]"},
		{"?contact=nobody", "[]"},
		{"?eventId=" + uuid.NewString(), "[]"},
		{"?offset=1", "[d]"},
	} {
		a := b.do(get(c.query))
		require.Equal(t, 200, a.status, a.body)
		var out struct {
			Rows  []struct{ Key string }
			Stats map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &out))
		keys := []string{}
		for _, one := range out.Rows {
			keys = append(keys, one.Key)
		}
		require.Equal(t, c.keys, "["+strings.Join(keys, " ")+"]", c.query)
		require.Equal(t, []float64{2, 1, 0}, []float64{out.Stats["pending"], out.Stats["delivering"], out.Stats["dead"]})
	}
}

// contactId is that of a contact or null, never what a row is delivered in the order of.
func TestWhoseAnOutboxRowIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	contact := b.rows(`select id::text from contacts where external_id = 'user_1'`)[0]
	b.rows(`delete from outbox returning key`)
	for key, of := range map[string][3]string{
		"a": {contact, "start", `{}`},
		"b": {uuid.NewString(), "run", `{}`},
		"c": {uuid.NewString(), "webhook", `{"type":"contact.created","contactId":"` + contact + `"}`},
		"d": {uuid.NewString(), "webhook", `{"type":"alert.fired","contactId":null}`},
		"e": {uuid.NewString(), "webhook", `{"type":"hogsend.test"}`},
	} {
		b.rows(`insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at, destination) values (gen_random_uuid(), $2, $3, $1, $4, now(), now(), 'x') returning key`, key, of[0], of[1], of[2])
	}
	a := b.do(call{method: "GET", url: "/v1/admin/outbox", key: b.keys[scopeFullAdmin]})
	require.Equal(t, 200, a.status, a.body)
	var out struct {
		Rows []struct {
			Key       string
			ContactID *string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &out))
	whose := map[string]*string{}
	for _, row := range out.Rows {
		whose[row.Key] = row.ContactID
	}
	require.Equal(t, map[string]*string{"a": &contact, "b": nil, "c": &contact, "d": nil, "e": nil}, whose)
}

// O-18: of two retries at once one is made.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.owe(uuid.NewString())[3]
	b.rows(`insert into dead_letters (id, source, source_id, payload, error, created_at, updated_at)
		select gen_random_uuid(), 'webhook.crm', n::text, '{}', 'no', now() - interval '1 day', now() from generate_series(1, 2) n returning source`)
	get := func(url string) call {
		return call{method: "GET", url: "/v1/admin/dlq" + url, key: b.keys[scopeFullAdmin]}
	}
	post := func(url, body string) call {
		return call{method: "POST", url: "/v1/admin/dlq" + url, key: b.keys[scopeFullAdmin], body: body}
	}
	discard := func(id string) call {
		return call{method: "DELETE", url: "/v1/admin/dlq/" + id, key: b.keys[scopeFullAdmin]}
	}
	entry := func(status, retried string) string {
		return `{"id":"<uuid>","source":"outbox.capture","sourceId":"<uuid>","payload":{"x":1},"error":"refused","retryCount":0,"status":"` + status + `","retriedAt":` + retried + `,"createdAt":"<ts>","updatedAt":"<ts>"}`
	}
	webhook := b.rows(`select id::text from dead_letters where source = 'webhook.crm' order by source_id`)
	const status = `select source || ' ' || status from dead_letters order by source, source_id`
	fresh := []string{"outbox.capture pending", "webhook.crm pending", "webhook.crm pending"}
	b.play([]scenario{
		{"no key", call{method: "GET", url: "/v1/admin/dlq"}, 401, "", "", nil},
		{"another scope", call{method: "POST", url: "/v1/admin/dlq/" + id + "/retry", key: b.keys[scopeJourneyAdmin], body: `{}`}, 403, "", status, fresh},
		{"the newest first", get("?limit=1"), 200, `{"entries":[` + entry("pending", "null") + `],"total":3,"limit":1,"offset":0}`, "", nil},
		{"of a source", get("?source=outbox.capture&status=pending"), 200, `{"entries":[` + entry("pending", "null") + `],"total":1,"limit":50,"offset":0}`, "", nil},
		{"none", get("?status=discarded"), 200, `{"entries":[],"total":0,"limit":50,"offset":0}`, "", nil},
		{"a bad range", get("?from=tomorrow"), 400, wrong("from", "must be an RFC 3339 time or a day such as 2026-01-31"), "", nil},
		{"an unknown status", get("?status=dead"), 400, wrong("status", "unknown value"), "", nil},
		{"one", get("/" + id), 200, `{"entry":` + entry("pending", "null") + `}`, "", nil},
		{"not found", get("/" + uuid.NewString()), 404, `{"error":"Entry not found"}`, "", nil},
		{"no uuid", get("/x"), 400, wrong("id", "must be a uuid"), "", nil},
		{"retry what is not there", post("/"+uuid.NewString()+"/retry", `{}`), 404, `{"error":"Entry not found"}`, status, fresh},
		{"neither", post("/retry", `{}`), 400, wrong("ids", "either ids or source is required"), status, fresh},
		{"both", post("/retry", `{"source":"x","ids":["`+id+`"]}`), 400, wrong("ids", "either ids or source is required"), status, fresh},
		{"no uuids", post("/retry", `{"ids":["x"]}`), 400, wrong("ids", "must be an array of uuids"), status, fresh},
		{"nothing of a source", post("/retry", `{"source":"outbox.start"}`), 202, `{"retried":0,"skipped":0}`, status, fresh},
		{"retried", post("/"+id+"/retry", `{}`), 202, `{"retried":true,"entry":` + entry("retried", `"<ts>"`) + `}`, `select status || attempts from outbox where key = 'd'`, []string{"pending0"}},
		{"twice", post("/"+id+"/retry", `{}`), 409, `{"error":"Entry is already retried"}`, "", nil},
		{"what is retried is not discarded", discard(id), 409, `{"error":"Entry is already retried"}`, "", nil},
		{"discarded", discard(webhook[0]), 200, `{"discarded":true}`, status, []string{"outbox.capture retried", "webhook.crm discarded", "webhook.crm pending"}},
		{"and once more", discard(webhook[0]), 409, `{"error":"Entry is already discarded"}`, "", nil},
		{"several", post("/retry", `{"ids":["`+id+`","`+webhook[0]+`"]}`), 202, `{"retried":0,"skipped":2}`, `select action from audit_logs where resource <> 'api_keys' order by created_at`, []string{"dlq.retry", "dlq.discard"}},
	})
	b.rows(`update dead_letters set status = 'pending' where id = $1 returning source`, id)
	b.rows(`update outbox set status = 'dead' where id = $1 returning key`, id)
	var mu sync.Mutex
	answers := map[int]int{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			a := b.do(post("/"+id+"/retry", `{}`))
			mu.Lock()
			defer mu.Unlock()
			answers[a.status]++
		})
	}
	all.Wait()
	require.Equal(t, map[int]int{202: 1, 409: 3}, answers)
}
