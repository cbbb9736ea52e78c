package server

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/imports"
)

// O-19, H-12, H-17.
func TestImports(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func(path, body string) call {
		return call{method: "POST", url: "/v1/admin" + path, key: b.keys[scopeFullAdmin], body: body}
	}
	const (
		pending = `{"jobId":"<uuid>","status":"pending"}`
		stored  = `select kind || ' ' || format || ' ' || file_name from imports order by id`
		sent    = `select kind || ' ' || (payload->>'workflowType') from outbox`
	)
	b.play([]scenario{
		{"no key", call{method: "POST", url: "/v1/admin/contacts/import", body: `{}`}, 401, "", stored, []string{}},
		{"another scope", call{method: "POST", url: "/v1/admin/contacts/import", key: b.keys[scopeJourneyAdmin], body: `{}`}, 403, "", stored, []string{}},
		{"nothing", post("/contacts/import", `{}`), 400, `{"error":"Invalid request","details":[{"path":"format","message":"must be csv or json"}]}`, stored, []string{}},
		{"no data", post("/contacts/import", `{"format":"csv"}`), 400, wrong("data", "must be the text of a file"), stored, []string{}},
		{"no header", post("/contacts/import", `{"format":"csv","data":"plan\nx"}`), 400, wrong("data", "header needs a column externalId or email"), stored, []string{}},
		{"of suppressions", post("/suppressions/import", `{"format":"csv","data":"externalId\nx"}`), 400, wrong("data", "header needs a column email"), stored, []string{}},
		{"malformed", post("/contacts/import", `{"format"`), 400, "", stored, []string{}},
		{"too large", post("/contacts/import", `{"format":"csv","data":"`+strings.Repeat("x", 32<<20)+`"}`), 413, `{"error":"Request body too large"}`, stored, []string{}},
		{"larger than other bodies", post("/contacts/import", `{"format":"csv","fileName":"a.csv","data":"email\n`+strings.Repeat("a@x.io\\n", 200_000)+`"}`), 202, pending, sent, []string{"run hogsend-import"}},
		{"suppressions", post("/suppressions/import", `{"format":"json","data":"[]"}`), 202, pending, stored, []string{"contacts csv a.csv", "suppressions json "}},
		{"audited, without what is in it", post("/suppressions/import", `{}`), 400, "", `select action || ' ' || (detail->'with'->>'bytes') from audit_logs where resource <> 'api_keys' order by created_at`, []string{"contacts.import 1400006", "suppressions.import 2"}},
		{"unknown", call{method: "GET", url: "/v1/admin/contacts/import/" + uuid.NewString(), key: b.keys[scopeRead]}, 404, `{"error":"Import not found"}`, "", nil},
		{"no uuid", call{method: "GET", url: "/v1/admin/contacts/import/x", key: b.keys[scopeRead]}, 400, wrong("jobId", "must be a uuid"), "", nil},
	})
	a := b.do(post("/contacts/import", `{"format":"csv","data":"externalId\nu\nnull\n"}`))
	var job struct{ JobID uuid.UUID }
	require.NoError(t, json.Unmarshal([]byte(a.body), &job))
	importer := imports.Importer{Engine: b.server.cfg.Ingest.Engine()}
	require.NoError(t, importer.Run(t.Context(), job.JobID))
	get := call{method: "GET", url: "/v1/admin/contacts/import/" + job.JobID.String(), key: b.keys[scopeRead]}
	b.play([]scenario{{"done", get, 200, `{"id":"<uuid>","status":"completed","totalRows":2,"processedRows":2,"failedRows":1,
		"errors":[{"row":2,"error":"junk_id: \"null\" is no id of a person"}],"createdAt":"<ts>","updatedAt":"<ts>"}`, `select external_id from contacts`, []string{"u"}}})
}

