package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// people are three contacts with events, decisions and an enrollment.
func (b *bundle) people() {
	b.t.Helper()
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[
		{"name":"app.active","userId":"user_1","email":"Ada@example.com","anonymousId":"anon-1","contactProperties":{"plan":"pro"},"timestamp":"2026-01-05T10:00:00.123456Z"},
		{"name":"trial.started","userId":"user_1","eventProperties":{"plan":"pro"}},
		{"name":"trial.started","userId":"100%","eventProperties":{"plan":"free"}},
		{"name":"app.active","anonymousId":"anon/2"}]}`})
	require.Equal(b.t, 202, a.status, a.body)
}

// contactJSON is a Contact of §2.
func contactJSON(externalID, anonymousID, email, properties string) string {
	return `{"id":"<uuid>","externalId":` + externalID + `,"anonymousId":` + anonymousID + `,"email":` + email + `,"timezone":null,"properties":` + properties +
		`,"firstSeenAt":"<ts>","lastSeenAt":"<ts>","createdAt":"<ts>","updatedAt":"<ts>"}`
}

// H-7, H-8.
func TestContacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	get := func(url string) call { return call{method: "GET", url: "/v1/admin" + url, key: b.keys[scopeRead]} }
	ada := contactJSON(`"user_1"`, `"anon-1"`, `"Ada@example.com"`, `{"plan":"pro"}`)
	percent := contactJSON(`"100%"`, "null", "null", "{}")
	one := func(c string) string { return `{"contact":` + c + `,"preferences":null}` }
	id := b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	b.play([]scenario{
		{"substring of an e-mail, without case", get("/contacts?search=ADA"), 200, `{"contacts":[` + ada + `],"total":1,"limit":50,"offset":0}`, "", nil},
		{"of an external id; % is literal", get("/contacts?search=%25&limit=100"), 200, `{"contacts":[` + percent + `],"total":1,"limit":100,"offset":0}`, "", nil},
		{"nobody", get("/contacts?search=zzz&offset=7"), 200, `{"contacts":[],"total":0,"limit":50,"offset":7}`, "", nil},
		{"empty values are absent", get("/contacts?search=ada&limit=&offset="), 200, `{"contacts":[` + ada + `],"total":1,"limit":50,"offset":0}`, "", nil},
		{"limit 0", get("/contacts?limit=0"), 400, `{"error":"Invalid request","details":[{"path":"limit","message":"must be an integer from 1 to 100"}]}`, "", nil},
		{"limit 101 and offset -1", get("/contacts?limit=101&offset=-1"), 400, "", "", nil},
		{"by external id", get("/contacts/user_1"), 200, one(ada), "", nil},
		{"by uuid", get("/contacts/" + id), 200, one(ada), "", nil},
		{"by e-mail", get("/contacts/%20ADA%40example.com"), 200, one(ada), "", nil},
		{"by anonymous id", get("/contacts/anon-1"), 200, one(ada), "", nil},
		{"by an id with an encoded slash (H-1)", get("/contacts/anon%2F2"), 200, one(contactJSON("null", `"anon/2"`, "null", "{}")), "", nil},
		{"by an id with an encoded percent", get("/contacts/100%25"), 200, one(percent), "", nil},
		{"nobody", get("/contacts/none"), 404, `{"error":"Contact not found"}`, "", nil},
		{"U+0000", get("/contacts/a%00"), 400, "", "", nil},
	})
	a := b.do(get("/contacts?limit=2"))
	var page struct {
		Contacts []struct{ ID string }
		Total    int
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &page))
	require.Len(t, page.Contacts, 2)
	require.Equal(t, 3, page.Total)
	_, err := b.store.Pool.Exec(t.Context(), "update contacts set deleted_at = now()")
	require.NoError(t, err)
	require.Equal(t, 404, b.do(get("/contacts/user_1")).status)
	require.JSONEq(t, `{"contacts":[],"total":0,"limit":50,"offset":0}`, b.do(get("/contacts")).body)
}

//
func TestDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	get := func(url string) call {
		return call{method: "GET", url: "/v1/admin/contacts/" + url, key: b.keys[scopeRead]}
	}
	skipped := `{"decisions":[{"id":"<uuid>","at":"<ts>","type":"enrollment","journeyId":"trial-nudge","outcome":"skipped","reason":"trigger_conditions_not_met",
		"eventId":"<uuid>","event":"trial.started","stateId":null,"detail":{"failed":[{"type":"property","property":"plan","operator":"eq","value":"pro"}]}}],"total":1,"limit":50,"offset":0}`
	none := `{"decisions":[],"total":0,"limit":50,"offset":0}`
	b.play([]scenario{
		{"why not", get("100%25/decisions"), 200, skipped, "", nil},
		{
			"why", get("user_1/decisions?journeyId=trial-nudge&outcome=enrolled"), 200,
			`{"decisions":[{"id":"<uuid>","at":"<ts>","type":"enrollment","journeyId":"trial-nudge","outcome":"enrolled","reason":null,
			"eventId":"<uuid>","event":"trial.started","stateId":"<uuid>","detail":{}}],"total":1,"limit":50,"offset":0}`, "", nil,
		},
		{"filtered away", get("user_1/decisions?outcome=skipped"), 200, none, "", nil},
		{"by reason", get("100%25/decisions?reason=trigger_conditions_not_met"), 200, skipped, "", nil},
		{"before it", get("100%25/decisions?to=2020-01-01"), 200, none, "", nil},
		{"since", get("100%25/decisions?from=2020-01-01T00:00:00Z"), 200, skipped, "", nil},
		{"unknown outcome", get("user_1/decisions?outcome=x"), 400, `{"error":"Invalid request","details":[{"path":"outcome","message":"unknown value"}]}`, "", nil},
		{"from after to", get("user_1/decisions?from=2026-01-02&to=2026-01-01"), 400, `{"error":"Invalid request","details":[{"path":"from","message":"must not be after to"}]}`, "", nil},
		{"nobody", get("none/decisions"), 404, `{"error":"Contact not found"}`, "", nil},
	})
}

func preferences(userID, email, all, suppressed, categories, reason string) string {
	at := `"<ts>"`
	if suppressed == "false" {
		at, reason = "null", "null"
	}
	return `{"id":"<uuid>","userId":"` + userID + `","email":"` + email + `","unsubscribedAll":` + all + `,"suppressed":` + suppressed +
		`,"bounceCount":0,"categories":` + categories + `,"suppressedAt":` + at + `,"suppressionReason":` + reason + `,"lastBounceAt":null}`
}

//
func TestPreferences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	write := func(method, contact, body string) call {
		return call{method: method, url: "/v1/admin/contacts/" + contact + "/preferences", key: b.keys[scopeFullAdmin], body: body}
	}
	suppress := func(body string) call {
		return call{method: "POST", url: "/v1/admin/suppressions", key: b.keys[scopeFullAdmin], body: body}
	}
	wrap := func(p string) string { return `{"preferences":` + p + `}` }
	ada := func(all, suppressed, categories string) string {
		return wrap(preferences("user_1", "Ada@example.com", all, suppressed, categories, `"manual"`))
	}
	b.play([]scenario{
		{
			"the row is made", write("PATCH", "user_1", `{"categories":{"news":false}}`), 200, ada("false", "false", `{"news":false}`),
			"select email_key || ' ' || (contact_id is not null) from preferences",
			[]string{"ada@example.com true"},
		},
		{"PATCH merges", write("PATCH", "user_1", `{"categories":{"tips":true},"unsubscribedAll":true}`), 200, ada("true", "false", `{"news":false,"tips":true}`), "", nil},
		{"PUT replaces", write("PUT", "ADA@example.com", `{"categories":{"tips":false},"suppressed":true}`), 200, ada("true", "true", `{"tips":false}`), "", nil},
		{"fields not given stay", write("PUT", "user_1", `{}`), 200, ada("true", "true", `{"tips":false}`), "", nil},
		{
			"suppressed already, for a stronger reason (E-65)", suppress(`{"email":" ada@EXAMPLE.com ","reason":"bounce"}`), 200,
			`{"suppression":` + preferences("user_1", "Ada@example.com", "true", "true", `{"tips":false}`, `"bounce"`) + `}`, "", nil,
		},
		{
			"suppressed already, for a weaker reason: unchanged", suppress(`{"email":"ada@example.com","reason":"manual"}`), 200,
			`{"suppression":` + preferences("user_1", "Ada@example.com", "true", "true", `{"tips":false}`, `"bounce"`) + `}`, "", nil,
		},
		{"lifted (Q-7)", write("PUT", "user_1", `{"suppressed":false,"unsubscribedAll":false}`), 200, ada("false", "false", `{"tips":false}`), "", nil},
		{
			"no contact is needed", suppress(`{"email":"old@example.com","reason":"complaint","note":"asked"}`), 201,
			`{"suppression":` + preferences("old@example.com", "old@example.com", "false", "true", "{}", `"complaint"`) + `}`, "", nil,
		},
		{
			"an address with a suppression can be edited", write("PUT", "old%40example.com", `{"suppressed":false}`), 200,
			wrap(preferences("old@example.com", "old@example.com", "false", "false", "{}", "")), "", nil,
		},
		{"one without cannot", write("PUT", "old%40example.com", `{"suppressed":true}`), 404, `{"error":"Contact not found"}`, "", nil},
		{"no address", write("PUT", "anon%2F2", `{"suppressed":true}`), 400, `{"error":"Contact has no email address"}`, "", nil},
		{
			"wrong types", write("PUT", "user_1", `{"suppressed":"yes","categories":{"a":1}}`), 400,
			`{"error":"Invalid request","details":[{"path":"suppressed","message":"must be true or false"},{"path":"categories.a","message":"must be true or false"}]}`, "", nil,
		},
		{
			"a bad address and reason", suppress(`{"email":"nobody","reason":"import"}`), 400,
			`{"error":"Invalid request","details":[{"path":"email","message":"must be an e-mail address"},{"path":"reason","message":"must be manual, bounce or complaint"}]}`, "", nil,
		},
		{"malformed JSON", suppress(`{"email"`), 400, `{"error":"Invalid request","details":[{"path":"","message":"malformed JSON at byte 8"}]}`, "", nil},
		{
			"U+0000", suppress(`{"email":"a@b.io","note":"\u0000"}`), 400, `{"error":"Invalid request","details":[{"path":"note","message":"must not contain U+0000"}]}`,
			"select email_key from preferences order by 1",
			[]string{"ada@example.com", "old@example.com"},
		},
		{
			"shown with the contact",
			call{method: "GET", url: "/v1/admin/contacts/user_1", key: b.keys[scopeRead]},
			200,
			`{"contact":` + contactJSON(`"user_1"`, `"anon-1"`, `"Ada@example.com"`, `{"plan":"pro"}`) + `,"preferences":` +
				preferences("user_1", "Ada@example.com", "false", "false", `{"tips":false}`, "") + `}`, "", nil,
		},
	})
}

// J-33, Q-2.
func TestJourneys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	get := func(url string) call {
		return call{method: "GET", url: "/v1/admin/journeys" + url, key: b.keys[scopeRead]}
	}
	flip := func(method, id, body string) call {
		return call{method: method, url: "/v1/admin/journeys/" + id, key: b.keys[scopeJourneyAdmin], body: body}
	}
	const zero = `{"active":0,"waiting":0,"completed":0,"failed":0,"exited":0}`
	old := `{"id":"old","name":"Old","enabled":false,"paused":false,"trigger":{"event":"old.started"},"entryLimit":"once_per_period","counts":` + zero + `}`
	nudge := func(enabled string) string {
		return `{"id":"trial-nudge","name":"Trial nudge","description":"Welcome and nudge","enabled":` + enabled + `,"paused":false,"trigger":{"event":"trial.started"},
			"entryLimit":"once","counts":{"active":1,"waiting":0,"completed":0,"failed":0,"exited":0}}`
	}
	list := func(total, items string) string {
		return `{"journeys":[` + items + `],"total":` + total + `,"limit":50,"offset":0}`
	}
	start := call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"trial.started","userId":"user_9","eventProperties":{"plan":"pro"}}`}
	b.play([]scenario{
		{"all, by id", get(""), 200, list("2", old+","+nudge("true")), "", nil},
		{"enabled", get("?enabled=true"), 200, list("1", nudge("true")), "", nil},
		{"a page", get("?limit=1&offset=1"), 200, `{"journeys":[` + nudge("true") + `],"total":2,"limit":1,"offset":1}`, "", nil},
		{"not a bool", get("?enabled=1"), 400, `{"error":"Invalid request","details":[{"path":"enabled","message":"must be true or false"}]}`, "", nil},
		{"one", get("/trial-nudge"), 200, `{"journey":{"id":"trial-nudge","name":"Trial nudge","description":"Welcome and nudge","enabled":true,"paused":false,
			"trigger":{"event":"trial.started","where":[{"type":"property","property":"plan","operator":"eq","value":"pro"}]},"entryLimit":"once","entryPeriod":null,
			"exitOn":[{"event":"subscription.created"}],"suppress":{},"counts":{"active":1,"waiting":0,"completed":0,"failed":0,"exited":0},
			"recentStates":[` + stateJSON + `]}}`, "", nil},
		{"a period", get("/old"), 200, `{"journey":{"id":"old","name":"Old","enabled":false,"paused":false,"trigger":{"event":"old.started"},"entryLimit":"once_per_period",
			"entryPeriod":{"hours":1,"minutes":30},"suppress":{},"counts":` + zero + `,"recentStates":[]}}`, "", nil},
		{"unknown", get("/none"), 404, `{"error":"Journey not found"}`, "", nil},
		{
			"switched off by PATCH", flip("PATCH", "trial-nudge", `{"enabled":false}`), 200,
			`{"journey":{"id":"trial-nudge","name":"Trial nudge","enabled":false,"updatedAt":"<ts>"}}`,
			"select journey_id || enabled from journey_configs",
			[]string{"trial-nudgefalse"},
		},
		{"shown", get("?enabled=false"), 200, list("2", old+","+nudge("false")), "", nil},
		{
			"nobody enrolls", start, 202, `{"stored":true,"exits":[],"contactKey":"user_9"}`,
			"select reason from decisions d join contacts c on c.id = d.contact_id where c.external_id = 'user_9'",
			[]string{"journey_disabled_by_admin"},
		},
		{
			"switched on by PUT", flip("PUT", "trial-nudge", `{"enabled":true}`), 200,
			`{"journey":{"id":"trial-nudge","name":"Trial nudge","enabled":true,"updatedAt":"<ts>"}}`, "", nil,
		},
		{"people enroll again", start, 202, `{"stored":true,"exits":[],"contactKey":"user_9"}`, "select count(*)::text from enrollments", []string{"2"}},
		{
			"disabled in code stays", flip("PUT", "old", `{"enabled":true}`), 409, `{"error":"Journey is disabled in code"}`,
			"select journey_id from journey_configs",
			[]string{"trial-nudge"},
		},
		{"no body", flip("PUT", "old", ``), 400, `{"error":"Invalid request","details":[{"path":"enabled","message":"must be true or false"}]}`, "", nil},
		{"unknown", flip("PUT", "none", `{"enabled":true}`), 404, `{"error":"Journey not found"}`, "", nil},
	})
}

