package server

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

func withLists(c *Config) {
	c.Registry.Lists = []hogsend.List{{ID: "newsletter", Name: "Newsletter", DefaultOptIn: true}}
}

// wrong is an invalid request with one problem.
func wrong(path, message string) string {
	return `{"error":"Invalid request","details":[{"path":"` + path + `","message":"` + message + `"}]}`
}

const nobody = `{"error":"email or userId required"}`

// R-4, I-21, I-31, I-33, I-49, I-57, Q-16: a contact is written by its keys, without an event.
func TestPutContact(t *testing.T) {
	t.Parallel()
	b := setup(t, withLists)
	put := func(body string) call {
		return call{method: "PUT", url: "/v1/contacts", key: b.keys[scopeIngest], body: body}
	}
	was := func(created, linked string) string {
		return `{"id":"<uuid>","created":` + created + `,"linked":` + linked + `}`
	}
	const (
		people = `select concat_ws(' ', external_id, anonymous_id, email, properties::text) from contacts where merged_into is null and deleted_at is null order by 1`
		lists  = `select email_key || ' ' || categories::text || ' ' || unsubscribed_all from preferences`
		events = `select e.name from events e order by seq`
	)
	b.play([]scenario{
		{"no key", call{method: "PUT", url: "/v1/contacts", body: `{"userId":"u"}`}, 401, `{"error":"Unauthorized"}`, people, []string{}},
		{"another scope", call{method: "PUT", url: "/v1/contacts", key: b.keys[scopeRead], body: `{"userId":"u"}`}, 403, "", people, []string{}},
		{"nobody", put(`{"properties":{"a":1}}`), 400, nobody, people, []string{}},
		{"empty is absent", put(`{"userId":"","email":null}`), 400, nobody, people, []string{}},
		{"malformed", put(`{"userId"`), 400, "", people, []string{}},
		{"an unusable address", put(`{"userId":"u","email":"@"}`), 400, wrong("email", "must be an e-mail address"), people, []string{}},
		{"no id of a person", put(`{"userId":"null"}`), 400, `{"error":"Invalid request","code":"JUNK_ID","details":[{"path":"userId","message":"junk_id: \"null\" is no id of a person"}]}`, people, []string{}},
		{"a key of 201 characters", put(`{"userId":"u","properties":{"` + strings.Repeat("k", 201) + `":1}}`), 400, "", people, []string{}},
		{"another type", call{method: "PUT", url: "/v1/contacts", key: b.keys[scopeIngest], body: "x", headers: map[string]string{"Content-Type": "text/plain"}}, 415, "", people, []string{}},
		{"an unknown list", put(`{"userId":"u","lists":{"zzz":true}}`), 400, wrong("lists.zzz", "unknown list"), people, []string{}},
		{"lists of nobody's address", put(`{"userId":"u","lists":{"newsletter":true}}`), 400, wrong("lists", "the contact has no e-mail address"), people, []string{}},
		{"made", put(`{"anonymousId":"dev","properties":{"n":1234567890123456789}}`), 200, was("true", "false"), people, []string{`dev {"n": 1234567890123456789}`}},
		{"twice", put(`{"anonymousId":"dev"}`), 200, was("false", "false"), people, []string{`dev {"n": 1234567890123456789}`}},
		{"a key is attached", put(`{"anonymousId":"dev","userId":"u","email":"Ada@X.io","properties":{"n":null,"plan":"pro"}}`), 200, was("false", "true"), people, []string{`u dev Ada@X.io {"plan": "pro"}`}},
		{"and is there already", put(`{"userId":"u","email":"ada@x.io"}`), 200, was("false", "false"), people, []string{`u dev ada@x.io {"plan": "pro"}`}},
		{"somebody else", put(`{"email":"lead@x.io","properties":{"x":1}}`), 200, was("true", "false"), people, []string{`lead@x.io {"x": 1}`, `u dev ada@x.io {"plan": "pro"}`}},
		{"two are merged", put(`{"userId":"u","email":"lead@x.io"}`), 200, was("false", "true"), people, []string{`u dev lead@x.io {"x": 1, "plan": "pro"}`}},
		{"a list", put(`{"userId":"u","lists":{"newsletter":false}}`), 200, was("false", "false"), lists, []string{`lead@x.io {"newsletter": false} false`}},
		{"it is told once", put(`{"userId":"u","lists":{"newsletter":false}}`), 200, was("false", "false"), events, []string{"email.unsubscribed"}},
		{"deleted", call{method: "DELETE", url: "/v1/contacts", key: b.keys[scopeIngest], body: `{"userId":"u"}`}, 200, `{"deleted":true}`, people, []string{}},
		{"revived", put(`{"userId":"u"}`), 200, was("false", "false"), people, []string{`u lead@x.io {"x": 1, "plan": "pro"}`}},
	})
	seen := b.rows(`select last_seen_at::text from contacts where external_id = 'u'`)
	require.Equal(t, 200, b.do(put(`{"userId":"u","properties":{"y":1}}`)).status)
	require.Equal(t, seen, b.rows(`select last_seen_at::text from contacts where external_id = 'u'`), "only events move it (I-31)")
}