// H-4, R-57, R-96: what is streamed is compressed on request, and is the same.
func TestExportsAreCompressed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	b.mails()
	for _, url := range []string{"/contacts/export", "/contacts/export?format=csv", "/reporting/sends/export"} {
		c := b.figures(url)
		plain := b.do(c)
		require.Equal(t, 200, plain.status, plain.body)
		require.Empty(t, plain.header.Get("Content-Encoding"))
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.url, nil)
		r.Header.Set("Authorization", "Bearer "+c.key)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		require.Equal(t, "gzip", w.Header().Get("Content-Encoding"), url)
		require.Contains(t, w.Header().Values("Vary"), "Accept-Encoding")
		body, err := gzip.NewReader(w.Body)
		require.NoError(t, err)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Equal(t, plain.body, string(got), url)
	}
}

// O-11, O-24.
func TestExports(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	b.mails()
	b.rows(`update contacts set external_id = '=cmd()', properties = '{"a": "x,\"y\""}', created_at = created_at - interval '1 hour' where external_id = '100%' returning 'x'`)
	get := b.figures
	text := func(c call) string {
		a := b.do(c)
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, "text/csv; charset=utf-8", a.header.Get("Content-Type"))
		require.Contains(t, a.header.Get("Content-Disposition"), "attachment; filename=")
		return uuids.ReplaceAllString(instant.ReplaceAllString(a.body, "<ts>"), "<uuid>")
	}
	ada := contactJSON(`"user_1"`, `"anon-1"`, `"Ada@example.com"`, `{"plan":"pro"}`)
	b.play([]scenario{
		{"no key", call{method: "GET", url: "/v1/admin/contacts/export"}, 401, "", "", nil},
		{"another scope", call{method: "GET", url: "/v1/admin/contacts/export", key: b.keys[scopeIngest]}, 403, "", "", nil},
		{"a format", get("/contacts/export?format=xml"), 400, wrong("format", "unknown value"), "", nil},
		{"a limit", get("/contacts/export?limit=100001"), 400, wrong("limit", "must be an integer from 1 to 100000"), "", nil},
		{"JSON", get("/contacts/export?search=ada"), 200, `{"contacts":[` + ada + `]}`, "", nil},
		{"nobody", get("/contacts/export?search=zzz"), 200, `{"contacts":[]}`, "", nil},
		{"an unknown status", get("/reporting/sends/export?status=lost"), 400, wrong("status", "unknown value"), "", nil},
		{"a bad date", get("/reporting/sends/export?from=x"), 400, wrong("from", "must be an RFC 3339 time or a day such as 2026-01-31"), "", nil},
	})
	require.Equal(t, "id,externalId,email,properties,firstSeenAt,lastSeenAt\r\n<uuid>,'=cmd(),,\"{\"\"a\"\": \"\"x,\\\"\"y\\\"\"\"\"}\",<ts>,<ts>\r\n", text(get("/contacts/export?format=csv&search=cmd")))
	require.Len(t, strings.Split(text(get("/contacts/export?format=csv&limit=2")), "\r\n"), 4)
	const head = "id,toEmail,subject,templateKey,category,status,reason,userId,journeyId,sentAt,deliveredAt,openedAt,clickedAt,bouncedAt,complainedAt,createdAt\r\n"
	require.Equal(t, head+"<uuid>,Ada@example.com,Hi,welcome,journey,bounced,,user_1,trial-nudge,<ts>,,,,<ts>,,<ts>\r\n", text(get("/reporting/sends/export?engagement=bounced&userId=user_1")))
	require.Equal(t, head, text(get("/reporting/sends/export?userId=nobody")))
	require.Len(t, strings.Split(text(get("/reporting/sends/export?templateKey=welcome&status=failed&journeyId=trial-nudge&category=journey&from=2026-01-01")), "\r\n"), 3)
	logged := b.rows(`select action || ' ' || (detail->'with')::text from audit_logs where action like '%.export' order by created_at desc limit 1`)[0]
	require.Contains(t, logged, `sends.export {`)
	require.Contains(t, logged, `"status": "failed"`)
}
