package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// field is a parameter of a query or a field of a body, as the wire contract names it.
type field struct{ name, kind string }

// plainly are parameters that the contract names without a question mark, because they have
// a default or are required.
var plainly = []string{"limit", "offset", "status", "format", "sort", "order", "granularity", "period", "token", "email", "userId", "about"}

// queryOfRow are the parameters of the query that a row of the contract names.
func queryOfRow(request string) []field {
	found := map[string]string{}
	add := func(names ...string) {
		for _, name := range names {
			found[name] = kindOfParameter(name)
		}
	}
	if strings.Contains(request, "paged") {
		add("limit", "offset")
	}
	if regexp.MustCompile(`\brange\b`).MatchString(request) {
		add("from", "to")
	}
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(request, -1) {
		for part := range strings.SplitSeq(m[1], ", ") {
			if name, optional := strings.CutSuffix(part, "?"); optional || slices.Contains(plainly, name) {
				add(name)
			}
		}
	}
	return sortedFields(found)
}

func kindOfParameter(name string) string {
	switch name {
	case "limit", "offset":
		return "integer"
	case "enabled", "registered", "includeRevoked", "includeUntemplated", "outcomes":
		return "boolean"
	}
	return "string"
}

// bodyOfRow are the fields of the body that a row of the contract names, with their types; ""
// is one that the row does not say. Names before a type share it.
func bodyOfRow(request string) []field {
	found := map[string]string{}
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.ReplaceAll(request, `\|`, "|"), -1) {
		var waiting []string
		for part := range strings.SplitSeq(strings.Trim(m[1], "{}"), ", ") {
			name, rest, typed := strings.Cut(part, ":")
			optional := strings.HasSuffix(strings.TrimSpace(name), "?")
			name = strings.TrimSuffix(strings.TrimSpace(name), "?")
			if !regexp.MustCompile(`^[a-z]\w+$`).MatchString(name) || !typed && !optional && len(waiting) == 0 && !strings.Contains(m[1], ": ") {
				continue
			}
			waiting = append(waiting, name)
			for _, one := range waiting {
				found[one] = ""
			}
			if typed {
				for _, one := range waiting {
					found[one] = kindOfField(strings.TrimSpace(rest))
				}
				waiting = nil
			}
		}
	}
	return sortedFields(found)
}

func kindOfField(said string) string {
	for kind, words := range map[string][]string{
		"boolean": {"bool"}, "number": {"num", "int"}, "object": {"obj", "{"}, "array": {"item[", "uuid[", "scope[", "["}, "string": {"string", "ts", "email", "uuid", `"`, "contact"},
	} {
		for _, word := range words {
			if strings.HasPrefix(said, word) && (kind != "string" || !strings.HasPrefix(said, "uuid[")) {
				return kind
			}
		}
	}
	return ""
}

func sortedFields(found map[string]string) []field {
	var out []field
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, field{name, found[name]})
	}
	return out
}

// requestOf adds to an operation what the contract says of its request: parameters of the
// query, and fields of the body, any of which may also be null (H-6).
func requestOf(op map[string]any, method, request string, parameters []any) {
	if method == http.MethodGet {
		for _, f := range queryOfRow(request) {
			parameters = append(parameters, map[string]any{"name": f.name, "in": "query", "schema": map[string]any{"type": f.kind}})
		}
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, method) {
		return
	}
	fields := map[string]any{}
	for _, f := range bodyOfRow(request) {
		schema := map[string]any{}
		if f.kind != "" {
			schema["type"] = []string{f.kind, "null"}
		}
		fields[f.name] = schema
	}
	schema := map[string]any{}
	if len(fields) > 0 {
		schema = map[string]any{"type": "object", "properties": fields}
	}
	op["requestBody"] = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": schema}}}
}

// oddities are values that no parameter is made for.
func oddities() []string {
	return []string{
		"", " ", "0", "-1", "1e99", "101", "2147483648", "9223372036854775808", "true", "null", "undefined", "'", `"`, "%", "_", "\\", "a\x00b", "\xff\xfe", "../../etc/passwd", "a/b", "😀", "\u202e",
		"' or 1=1--", "{}", "[]", "00000000-0000-0000-0000-000000000000", "2026-02-30", "9999-12-31T23:59:59Z", "-0001-01-01", "\r\nX-Evil: 1", strings.Repeat("a", 5000), strings.Repeat("é", 600),
	}
}