// stateJSON is the enrollment of user_1 as people makes it.
const stateJSON = `{"id":"<uuid>","contactId":"<uuid>","userId":"user_1","userEmail":"Ada@example.com","journeyId":"trial-nudge","currentNodeId":"start","status":"active",
	"workflowRunId":null,"context":{"plan":"pro"},"errorMessage":null,"exitReason":null,"entryCount":1,"completedAt":null,"exitedAt":null,"createdAt":"<ts>","updatedAt":"<ts>"}`

//
func TestStates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	get := func(url string) call { return call{method: "GET", url: "/v1/admin" + url, key: b.keys[scopeRead]} }
	id := b.rows("select id::text from enrollments")[0]
	list := func(items, total string) string {
		return `{"states":[` + items + `],"total":` + total + `,"limit":50,"offset":0}`
	}
	const logs = `[{"id":"<uuid>","action":"enrolled","fromNodeId":null,"toNodeId":"start","detail":{"entry":1,"eventId":"<uuid>"},"createdAt":"<ts>"}]`
	const nobody = "00000000-0000-4000-8000-000000000000"
	b.play([]scenario{
		{"all", get("/journeys/trial-nudge/states"), 200, list(stateJSON, "1"), "", nil},
		{"of a contact", get("/journeys/trial-nudge/states?userId=ada%40example.com&status=active"), 200, list(stateJSON, "1"), "", nil},
		{"of a status", get("/journeys/trial-nudge/states?status=failed"), 200, list("", "0"), "", nil},
		{"of nobody (H-7)", get("/journeys/trial-nudge/states?userId=none"), 200, list("", "0"), "", nil},
		{"unknown status", get("/journeys/trial-nudge/states?status=x"), 400, "", "", nil},
		{"unknown journey", get("/journeys/none/states"), 404, `{"error":"Journey not found"}`, "", nil},
		{"one", get("/journeys/trial-nudge/states/" + id), 200, `{"state":` + stateJSON + `,"logs":` + logs + `}`, "", nil},
		{"of another journey", get("/journeys/old/states/" + id), 404, `{"error":"State not found"}`, "", nil},
		{"unknown", get("/journeys/trial-nudge/states/" + nobody), 404, `{"error":"State not found"}`, "", nil},
		{"not a uuid", get("/journeys/trial-nudge/states/x"), 400, `{"error":"Invalid request","details":[{"path":"stateId","message":"must be a uuid"}]}`, "", nil},
		{"logs", get("/journey-logs/" + id + "?limit=1"), 200, `{"state":` + stateJSON + `,"logs":` + logs + `,"total":1,"limit":1,"offset":0}`, "", nil},
		{"logs of nobody", get("/journey-logs/" + nobody), 404, `{"error":"State not found"}`, "", nil},
	})
	// The id of a log row is the same each time.
	first := b.do(get("/journey-logs/" + id)).body
	require.Equal(t, first, b.do(get("/journey-logs/"+id)).body)
}

