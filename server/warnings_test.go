package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

func TestRepliesWarn(t *testing.T) { // I-56, I-58
	t.Parallel()
	b := setup(t)
	type told struct {
		Warnings []warning `json:"warnings"`
	}
	for _, c := range []struct {
		name, path, body string
		want             []string // path code message
	}{
		{"nothing odd", "events", `{"name":"trial.started","userId":"a","eventProperties":{"x":1},"contactProperties":{"timezone":"Europe/Berlin"}}`, nil},
		{"properties", "events", `{"name":"n","userId":"a","properties":{"x":1}}`, []string{`properties unknown_field is not known here, did you mean "eventProperties"?`}},
		{"a zone at the top", "events", `{"name":"n","userId":"a","timezone":"Europe/Berlin"}`, []string{`timezone unknown_field is not known here, did you mean "contactProperties.timezone"?`}},
		{"misspelt", "events", `{"name":"n","userId":"a","userid":"b"}`, []string{`userid unknown_field is not known here, did you mean "userId"?`}},
		{"nothing like it", "events", `{"name":"n","userId":"a","zzzzzzzzzzzzzzzzzz":1}`, []string{`zzzzzzzzzzzzzzzzzz unknown_field is not known here`}},
		{"fields of the other route", "ingest", `{"event":"n","userId":"a","email":"a@x.io","eventProperties":{}}`, []string{
			`email unknown_field is not known here, did you mean "userEmail"?`, `eventProperties unknown_field is not known here, did you mean "properties"?`,
		}},
		{"a zone that is none", "events", `{"name":"n","userId":"a","contactProperties":{"timezone":"Berlin","$timezone":7,"$geoip_time_zone":null}}`, []string{
			"contactProperties.timezone bad_timezone is no time zone such as Europe/Berlin", "contactProperties.$timezone bad_timezone is no time zone such as Europe/Berlin",
		}},
		{"a zone among merged properties", "ingest", `{"event":"n","userId":"a","properties":{"timezone":"Mars/Olympus"}}`, []string{"properties.timezone bad_timezone is no time zone such as Europe/Berlin"}},
		{"an address that is none", "events", `{"name":"n","userId":"a","email":"nobody"}`, []string{"email email_ignored is left out: it must be an e-mail address"}},
		{"beside an anonymous id", "events", `{"name":"n","anonymousId":"x","email":"a@"}`, []string{"email email_ignored is left out: it must be an e-mail address"}},
		{"under the name of the other route", "ingest", `{"event":"n","userId":"a","userEmail":"a b@x.io"}`, []string{"userEmail email_ignored is left out: it must be an e-mail address"}},
	} {
		a := b.do(call{method: "POST", url: "/v1/" + c.path, key: b.keys[scopeIngest], body: c.body})
		require.Equal(t, 202, a.status, "%s: %s", c.name, a.body)
		var out told
		require.NoError(t, json.Unmarshal([]byte(a.body), &out))
		var got []string
		for _, w := range out.Warnings {
			got = append(got, w.Path+" "+w.Code+" "+w.Message)
		}
		require.Equal(t, c.want, got, c.name)
		require.NotContains(t, a.body, `"enrolled"`)
	}
	require.Equal(t, []string{"0"}, b.rows(`select count(*)::text from contacts where email is not null`))

	// A bad address as the only id, and where people are written on purpose.
	require.Equal(t, 400, b.do(call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: `{"name":"n","email":"nobody"}`}).status)
	// A repeat has none; at most twenty.
	keyed := call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: `{"name":"n","userId":"a","idempotencyKey":"k","a":1}`}
	require.Contains(t, b.do(keyed).body, "unknown_field")
	require.NotContains(t, b.do(keyed).body, "warnings")
	many := `{"name":"n","userId":"a"`
	for i := range 50 {
		many += `,"x` + itoa(i) + `":1`
	}
	require.Equal(t, 20, strings.Count(b.do(call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: many + "}"}).body, "unknown_field"))
	// Items of a batch have their own.
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: b.keys[scopeIngest], body: `{"events":[{"name":"n","userId":"a"},{"name":"n","userId":"a","email":"x","properties":{}}]}`})
	require.JSONEq(t, `{"accepted":2,"duplicates":0,"rejected":0,"results":[{"index":0,"status":"stored","contactKey":"a","exits":[]},
		{"index":1,"status":"stored","contactKey":"a","exits":[],"warnings":[
			{"path":"properties","code":"unknown_field","message":"is not known here, did you mean \"eventProperties\"?"},
			{"path":"email","code":"email_ignored","message":"is left out: it must be an e-mail address"}]}]}`, a.body)
}