// E-59: choices about lists come with events.
func TestEventsChooseLists(t *testing.T) {
	t.Parallel()
	b := setup(t, withLists)
	send := func(path, body string) call {
		return call{method: "POST", url: path, key: b.keys[scopeIngest], body: body}
	}
	const (
		lists  = `select email_key || ' ' || categories::text from preferences order by 1`
		events = `select name from events order by seq`
		stored = `{"stored":true,"exits":[],"contactKey":"u"}`
	)
	b.play([]scenario{
		{"an unknown list", send("/v1/events", `{"name":"e","userId":"u","email":"a@x.io","lists":{"newsletter":true,"zzz":true}}`), 400, wrong("lists.zzz", "unknown list"), events, []string{}},
		{"neither yes nor no", send("/v1/events", `{"name":"e","userId":"u","email":"a@x.io","lists":{"newsletter":"yes"}}`), 400, wrong("lists.newsletter", "must be true or false"), events, []string{}},
		{"no object", send("/v1/events", `{"name":"e","userId":"u","email":"a@x.io","lists":["newsletter"]}`), 400, wrong("lists", "must be an object"), events, []string{}},
		{"no address", send("/v1/events", `{"name":"e","userId":"u","lists":{"newsletter":true}}`), 400, wrong("lists", "the contact has no e-mail address"), events, []string{}},
		{"off", send("/v1/events", `{"name":"e","userId":"u","email":"a@x.io","lists":{"newsletter":false}}`), 202, stored, lists, []string{`a@x.io {"newsletter": false}`}},
		{"which is told", send("/v1/events", `{"name":"e","userId":"u"}`), 202, stored, events, []string{"e", "email.unsubscribed", "e"}},
		{"on by R-3", send("/v1/ingest", `{"event":"e","userId":"u","lists":{"newsletter":true}}`), 202, stored, lists, []string{`a@x.io {"newsletter": true}`}},
		{
			"of a batch each by itself", send("/v1/events/batch", `{"events":[{"name":"e","userId":"u","lists":{"newsletter":false}},{"name":"e","userId":"v","lists":{"newsletter":true}},{"name":"e","userId":"w"}]}`), 202,
			`{"accepted":2,"duplicates":0,"rejected":1,"results":[{"index":0,"status":"stored","contactKey":"u","exits":[]},
				{"index":1,"status":"rejected","error":"Invalid request","details":[{"path":"events.1.lists","message":"the contact has no e-mail address"}]},
				{"index":2,"status":"stored","contactKey":"w","exits":[]}]}`,
			lists,
			[]string{`a@x.io {"newsletter": false}`},
		},
	})
	require.Equal(t, []string{"u", "w"}, b.rows(`select external_id from contacts order by 1`))
}