// H-9, H-10.
func TestStoredEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	get := func(url string) call {
		return call{method: "GET", url: "/v1/admin/events" + url, key: b.keys[scopeRead]}
	}
	active := `{"id":"<uuid>","contactId":"<uuid>","userId":"user_1","event":"app.active","properties":{},"value":null,"currency":null,"source":"api","occurredAt":"<ts>","receivedAt":"<ts>"}`
	list := func(items, total string) string {
		return `{"events":[` + items + `],"total":` + total + `,"limit":50,"offset":0}`
	}
	id := b.rows("select id::text from events order by seq limit 1")[0]
	b.play([]scenario{
		{"of a contact by name", get("?userId=user_1&event=app.active"), 200, list(active, "1"), "", nil},
		{"names are exact", get("?event=app"), 200, list("", "0"), "", nil},
		{"on a day", get("?from=2026-01-05&to=2026-01-05"), 200, list(active, "1"), "", nil},
		{"up to an instant, inclusive", get("?to=2026-01-05T11:00:00.123456%2B01:00"), 200, list(active, "1"), "", nil},
		{"up to an instant before", get("?to=2026-01-05T10:00:00.123455Z"), 200, list("", "0"), "", nil},
		{"of nobody", get("?userId=none"), 200, list("", "0"), "", nil},
		{"a malformed day", get("?from=yesterday"), 400, "", "", nil},
		{"one", get("/" + id), 200, `{"event":` + active + `}`, "", nil},
		{"unknown", get("/00000000-0000-4000-8000-000000000000"), 404, `{"error":"Event not found"}`, "", nil},
		{"not a uuid", get("/x"), 400, `{"error":"Invalid request","details":[{"path":"id","message":"must be a uuid"}]}`, "", nil},
	})
	require.Contains(t, b.do(get("/"+id)).body, `"occurredAt":"2026-01-05T10:00:00.123Z"`)
	var all struct{ Events []struct{ OccurredAt string } }
	require.NoError(t, json.Unmarshal([]byte(b.do(get("?limit=100")).body), &all))
	require.Len(t, all.Events, 4)
	for i := range 3 {
		require.GreaterOrEqual(t, all.Events[i].OccurredAt, all.Events[i+1].OccurredAt)
	}
}