// J-170: of declared events a reply warns of others, and of properties that do not fit.
func TestRepliesWarnOfWhatIsNotDeclared(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Registry.Events = []hogsend.EventType{{Name: "trial.started", Properties: []hogsend.EventProperty{{Name: "plan", Type: hogsend.StringProperty, Required: true}, {Name: "seats", Type: hogsend.NumberProperty}}}}
	})
	for _, c := range []struct{ path, body, want string }{
		{"events", `{"name":"trial.started","userId":"a","eventProperties":{"plan":"pro","seats":2,"more":{}}}`, ""},
		{"events", `{"name":"trial.startd","userId":"a"}`, `[{"path":"name","code":"undeclared_event","message":"is not among the declared events, did you mean \"trial.started\"?"}]`},
		{"events?explain=true", `{"name":"trial.startd","userId":"a"}`, `[{"path":"name","code":"undeclared_event","message":"is not among the declared events, did you mean \"trial.started\"?"}]`},
		{"events", `{"name":"trial.started","userId":"a","eventProperties":{"seats":"2"}}`, `[{"path":"eventProperties.plan","code":"event_property","message":"is missing, and trial.started is declared with it"},
			{"path":"eventProperties.seats","code":"event_property","message":"is declared as number, not string"}]`},
		{"ingest", `{"event":"trial.started","userId":"a","properties":{"plan":7}}`, `[{"path":"properties.plan","code":"event_property","message":"is declared as string, not number"}]`},
	} {
		a := b.do(call{method: "POST", url: "/v1/" + c.path, key: b.keys[scopeIngest], body: c.body})
		require.Equal(t, 202, a.status, a.body)
		var out struct {
			Stored   bool            `json:"stored"`
			Warnings json.RawMessage `json:"warnings"`
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &out))
		require.True(t, out.Stored, c.body)
		if c.want == "" {
			require.Empty(t, out.Warnings, a.body)
			continue
		}
		require.JSONEq(t, c.want, string(out.Warnings))
	}
}