// R-4, B-6, B-7: buckets and journeys see it in the same transaction.
func TestPutContactMovesBuckets(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro")})
	put := func(body string) call {
		return call{method: "PUT", url: "/v1/contacts", key: b.keys[scopeIngest], body: body}
	}
	const stays = `select c.external_id || ' ' || m.status || ' ' || m.source from memberships m join contacts c on c.id = m.contact_id order by m.epoch`
	b.play([]scenario{
		{"a new one enters", put(`{"userId":"u","properties":{"plan":"pro"}}`), 200, "", stays, []string{"u active event"}},
		{"and leaves", put(`{"userId":"u","properties":{"plan":"free"}}`), 200, "", stays, []string{"u left event"}},
		{"and is told", put(`{"userId":"u","properties":{"plan":"pro"}}`), 200, "", `select name from events order by seq`, []string{"bucket:entered:pros", "bucket:left:pros", "bucket:entered:pros"}},
	})
}

// I-19, I-20, I-30, Q-15, Q-16.
func TestFindAndDropContacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[
		{"name":"e","userId":"user_1","email":"Ada@x.io","anonymousId":"anon"},{"name":"e","userId":"user_2","email":"ada@x.io"},
		{"name":"e","userId":"user_3","email":"c@x.io"},{"name":"e","email":"lead@x.io"}]}`})
	require.Equal(t, 202, a.status, a.body)
	find := func(query string, of scope) call {
		return call{method: "GET", url: "/v1/contacts/find" + query, key: b.keys[of]}
	}
	names := func(c call) (ids []string) {
		a := b.do(c)
		require.Equal(t, 200, a.status, a.body)
		var out struct {
			Contacts []struct{ ExternalID *string }
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &out))
		for _, one := range out.Contacts {
			if one.ExternalID == nil {
				ids = append(ids, "lead")
			} else {
				ids = append(ids, *one.ExternalID)
			}
		}
		return ids
	}
	id := b.rows(`select id::text from contacts where external_id = 'user_3'`)[0]
	require.Equal(t, []string{"user_1"}, names(find("?userId=user_1", scopeIngest)))
	require.Equal(t, []string{"user_3"}, names(find("?userId="+id, scopeRead)))
	require.Equal(t, []string{"user_2", "user_1"}, names(find("?email=%20ADA@x.io", scopeRead)), "the one seen last comes first")
	require.Equal(t, []string{"user_1"}, names(find("?email=ada@x.io&userId=user_1", scopeRead)))
	require.Equal(t, []string{"lead"}, names(find("?email=lead@x.io", scopeRead)))
	remove := func(body string) call {
		return call{method: "DELETE", url: "/v1/contacts", key: b.keys[scopeIngest], body: body}
	}
	const (
		none    = `{"contacts":[]}`
		live    = `select coalesce(external_id, email) from contacts where deleted_at is null order by 1`
		deleted = `{"deleted":true}`
		not     = `{"deleted":false}`
	)
	all := []string{"lead@x.io", "user_1", "user_2", "user_3"}
	b.play([]scenario{
		{"neither", find("", scopeRead), 400, nobody, "", nil},
		{"unknown", find("?userId=zzz", scopeRead), 200, none, "", nil},
		{"not both", find("?userId=user_3&email=ada@x.io", scopeRead), 200, none, "", nil},
		{"an anonymous id is no user id", find("?userId=anon", scopeRead), 200, none, "", nil},
		{"no address", find("?email=%40", scopeRead), 200, none, "", nil},
		{"no text", find("?userId=%00", scopeRead), 400, wrong("userId", "must be valid Unicode text"), "", nil},
		{"no key", call{method: "GET", url: "/v1/contacts/find?userId=u"}, 401, "", "", nil},
		{"another scope deletes nobody", call{method: "DELETE", url: "/v1/contacts", key: b.keys[scopeRead], body: `{"userId":"user_1"}`}, 403, "", live, all},
		{"nobody is named", remove(`{}`), 400, nobody, live, all},
		{"no text to delete by", remove(`{"userId":7}`), 400, wrong("userId", "must be a string"), live, all},
		{"unknown ones", remove(`{"userId":"zzz"}`), 200, not, live, all},
		{"an unknown user with somebody's address", remove(`{"userId":"zzz","email":"c@x.io"}`), 200, not, live, all},
		{"two", remove(`{"userId":"user_3","email":"ada@x.io"}`), 409, `{"error":"Identity matches two contacts"}`, live, all},
		{"a shared address", remove(`{"userId":"user_1","email":"ada@x.io"}`), 200, deleted, live, []string{"lead@x.io", "user_2", "user_3"}},
		{"once more", remove(`{"userId":"user_1"}`), 200, not, live, []string{"lead@x.io", "user_2", "user_3"}},
		{"by query", call{method: "DELETE", url: "/v1/contacts?email=lead@x.io", key: b.keys[scopeIngest]}, 200, deleted, live, []string{"user_2", "user_3"}},
	})
}

// R-46, H-17, I-49, S-6.
func TestPostContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[
		{"name":"e","userId":"user_1","email":"ada@x.io","anonymousId":"anon"},{"name":"e","email":"lead@x.io"}]}`})
	require.Equal(t, 202, a.status, a.body)
	post := func(body string) call {
		return call{method: "POST", url: "/v1/admin/contacts", key: b.keys[scopeFullAdmin], body: body}
	}
	made := func(id, anonymousID, email, zone, properties string) string {
		return strings.Replace(`{"contact":`+contactJSON(id, anonymousID, email, properties)+`}`, `"timezone":null`, `"timezone":`+zone, 1)
	}
	const (
		exists = `{"error":"Contact already exists"}`
		live   = `select coalesce(external_id, email) from contacts where deleted_at is null order by 1`
	)
	two := []string{"lead@x.io", "user_1"}
	b.play([]scenario{
		{"another scope", call{method: "POST", url: "/v1/admin/contacts", key: b.keys[scopeJourneyAdmin], body: `{"externalId":"n"}`}, 403, "", live, two},
		{"nobody", post(`{"anonymousId":"x"}`), 400, wrong("externalId", "externalId or email is required"), live, two},
		{"a bad zone", post(`{"externalId":"n","timezone":"Mars"}`), 400, wrong("timezone", "must be the name of a time zone such as Europe/Berlin"), live, two},
		{"a bad address", post(`{"email":"x"}`), 400, wrong("email", "must be an e-mail address"), live, two},
		{"an id that is there", post(`{"externalId":"user_1","properties":{"x":1}}`), 409, exists, live, two},
		{"an address that is there", post(`{"email":"ADA@x.io"}`), 409, exists, live, two},
		{"that of a lead", post(`{"externalId":"n","email":"lead@x.io"}`), 409, exists, live, two},
		{"somebody's browser", post(`{"externalId":"n","anonymousId":"anon"}`), 409, exists, live, two},
		{
			"made", post(`{"externalId":"n","email":"n@x.io","anonymousId":"a","timezone":"Europe/Berlin","properties":{"x":1}}`), 201,
			made(`"n"`, `"a"`, `"n@x.io"`, `"Europe/Berlin"`, `{"x":1}`), live,
			[]string{"lead@x.io", "n", "user_1"},
		},
		{
			"it is audited", post(`{"externalId":"n"}`), 409, exists,
			`select action || ' ' || (detail->'new')::text || (resource_id = (select id::text from contacts where external_id = 'n'))::text from audit_logs where action = 'contacts.create'`,
			[]string{`contacts.create {"email": "n@x.io", "timezone": "Europe/Berlin", "externalId": "n", "anonymousId": "a", "properties.x": 1}true`},
		},
		{"deleted", call{method: "DELETE", url: "/v1/admin/contacts/n", key: b.keys[scopeFullAdmin]}, 200, "", live, two},
		{"revived", post(`{"externalId":"n"}`), 201, made(`"n"`, "null", `"n@x.io"`, `"Europe/Berlin"`, `{"x":1}`), live, []string{"lead@x.io", "n", "user_1"}},
	})
}