// values are what a field of a body may be given: of the right type and of every other one.
func values(r *rand.Rand) string {
	texts := oddities()
	text, err := json.Marshal(strings.ToValidUTF8(texts[r.IntN(len(texts))], "?"))
	if err != nil {
		panic(err)
	}
	all := []string{
		"null", "true", "false", "0", "-1", "1.5", "1e308", "1e-999", "123456789012345678901234567890", `""`, string(text), "{}", "[]", `{"a":1}`, `{"a":null}`, `[1,"x",null]`, `{"":true}`,
		`["00000000-0000-0000-0000-000000000000"]`, `"ada@example.com"`, `"user_1"`, `"2026-01-05T10:00:00Z"`, `{"newsletter":true}`, strings.Repeat("[", 40) + strings.Repeat("]", 40), `{"type":"composite","operator":"not","conditions":[]}`,
	}
	return all[r.IntN(len(all))]
}

// H-5, H-6, H-12, R-32: requests made from the document, every parameter and field with values
// of every kind, get no 5xx and no answer outside of the document.
func TestNoRequestOfTheDocumentFails(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro")})
	b.server.cfg.OpenAPI = true
	for _, l := range b.server.limits {
		l.limit = 1 << 30
	}
	require.Equal(t, 202, b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"trial.started","userId":"user_1","email":"ada@example.com","eventProperties":{"plan":"pro"},"contactProperties":{"plan":"pro"}}`}).status)
	known := []string{"user_1", "trial-nudge", "pros", "newsletter", "ada@example.com"}
	known = append(known, b.rows(`select id::text from contacts union all select id::text from events union all select id::text from enrollments union all select id::text from outbox`)...)
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name, In string
				Schema   struct{ Type string }
			}
			RequestBody *struct {
				Content map[string]struct {
					Schema struct{ Properties map[string]any }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(openapi, &document))
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(fit ...string) string {
		if r.IntN(2) == 0 && len(fit) > 0 {
			return fit[r.IntN(len(fit))]
		}
		all := oddities()
		return all[r.IntN(len(all))]
	}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(document.Paths[path])) {
			op := document.Paths[path][method]
			for range 12 {
				c := call{method: strings.ToUpper(method), url: path, key: adminKey}
				query := url.Values{}
				for _, p := range op.Parameters {
					switch {
					case p.In == "path":
						c.url = strings.ReplaceAll(c.url, "{"+p.Name+"}", url.PathEscape(strings.TrimLeft("x"+pick(known...), "x")))
					case r.IntN(3) > 0:
						query.Set(p.Name, pick(append(known, "10", "true", "2026-01-05", "active", "day")...))
					}
				}
				if strings.Contains(c.url, "//") || strings.HasSuffix(c.url, "/") {
					continue // an empty id is another path
				}
				if len(query) > 0 {
					c.url += "?" + query.Encode()
				}
				if op.RequestBody != nil {
					var parts []string
					for _, name := range slices.Sorted(maps.Keys(op.RequestBody.Content["application/json"].Schema.Properties)) {
						if r.IntN(4) > 0 {
							parts = append(parts, fmt.Sprintf("%q:%s", name, values(r)))
						}
					}
					c.body = "{" + strings.Join(parts, ",") + "}"
				}
				b.within(op.OperationID, c)
			}
		}
	}
}

// within holds an answer against what the document says of every route: do has looked at
// the body of a success.
func (b *bundle) within(id string, c call) {
	b.t.Helper()
	a := b.do(c)
	said := fmt.Sprintf("%s %s %.300s %.300s: %d %.500s", id, c.method, c.url, c.body, a.status, a.body)
	allowed := []int{200, 201, 202, 302, 303, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429}
	if a.status == http.StatusServiceUnavailable { // a part that this server does not have
		require.Regexp(b.t, `not configured|cannot be sent by this process|Database unavailable|Temporal|not_ready`, a.body, said)
		return
	}
	require.Contains(b.t, allowed, a.status, said)
	require.NotEmpty(b.t, a.header.Get("X-Request-Id"), said)
	require.Empty(b.t, a.header.Get("X-Evil"), said)
	if a.status < 400 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		return
	}
	var e struct {
		Error, Message, RequestID string
		Details                   []struct{ Path, Message *string }
	}
	require.NoError(b.t, json.Unmarshal([]byte(a.body), &e), said)
	require.NotEmpty(b.t, e.Error, said)
	require.Equal(b.t, e.Error, e.Message, said)
	require.Equal(b.t, a.header.Get("X-Request-Id"), e.RequestID, said)
	for _, d := range e.Details {
		require.True(b.t, d.Path != nil && d.Message != nil, said)
	}
	require.Less(b.t, len(a.body), 64<<10+4096, said)
}

// H-6, R-96: an id that is no text is refused, and does not export the mails of everybody.
func TestNoTextNamesEverybody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/v1/admin/reporting/sends/export", "/v1/admin/emails", "/v1/admin/events", "/v1/admin/journeys/trial-nudge/states"} {
		a := b.do(call{method: "GET", url: path + "?userId=%FF%FE", key: adminKey})
		require.Equal(t, 400, a.status, path+": "+a.body)
		require.JSONEq(t, wrong("userId", "must be valid Unicode text"), a.plain(t), path)
	}
}