func TestRepliesExplain(t *testing.T) { // I-58, I-59
	t.Parallel()
	b := setup(t)
	explain := func(body string) string {
		a := b.do(call{method: "POST", url: "/v1/events?explain=true", key: b.keys[scopeIngest], body: body})
		require.Equal(t, 202, a.status, a.body)
		return a.plain(t)
	}
	require.JSONEq(t, `{"stored":true,"exits":[],"contactKey":"a","enrolled":[{"journeyId":"trial-nudge","stateId":"<uuid>","event":"trial.started"}],"skipped":[]}`,
		explain(`{"name":"trial.started","userId":"a","eventProperties":{"plan":"pro"},"idempotencyKey":"k"}`))
	require.JSONEq(t, `{"stored":true,"exits":[{"journeyId":"trial-nudge","stateId":"<uuid>","exited":false}],"contactKey":"a","enrolled":[],"skipped":[{"journeyId":"trial-nudge","event":"trial.started","reason":"already_active"}]}`,
		explain(`{"name":"trial.started","userId":"a","eventProperties":{"plan":"pro"}}`))
	require.JSONEq(t, `{"stored":false,"exits":[],"contactKey":"a","enrolled":[],"skipped":[]}`, explain(`{"name":"trial.started","userId":"a","idempotencyKey":"k"}`))
	require.JSONEq(t, `{"stored":true,"exits":[],"contactKey":"b","enrolled":[],"skipped":[],"warnings":[{"path":"name","code":"unheard_event","message":"nothing listens to this event, did you mean \"trial.started\"?"}]}`,
		explain(`{"name":"trial.startd","userId":"b"}`))
	require.NotContains(t, explain(`{"name":"subscription.created","userId":"b"}`), "unheard") // an exit hears it
	// A wait of somebody, alone or for the first of several, hears it as well.
	for _, set := range []string{`event_name = 'wave'`, `event_name = null, alternatives = '[{"event":"other"},{"event":"wave"}]'`} {
		require.Contains(t, explain(`{"name":"wave","userId":"b"}`), "unheard")
		_, err := b.store.Pool.Exec(t.Context(), `insert into waits (id, enrollment_id, contact_id, step_key, label, status, registered_at)
			select gen_random_uuid(), e.id, e.contact_id, 'w', 'w', 'open', now() from enrollments e`)
		require.NoError(t, err)
		_, err = b.store.Pool.Exec(t.Context(), `update waits set `+set)
		require.NoError(t, err)
		require.NotContains(t, explain(`{"name":"wave","userId":"b"}`), "unheard")
		_, err = b.store.Pool.Exec(t.Context(), `delete from waits`)
		require.NoError(t, err)
	}
	require.Equal(t, 400, b.do(call{method: "POST", url: "/v1/events?explain=please", key: b.keys[scopeIngest], body: `{"name":"n","userId":"a"}`}).status)

	// In development always, with a line of the log for each warning and one for who watches.
	var lines []Told
	dev := setup(t, func(c *Config) { c.Development, c.Tell = true, func(one Told) { lines = append(lines, one) } })
	a := dev.do(call{method: "POST", url: "/v1/events/batch", key: dev.keys[scopeIngest], body: `{"events":[{"name":"trial.startd","userId":"a","properties":{}}]}`})
	require.Contains(t, a.body, `"skipped":[]`)
	require.Contains(t, a.body, "unheard_event")
	require.Equal(t, 2, strings.Count(dev.logs.String(), "event is odd"))
	require.Len(t, lines, 1)
	require.Len(t, lines[0].Warnings, 2)
	require.Contains(t, lines[0].Warnings, `name: nothing listens to this event, did you mean "trial.started"?`)
}

// I-61: whatever arose in the transaction of an event names it.
func TestInternalEventsNameTheirCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{`{"name":"trial.started","userId":"a","eventProperties":{"plan":"pro"}}`, `{"name":"subscription.created","userId":"a"}`} {
		require.Equal(t, 202, b.do(call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: body}).status)
	}
	require.Equal(t, []string{"journey:exited subscription.created"}, b.rows(`select e.name || ' ' || c.name from events e join events c on c.id = e.cause_id`))
	require.Equal(t, 1, strings.Count(b.do(call{method: "GET", url: "/v1/admin/events", key: b.keys[scopeRead]}).body, `"causeId":"`))
}