// R-118, I-25 to I-28, H-17: also of two identified contacts.
func TestMergeContacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[
		{"name":"trial.started","userId":"old","email":"old@x.io","eventProperties":{"plan":"pro"},"contactProperties":{"a":1}},
		{"name":"trial.started","userId":"new","email":"new@x.io","eventProperties":{"plan":"pro"},"contactProperties":{"b":2}},
		{"name":"e","anonymousId":"anon"}]}`})
	require.Equal(t, 202, a.status, a.body)
	merge := func(body string) call {
		return call{method: "POST", url: "/v1/admin/contacts/merge", key: b.keys[scopeFullAdmin], body: body}
	}
	gone := b.rows(`select id::text from contacts where external_id = 'new'`)[0]
	const live = `select coalesce(external_id, anonymous_id) || ' ' || coalesce(email, '') || properties::text from contacts where merged_into is null order by 1`
	three := []string{"anon {}", `new new@x.io{"b": 2}`, `old old@x.io{"a": 1}`}
	b.play([]scenario{
		{"another scope", call{method: "POST", url: "/v1/admin/contacts/merge", key: b.keys[scopeJourneyAdmin], body: `{"into":"old","from":"new"}`}, 403, "", live, three},
		{"nobody", merge(`{"into":"old"}`), 400, wrong("from", "must name a contact"), live, three},
		{"no text", merge(`{"into":1,"from":"new"}`), 400, wrong("into", "must be a string"), live, three},
		{"unknown", merge(`{"into":"old","from":"zzz"}`), 404, `{"error":"Contact not found","details":[{"path":"from","message":"names nobody"}]}`, live, three},
		{"one", merge(`{"into":"old","from":"old@x.io"}`), 409, `{"error":"Both are the same contact"}`, live, three},
		{
			"the older one survives, with what was written last", merge(`{"into":"new","from":"old"}`), 200,
			`{"contact":` + contactJSON(`"old"`, "null", `"new@x.io"`, `{"a":1,"b":2}`) + `}`, live,
			[]string{"anon {}", `old new@x.io{"a": 1, "b": 2}`},
		},
		{"once more", merge(`{"into":"new","from":"old"}`), 409, `{"error":"Both are the same contact"}`, live, []string{"anon {}", `old new@x.io{"a": 1, "b": 2}`}},
		{"its uuid leads there", call{method: "GET", url: "/v1/admin/contacts/" + gone, key: b.keys[scopeRead]}, 200, "", `select journey_id || ' ' || status || ' ' || coalesce(exit_reason, '') from enrollments order by created_at`, []string{"trial-nudge active ", "trial-nudge exited merged"}},
		{"its external id does", call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"e","userId":"new"}`}, 202, `{"stored":true,"exits":[{"journeyId":"trial-nudge","stateId":"<uuid>","exited":false}],"contactKey":"old"}`, "", nil},
		{"an unidentified one", merge(`{"into":"anon","from":"old"}`), 200, "", live, []string{`old new@x.io{"a": 1, "b": 2}`}},
		{
			"each is audited once", merge(`{}`), 400, "",
			`select action || ' ' || (resource_id = contact_id::text) from audit_logs where action = 'contacts.merge'`,
			[]string{"contacts.merge true", "contacts.merge true"},
		},
	})
}

