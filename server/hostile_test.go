package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// hostile are texts of the kinds that break what puts them into SQL, HTML, headers, paths,
// logs or memory.
func hostile() []string {
	return []string{
		`' or 1=1 --`, `'; drop table contacts; --`, `%27%20or%201%3D1`, `\`, `%`, `_%`, `$1`, "a\x00b", "\xff\xfe", "\u202e", "\r\nX-Evil: 1", "../../etc/passwd", "..%2f..%2f", "%00", "%2e%2e/",
		`<script>alert(1)</script>`, `{{.}}`, `${jndi:ldap://x}`, strings.Repeat("a", 10_000), strings.Repeat("🙂", 300), "99999999999999999999", "-1", "1e309", "NaN", "0x10", "null", "true", "[]", "{}",
		"00000000-0000-0000-0000-000000000000", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "294276-12-31", "@", "a@b@c", "xn--a@xn--", "::1",
	}
}

// hostileBodies are bodies that are wrong, deep, wide or large.
func hostileBodies() []string {
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	wide := `{"contactProperties":{` + strings.TrimSuffix(strings.Repeat(`"\u0000":"\ud800",`, 20_000), ",") + `}}`
	lists := `{"categories":{` + numbered(20_000, `"%d":7`) + `},"scopes":[` + numbered(20_000, `"s%d"`) + `],"events":[` + numbered(999, `{"name":"","x%d":1}`) + `]}`
	tree := `{"criteria":{"type":"all","conditions":[` + numbered(20_000, `{"type":"nonsense%d","x":"`+strings.Repeat("y", 20)+`"}`) + `]}}`
	numbers := `{"name":"n","userId":"u","properties":{"a":[` + numbered(20_000, `1e-%d999`) + `]},"eventProperties":{"a":[` + numbered(20_000, `1e39`) + `]}}`
	return []string{
		"", "{", "null", "[]", "7", `"text"`, `{"a":1}{"b":2}`, deep, strings.Repeat("[", 500_000), wide, lists, tree, numbers,
		`{"` + strings.Repeat("k", 300_000) + `":1}`, `{"name":"` + strings.Repeat("n", 300_000) + `","userId":"u"}`, "{\"a\":\"\xff\"}", `{"email":"` + strings.Repeat("a", 100_000) + `@x.io","reason":"bounce"}`,
		`{"enabled":"yes","policy":{},"limit":1e99,"criteria":{"type":"` + strings.Repeat("t", 100_000) + `"}}`,
	}
}

func numbered(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = format
		if strings.Contains(format, "%d") {
			parts[i] = fmt.Sprintf(format, i)
		}
	}
	return strings.Join(parts, ",")
}

// ask sends one hostile request and holds the answer to what holds of all (H-5, H-12).
func (b *bundle) ask(c call) answer {
	b.t.Helper()
	a := b.do(c)
	shown := c.method + " " + c.url[:min(len(c.url), 120)]
	require.True(b.t, a.status < 500 || a.status == 503, "%s: %d %s", shown, a.status, a.body)
	require.Empty(b.t, a.header.Get("X-Evil"), shown)
	if a.status >= 400 && strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		require.LessOrEqual(b.t, len(a.body), 80<<10, shown)
		var body struct {
			Error     string   `json:"error"`
			RequestID string   `json:"requestId"`
			Details   []detail `json:"details"`
		}
		require.NoError(b.t, json.Unmarshal([]byte(a.body), &body), shown)
		require.NotEmpty(b.t, body.Error, shown)
		require.NotEmpty(b.t, body.RequestID, shown)
		require.LessOrEqual(b.t, len(body.Details), 100, shown)
		for _, d := range body.Details {
			require.LessOrEqual(b.t, len([]rune(d.Path)), 300, shown)
		}
	}
	return a
}