// O-1, O-3, O-5.
func TestKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ask := func(method, url, body string) call {
		return call{method: method, url: "/v1/admin/api-keys" + url, key: adminKey, body: body}
	}
	b.advance(time.Second)
	a := b.do(ask("POST", "", `{"name":" CI ","scopes":["read","ingest","read"],"expiresAt":"2100-01-01T00:00:00Z"}`))
	require.Equal(t, 201, a.status)
	var made struct{ ID, Key, KeyPrefix string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &made))
	require.JSONEq(t, `{"id":"<uuid>","name":" CI ","key":"`+made.Key+`","keyPrefix":"`+made.Key[:12]+`","scopes":["ingest","read"],"expiresAt":"<ts>","createdAt":"<ts>"}`, a.plain(t))
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from api_keys where id::text = $1 and encode(hash, 'hex') = encode(sha256($2::bytea), 'hex')", made.ID, []byte(made.Key)))
	listed := func(revoked string) string {
		return `{"id":"<uuid>","name":" CI ","keyPrefix":"` + made.KeyPrefix + `","scopes":["ingest","read"],"createdBy":"bootstrap","lastUsedAt":null,"revokedAt":` + revoked + `,"expiresAt":"<ts>","createdAt":"<ts>"}`
	}
	read := call{method: "GET", url: "/v1/admin/contacts", key: made.Key}
	require.JSONEq(t, `{"keys":[`+listed("null")+`],"total":5,"limit":1,"offset":0}`, b.do(ask("GET", "?limit=1", "")).plain(t))
	require.Equal(t, 200, b.do(read).status)
	for range 2 {
		require.JSONEq(t, `{"revoked":true}`, b.do(ask("DELETE", "/"+made.ID, "")).body)
	}
	b.advance(time.Second)
	require.Equal(t, 401, b.do(read).status)
	require.NotContains(t, b.do(ask("GET", "", "")).body, made.ID)
	require.Contains(t, b.do(ask("GET", "?includeRevoked=true", "")).body, made.ID)
	require.NotContains(t, b.logs.String(), made.Key)
	b.play([]scenario{
		{"read is the default", ask("POST", "", `{"name":"r"}`), 201, "", "select array_to_string(scopes, ',') from api_keys where name = 'r'", []string{"read"}},
		{"a name of 100", ask("POST", "", `{"name":"`+repeat(100)+`"}`), 201, "", "", nil},
		{
			"what is wrong", ask("POST", "", `{"name":"`+repeat(101)+`","scopes":[],"expiresAt":"2020-01-01T00:00:00Z"}`), 400,
			`{"error":"Invalid request","details":[{"path":"name","message":"must have 1 to 100 characters"},{"path":"scopes","message":"must not be empty"},
			{"path":"expiresAt","message":"must be in the future"}]}`, "", nil,
		},
		{"an unknown scope", ask("POST", "", `{"name":"a","scopes":["admin"]}`), 400, `{"error":"Invalid request","details":[{"path":"scopes.0","message":"unknown scope"}]}`, "", nil},
		{"no name", ask("POST", "", ``), 400, `{"error":"Invalid request","details":[{"path":"name","message":"must have 1 to 100 characters"}]}`, "", nil},
		{"unknown id", ask("DELETE", "/00000000-0000-4000-8000-000000000000", ""), 404, `{"error":"API key not found"}`, "", nil},
		{"bootstrap cannot be revoked", ask("DELETE", "/bootstrap", ""), 400, "", "", nil},
	})
}