// H-8.
func TestPreferencesAndTimeline(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro")})
	b.people()
	get := func(url string) call {
		return call{method: "GET", url: "/v1/admin/contacts" + url, key: b.keys[scopeRead]}
	}
	b.rows(`insert into sends (id, key, contact_id, template_key, status, subject, sent_at, created_at, updated_at)
		select gen_random_uuid(), 'k', id, 'trial/welcome', 'sent', 'Welcome', now() + interval '1 minute', now(), now() from contacts where external_id = 'user_1' returning key`)
	const (
		email   = `{"type":"email","timestamp":"<ts>","data":{"emailSendId":"<uuid>","templateKey":"trial/welcome","subject":"Welcome","status":"sent","reason":null}}`
		journey = `{"type":"journey","timestamp":"<ts>","data":{"stateId":"<uuid>","journeyId":"trial-nudge","status":"active","currentNodeId":"start","errorMessage":null,"exitReason":null}}`
		entered = `{"type":"bucket","timestamp":"<ts>","data":{"bucketId":"pros","transition":"entered","epoch":1,"reason":null}}`
		left    = `{"type":"bucket","timestamp":"<ts>","data":{"bucketId":"pros","transition":"left","epoch":1,"reason":"criteria"}}`
		decided = `{"type":"decision","timestamp":"<ts>","data":{"id":"<uuid>","at":"<ts>","type":"enrollment","journeyId":"trial-nudge","outcome":"enrolled","reason":null,"eventId":"<uuid>","event":"trial.started","stateId":"<uuid>","detail":{}}}`
	)
	event := func(name, source, properties string) string {
		return `{"type":"event","timestamp":"<ts>","data":{"id":"<uuid>","userId":"user_1","event":"` + name + `","properties":` + properties + `,"value":null,"currency":null,"source":"` + source + `","occurredAt":"<ts>","receivedAt":"<ts>"}}`
	}
	list := func(total, limit, offset string, entries ...string) string {
		return `{"timeline":[` + strings.Join(entries, ",") + `],"total":` + total + `,"limit":` + limit + `,"offset":` + offset + `}`
	}
	suppress := call{method: "PUT", url: "/v1/admin/contacts/user_1/preferences", key: adminKey, body: `{"suppressed":true}`}
	b.play([]scenario{
		{"no record", get("/user_1/preferences"), 404, `{"error":"No preferences found for this contact"}`, "", nil},
		{"nobody's", get("/zzz/preferences"), 404, `{"error":"Contact not found"}`, "", nil},
		{"made", suppress, 200, "", "", nil},
		{"a record", get("/user_1/preferences"), 200, `{"preferences":` + preferences("user_1", "Ada@example.com", "false", "true", "{}", `"manual"`) + `}`, "", nil},
		{"another scope", call{method: "GET", url: "/v1/admin/contacts/user_1/timeline", key: b.keys[scopeIngest]}, 403, "", "", nil},
		{"no timeline", get("/zzz/timeline"), 404, `{"error":"Contact not found"}`, "", nil},
		{"an unknown type", get("/user_1/timeline?type=bucket"), 400, wrong("type", "unknown value"), "", nil},
		{"an unknown part", get("/user_1/timeline?include=x"), 400, wrong("include", "unknown value"), "", nil},
		{"mails", get("/user_1/timeline?type=email&limit=100"), 200, list("1", "100", "0", email), "", nil},
		{"journeys", get("/user_1/timeline?type=journey"), 200, list("1", "50", "0", journey), "", nil},
		{"one of the events", get("/user_1/timeline?type=event&limit=1&offset=1"), 200, "", "", nil},
		{"the newest first", get("/user_1/timeline?limit=1"), 200, list("5", "1", "0", email), "", nil},
		{"the oldest last", get("/user_1/timeline?limit=1&offset=4"), 200, list("5", "1", "4", event("app.active", "api", "{}")), "", nil},
		{"too far", get("/user_1/timeline?offset=100001"), 400, "", "", nil},
	})
	require.Equal(t, 200, b.do(call{method: "PATCH", url: "/v1/admin/contacts/user_1", key: adminKey, body: `{"properties":{"plan":"free"}}`}).status)
	b.play([]scenario{
		{"what is included", get("/user_1/timeline?include=bucket,%20decision&type=journey"), 200, list("4", "50", "0", left, decided, journey, entered), "", nil},
	})
}