// Every route with hostile parameters, queries, headers and bodies: no failure of the
// server, no answer without a bound, nobody deleted.
func TestHostileInput(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.RateLimitAdmin, c.RateLimitIngest = 1<<30, 1<<30 })
	require.Equal(t, 202, b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"n","userId":"witness","email":"w@x.io"}`}).status)
	bodies := hostileBodies()
	for _, rt := range b.server.routes() {
		fill := func(value string) string {
			parts := strings.Split(rt.path, "/")
			for i, part := range parts {
				if strings.HasPrefix(part, ":") {
					parts[i] = value
				}
			}
			return strings.Join(parts, "/")
		}
		for _, text := range hostile() {
			if strings.Contains(rt.path, ":") {
				b.ask(call{method: rt.method, url: fill(url.PathEscape(text)), key: adminKey})
			}
			if rt.method == http.MethodGet {
				query := url.Values{}
				for _, name := range []string{"limit", "offset", "from", "to", "userId", "event", "status", "search", "token", "after", "includeRevoked", "explain", "category", "outcome"} {
					query.Set(name, text)
				}
				b.ask(call{method: rt.method, url: fill("witness") + "?" + query.Encode(), key: adminKey})
			}
		}
		for _, text := range []string{"' or 1=1", "hsk_" + strings.Repeat("x", 9_000), "\u202e", "Bearer"} {
			b.ask(call{method: rt.method, url: fill("witness"), key: text, headers: map[string]string{"X-Request-Id": text, "Idempotency-Key": text, "Origin": text, "X-Forwarded-For": text, "Accept-Encoding": text}})
		}
		if rt.method == http.MethodGet || rt.method == http.MethodHead {
			continue
		}
		for _, body := range bodies {
			b.ask(call{method: rt.method, url: fill(uuid.NewString()), key: adminKey, body: body})
		}
	}
	require.Equal(t, []string{"witness w@x.io"}, b.rows(`select external_id || ' ' || email from contacts where external_id = 'witness' and deleted_at is null`))
	for line := range strings.Lines(b.logs.String()) {
		require.NotContains(t, line, `"level":"ERROR"`)
	}
}

// H-12: a megabyte of mistakes costs what one does. Each row makes more of them than are told.
func TestErrorsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("k", 190)
	for _, c := range []struct{ name, method, url, body string }{
		{"numbers (R-1)", "POST", "/v1/events", `{"name":"n","userId":"u","eventProperties":{"a":[` + strings.TrimSuffix(strings.Repeat("1e-999,", 140_000), ",") + `]}}`},
		{"items (R-2)", "POST", "/v1/events/batch", `{"events":[` + strings.TrimSuffix(strings.Repeat(`{"eventProperties":{"`+long+`":[`+strings.TrimSuffix(strings.Repeat("1e999,", 60), ",")+`]}},`, 1000), ",") + `]}`},
		{"merged scalars (R-3)", "POST", "/v1/ingest", `{"event":"n","userId":"u","properties":{` + numbered(40_000, `"%d":1e999`) + `}}`},
		{"names (R-48)", "PATCH", "/v1/admin/contacts/u", `{"properties":{` + numbered(3_000, `"%d`+strings.Repeat("k", 250)+`":1`) + `}}`},
		{"categories (R-53)", "PUT", "/v1/admin/contacts/u/preferences", `{"categories":{` + numbered(40_000, `"%d`+long[:10]+`":7`) + `}}`},
		{"users (R-66)", "POST", "/v1/admin/journeys/trial-nudge/enroll/batch", `{"users":[` + strings.TrimSuffix(strings.Repeat(`{"userId":"","properties":{"a":[`+strings.TrimSuffix(strings.Repeat("1e999,", 100), ",")+`]}},`, 500), ",") + `]}`},
		{"conditions (R-74)", "POST", "/v1/admin/buckets/preview", `{"criteria":{"type":"all","conditions":[` + numbered(25_000, `{"type":"`+long[:20]+`%d"}`) + `]}}`},
		{"scopes (R-103)", "POST", "/v1/admin/api-keys", `{"name":"k","scopes":[` + numbered(60_000, `"%d"`) + `]}`},
		{"nested paths", "POST", "/v1/events", `{"name":"n","userId":"u","eventProperties":` + strings.Repeat(`{"`+long+`":`, 25) + `[` + strings.TrimSuffix(strings.Repeat("1e999,", 100_000), ",") + `]` + strings.Repeat("}", 25) + `}`},
		{"one long text", "POST", "/v1/events", `{"name":"n","userId":"u","` + strings.Repeat("k", 900_000) + `":"\u0000"}`},
	} {
		require.LessOrEqual(t, len(c.body), maxBatchBody, c.name)
		a := b.ask(call{method: c.method, url: c.url, key: adminKey, body: c.body})
		require.Contains(t, []int{200, 400, 404}, a.status, "%s: %s", c.name, a.body[:min(len(a.body), 300)])
		require.LessOrEqual(t, len(a.body), 80<<10, c.name)
		require.LessOrEqual(t, strings.Count(a.body, `"path"`), 100, c.name)
	}
	require.Equal(t, []string{"0"}, b.rows(countEvents))
}

// H-12: numbers count as they are written out, wherever they stand.
func TestNumbersAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func(path, body string) int {
		return b.do(call{method: "POST", url: path, key: b.keys[scopeIngest], body: body}).status
	}
	for number, status := range map[string]int{
		"1e39": 202, "1e40": 400, "1e-39": 202, "1e-40": 400, "1e-999": 400, "1e-16000": 400, "-1e39": 202, "0." + strings.Repeat("1", 39): 202, "0." + strings.Repeat("1", 40): 400,
		strings.Repeat("9", 40): 202, strings.Repeat("9", 41): 400, "1e99999999999999999999": 400, "1E+0000000000000000001": 400, "1.5e300": 400, "1e0": 202,
	} {
		require.Equal(t, status, post("/v1/events", `{"name":"n","userId":"u","eventProperties":{"a":[{"b":`+number+`}]}}`), number)
		require.Equal(t, status, post("/v1/events", `{"name":"n","userId":"u","contactProperties":{"a":`+number+`}}`), number)
		require.Equal(t, status, post("/v1/ingest", `{"event":"n","userId":"u","properties":{"a":`+number+`}}`), number)
	}
	// 600 kB that are 5 MB in the database.
	require.Equal(t, 400, post("/v1/events", `{"name":"n","userId":"u","eventProperties":{"a":[`+strings.TrimSuffix(strings.Repeat("1e39,", 120_000), ",")+`]}}`))
	require.Equal(t, 413, post("/v1/events/batch", `{"events":[{"name":"n","userId":"u","eventProperties":{"a":[`+strings.TrimSuffix(strings.Repeat("1e39,", 120_000), ",")+`]}}]}`))
}

// H-12: what is written into a contact stays within bounds, whoever writes it.
func TestContactsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const refused = `{"error":"Invalid request","details":[{"path":"contactProperties","message":"a contact may have 1,000 properties and 256 KiB of them"}]}`
	post := func(body string) answer {
		return b.do(call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: body})
	}
	props := func(from, n int, size int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`"p%d":"%s"`, from+i, strings.Repeat("x", size))
		}
		return `{` + strings.Join(parts, ",") + `}`
	}
	event := func(user, properties string) string {
		return `{"name":"n","userId":"` + user + `","contactProperties":` + properties + `}`
	}
	require.Equal(t, 202, post(event("many", props(0, 600, 1))).status)
	require.Equal(t, 202, post(event("many", props(600, 400, 1))).status)
	a := post(event("many", props(1000, 1, 1)))
	require.Equal(t, 400, a.status)
	require.JSONEq(t, refused, a.plain(t))
	require.Equal(t, 202, post(event("many", `{"p0":null,"q":1}`)).status, "one goes, one comes")
	require.Equal(t, 202, post(event("large", props(0, 2, 100_000))).status)
	require.JSONEq(t, refused, post(event("large", props(2, 1, 100_000))).plain(t))
	require.JSONEq(t, refused, post(event("new", props(0, 3, 100_000))).plain(t), "a new contact")
	require.Equal(t, 202, post(event("large", `{"p0":null}`)).status)
	a = b.do(call{method: "PATCH", url: "/v1/admin/contacts/many", key: b.keys[scopeFullAdmin], body: `{"properties":{"r":1}}`})
	require.Equal(t, 400, a.status, a.body)
	// A merge is a write, too; a bad item of a batch fails alone.
	require.Equal(t, 202, post(`{"name":"n","anonymousId":"a","contactProperties":`+props(5, 3, 80_000)+`}`).status)
	a = b.do(call{method: "POST", url: "/v1/events/batch", key: b.keys[scopeIngest], body: `{"events":[{"name":"n","userId":"ok"},{"name":"n","userId":"large","anonymousId":"a"},{"name":"n","userId":"fine"}]}`})
	require.Contains(t, a.body, `"accepted":2`)
	require.Contains(t, a.body, `"path":"events.1.contactProperties"`)
	require.Equal(t, []string{"0"}, b.rows(`select count(*)::text from contacts where octet_length(properties::text) > 262144 or external_id = 'new'`))
}

// H-12: a page ends where it becomes large, and says so.
func TestPagesOfLargeRowsAreShorter(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.RateLimitAdmin = 1 << 30 })
	for i := range 8 {
		require.Equal(t, 202, b.do(call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: fmt.Sprintf(`{"name":"trial.started","userId":"u%d","eventProperties":{"plan":"pro","n":%d,"x":"%s"},"contactProperties":{"y":"%s"}}`,
			i, i, strings.Repeat("x", 700_000), strings.Repeat("y", 250_000))}).status)
	}
	for _, c := range []struct {
		url, field string
		most       int // rows of a page
	}{{"/v1/admin/events", "events", 4}, {"/v1/admin/contacts", "contacts", 8}, {"/v1/admin/journeys/trial-nudge/states", "states", 4}} {
		seen := map[string]bool{}
		for offset := 0; ; {
			a := b.do(call{method: "GET", url: fmt.Sprintf("%s?limit=100&offset=%d", c.url, offset), key: b.keys[scopeRead]})
			require.Equal(t, 200, a.status)
			require.LessOrEqual(t, len(a.body), 5<<20, c.url)
			var body map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(a.body), &body))
			var rows []struct{ ID string }
			require.NoError(t, json.Unmarshal(body[c.field], &rows))
			require.LessOrEqual(t, len(rows), c.most)
			var limit, total int
			require.NoError(t, json.Unmarshal(body["limit"], &limit))
			require.NoError(t, json.Unmarshal(body["total"], &total))
			require.Equal(t, 8, total)
			for _, row := range rows {
				require.False(t, seen[row.ID], "twice")
				seen[row.ID] = true
			}
			if offset += limit; offset >= total || len(rows) == 0 {
				break
			}
		}
		require.Len(t, seen, 8, c.url)
	}
}

// H-12: two previews at a time; the third is told to come again.
func TestPreviewsAreFew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	preview := call{method: "POST", url: "/v1/admin/buckets/preview", key: b.keys[scopeRead], body: `{"criteria":{"type":"property","property":"plan","operator":"eq","value":"pro"}}`}
	for range maxPreviews {
		b.server.previews <- struct{}{}
	}
	a := b.do(preview)
	require.Equal(t, 503, a.status)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	<-b.server.previews
	require.Equal(t, 200, b.do(preview).status, "its place is given back")
	require.Equal(t, 200, b.do(preview).status)
}