// O-3: the last use is written at most every 5 minutes.
func TestLastUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	touched := make(chan error)
	b.server.auth.touched = func(err error) { touched <- err }
	used := func() string {
		return b.rows("select coalesce(last_used_at::text, '') from api_keys where name = 'read'")[0]
	}
	read := call{method: "GET", url: "/v1/admin/contacts", key: b.keys[scopeRead]}
	require.Equal(t, 200, b.do(read).status)
	require.NoError(t, <-touched)
	first := used()
	require.NotEmpty(t, first)
	b.advance(5*time.Minute - time.Microsecond)
	require.Equal(t, 200, b.do(read).status)
	require.Equal(t, first, used())
	b.advance(time.Microsecond)
	require.Equal(t, 200, b.do(read).status)
	require.NoError(t, <-touched)
	require.NotEqual(t, first, used())
}

// The mailbox, oldest first and page by page.
func TestMailbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, to := range []string{"ada@example.com", "bob@example.com", "ada@example.com"} {
		message, err := json.Marshal(map[string]string{"from": "us@example.com", "to": to, "subject": "S" + itoa(i), "html": "<p>", "text": "T"})
		require.NoError(t, err)
		_, _, err = b.store.AcceptMail(t.Context(), "key-"+itoa(i), "mail-"+itoa(i), []byte{1}, message)
		require.NoError(t, err)
	}
	get := func(query string) (subjects []string, next string) {
		a := b.do(call{method: "GET", url: "/v1/admin/mailbox?" + query, key: b.keys[scopeRead]})
		require.Equal(t, 200, a.status, a.body)
		var page struct {
			Mails []struct{ Subject, To, From, Text, At string }
			Next  string
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &page))
		for _, m := range page.Mails {
			require.Equal(t, "us@example.com", m.From)
			require.Regexp(t, instant, m.At)
			subjects = append(subjects, m.Subject)
		}
		return subjects, page.Next
	}
	subjects, next := get("limit=2")
	require.Equal(t, []string{"S0", "S1"}, subjects)
	subjects, next = get("limit=2&after=" + next)
	require.Equal(t, []string{"S2"}, subjects)
	require.Empty(t, next)
	subjects, _ = get("to=ADA%40example.com")
	require.Equal(t, []string{"S0", "S2"}, subjects)
	a := b.do(call{method: "GET", url: "/v1/admin/mailbox?after=x", key: b.keys[scopeRead]})
	require.Equal(t, 400, a.status)
	require.JSONEq(t, `{"mails":[],"next":""}`, b.do(call{method: "GET", url: "/v1/admin/mailbox?to=nobody", key: b.keys[scopeRead]}).body)
	require.True(t, strings.HasPrefix(a.header.Get("Content-Type"), "application/json"))
}