func TestEncodingsOfBodies(t *testing.T) { // I-60, H-4
	t.Parallel()
	b := setup(t)
	const event = `{"name":"n","userId":"ä"}`
	packed := func(s string) string {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, err := w.Write([]byte(s))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.String()
	}
	wide := func() string {
		var out []byte
		for _, u := range utf16.Encode([]rune(event)) {
			out = append(out, byte(u), byte(u>>8))
		}
		return string(out)
	}()
	for _, c := range []struct {
		name, method, url, body, encoding string
		status                            int
		text                              string
	}{
		{"plain", "POST", "/v1/events", event, "", 202, ""},
		{"a byte order mark", "POST", "/v1/events", "\ufeff" + event, "", 202, ""},
		{"nothing but one", "POST", "/v1/events", "\ufeff", "", 400, "name"},
		{"a mark in a batch", "POST", "/v1/events/batch", "\ufeff" + `{"events":[` + event + `]}`, "", 202, ""},
		{"UTF-16", "POST", "/v1/events", "\xff\xfe" + wide, "", 400, "body is UTF-16; send UTF-8"},
		{"UTF-16 without a mark", "POST", "/v1/events", wide, "", 400, "body is UTF-16; send UTF-8"},
		{"UTF-32", "POST", "/v1/events", "\x00\x00\xfe\xff\x00\x00\x00{", "", 400, "body is UTF-32; send UTF-8"},
		{"gzip", "POST", "/v1/events", packed(event), "gzip", 202, ""},
		{"gzip with a mark", "POST", "/v1/ingest", packed("\ufeff" + `{"event":"n","userId":"u"}`), "GZIP", 202, ""},
		{"a batch by gzip", "POST", "/v1/events/batch", packed(`{"events":[` + event + `]}`), "gzip", 202, ""},
		{"no gzip at all", "POST", "/v1/events", event, "gzip", 400, "body is no gzip"},
		{"half of one", "POST", "/v1/events", packed(event)[:30], "gzip", 400, "body is no gzip"},
		{"a broken one", "POST", "/v1/events", strings.Replace(packed(event), "\x00\x00", "\x07\x07", 1), "gzip", 400, ""},
		{"a bomb", "POST", "/v1/events", packed(strings.Repeat(" ", 50<<20)), "gzip", 413, "Request body too large"},
		{"twice", "POST", "/v1/events", packed(packed(event)), "gzip, gzip", 415, "Unsupported Content-Encoding"},
		{"another", "POST", "/v1/events", event, "br", 415, "Unsupported Content-Encoding"},
		{"where none is taken", "PATCH", "/v1/admin/contacts/u", packed(`{}`), "gzip", 415, "Unsupported Content-Encoding"},
		{"identity", "POST", "/v1/events", event, "identity", 202, ""},
	} {
		headers := map[string]string{}
		if c.encoding != "" {
			headers["Content-Encoding"] = c.encoding
		}
		a := b.do(call{method: c.method, url: c.url, key: b.keys[scopeFullAdmin], body: c.body, headers: headers})
		require.Equal(t, c.status, a.status, "%s: %s", c.name, a.body)
		require.Contains(t, a.body, c.text, c.name)
		if c.status == http.StatusUnsupportedMediaType && c.method == "POST" {
			require.Equal(t, "gzip", a.header.Get("Accept-Encoding"), c.name)
		}
	}
}

func TestJunkIDsAreRefused(t *testing.T) { // I-57
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "/v1/events", `{"name":"n","userId":"undefined"}`, "userId"},
		{"POST", "/v1/events", `{"name":"n","userId":"\" NULL \"","email":"a@x.io"}`, "userId"},
		{"POST", "/v1/events", `{"name":"n","userId":"u","anonymousId":"null"}`, "anonymousId"},
		{"POST", "/v1/ingest", `{"event":"n","userId":"[object Object]"}`, "userId"},
		{"POST", "/v1/admin/journeys/trial-nudge/enroll", `{"userId":"0"}`, "userId"},
	} {
		a := b.do(call{method: c.method, url: c.path, key: b.keys[scopeFullAdmin], body: c.body})
		require.Equal(t, 400, a.status, a.body)
		require.Contains(t, a.body, `"code":"JUNK_ID"`)
		require.Contains(t, a.body, `"path":"`+c.field+`"`)
		require.Contains(t, a.body, "is no id of a person")
	}
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: b.keys[scopeIngest], body: `{"events":[{"name":"n","userId":"NaN"},{"name":"n","userId":"nullable"}]}`})
	require.Contains(t, a.body, `"accepted":1`)
	require.Contains(t, a.body, `"code":"JUNK_ID"`)
	require.Equal(t, []string{"nullable"}, b.rows(`select external_id from contacts`))
}