// H-3, O-9: an operator may stop mails, never let them go again.
func TestOperatorsMayOnlyStopMails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	write := func(method, url, body string) call {
		return call{method: method, url: "/v1/admin" + url, key: b.keys[scopeJourneyAdmin], body: body}
	}
	const preferences = "/contacts/user_1/preferences"
	b.play([]scenario{
		{"opt out of everything", write("PATCH", preferences, `{"unsubscribedAll":true}`), 200, "", "", nil},
		{"and in again", write("PATCH", preferences, `{"unsubscribedAll":false}`), 403, "", "", nil},
		{"opt out of a list", write("PATCH", preferences, `{"categories":{"news":false}}`), 200, "", "", nil},
		{"of one, and into another", write("PATCH", preferences, `{"categories":{"news":false,"tips":true}}`), 403, "", "", nil},
		{"drop opt-outs by replacing them", write("PUT", preferences, `{"categories":{}}`), 403, "", "", nil},
		{"suppress", write("PUT", preferences, `{"suppressed":true}`), 200, "", "", nil},
		{"lift", write("PATCH", preferences, `{"suppressed":false}`), 403, "", "", nil},
		{"an address", write("POST", "/suppressions", `{"email":"x@example.com"}`), 201, "", "", nil},
		{"say that it bounced", write("POST", "/suppressions", `{"email":"y@example.com","reason":"bounce"}`), 403, "", "select email from preferences where suppressed order by email", []string{"Ada@example.com", "x@example.com"}},
		{"lift an address", write("DELETE", "/suppressions/x@example.com", ""), 403, "", "", nil},
		{"a reader", call{method: "PATCH", url: "/v1/admin" + preferences, key: b.keys[scopeRead], body: `{"suppressed":true}`}, 403, "", "", nil},
	})
}
