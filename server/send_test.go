package server

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/registry"
)

type receiptProps struct {
	Amount int    `json:"amount"`
	PayURL string `json:"payUrl"`
	Items  []struct {
		Title string `json:"title"`
	} `json:"items"`
}

// newMailOffice is an office that knows Ada and can hand in mails.
func newMailOffice(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	defined := o.server.cfg.Registry
	defined.Templates = []hogsend.Template{
		{
			Key: "shop/receipt", Subject: "Receipt for {{.Name}}", Category: "transactional", Preview: "You paid {{.Props.Amount}}", Props: receiptProps{},
			HTML: `<p>{{.Props.Amount}} <a href="{{.Props.PayURL}}">pay</a>{{range .Props.Items}}<br>{{.Title}}{{end}}</p>`, Examples: map[string]any{"b": receiptProps{Amount: 2}, "a": receiptProps{Amount: 7}},
		},
		{Key: "news", Subject: "News", Category: "news", HTML: `<p>{{with .Props.Word}}{{slice . 0 2}}{{end}} <a href="{{.UnsubscribeURL}}">off</a></p>`, Props: struct{ Word string }{}, Examples: map[string]any{"x": struct{ Word string }{"hello"}}},
	}
	renderer, err := email.Compile(defined)
	require.NoError(t, err)
	does := &activities.Activities{
		Store: o.store, Ingest: o.server.cfg.Ingest, Renderer: renderer, Registry: registry.New(defined),
		Config: activities.Config{From: "Acme <hello@acme.example>", PublicURL: o.server.cfg.PublicURL, TrackOpens: true, TrackClicks: true},
	}
	o.server.cfg.Registry, o.server.cfg.Renderer, o.server.cfg.Submit = defined, renderer, does.SubmitDirect
	return o
}

func (o *office) mail(body string, headers ...string) answer {
	c := call{method: "POST", url: "/v1/emails", key: o.keys[scopeIngest], body: body, headers: map[string]string{}}
	for i := 0; i+1 < len(headers); i += 2 {
		c.headers[headers[i]] = headers[i+1]
	}
	return o.do(c)
}

// I-15, I-20: a user id leads to nobody who only has it as an anonymous id or as an address.
func TestAUserIDIsNoOtherKey(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	o.server.cfg.Registry.Lists = []hogsend.List{{ID: "news", Name: "News"}}
	post := func(method, path, body string) answer {
		return o.do(call{method: method, url: path, key: o.keys[scopeIngest], body: body})
	}
	require.Equal(t, 202, post("POST", "/v1/events", `{"name":"seen","anonymousId":"browser-7","email":"eve@example.com"}`).status)
	for _, id := range []string{"browser-7", "eve@example.com", " ada", "ADA"} {
		require.Equal(t, 404, o.mail(`{"userId":"`+id+`","template":"shop/receipt"}`).status, id)
		require.Equal(t, 400, post("POST", "/v1/lists/news/subscribe", `{"userId":"`+id+`"}`).status, id)
	}
	require.Equal(t, 400, post("PUT", "/v1/contacts", `{"userId":"browser-7","lists":{"news":true}}`).status, "it has no address")
	require.Empty(t, o.rows(`select to_email from sends`))
	require.Empty(t, o.rows(`select email from preferences where categories <> '{}'`))
	id := o.rows(`select contact_id::text from contact_keys where kind = 'user' and key = 'ada'`)[0]
	require.Equal(t, 202, o.mail(`{"userId":"`+id+`","template":"shop/receipt"}`).status, "a contact's own id does as well")
}

// R-10, E-9: to whom a mail goes, and what is answered.
func TestMailsAreHandedIn(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	for name, tt := range map[string]struct {
		body   string
		status int
		want   string
		row    string // to, contact, category, status; the newest
	}{
		"to a contact":              {`{"userId": "ada", "template": "shop/receipt", "props": {"amount": 4}}`, 202, `{"emailSendId":"<uuid>","status":"queued"}`, "ada@example.com ada transactional queued"},
		"to an address of one":      {`{"to": "ADA@example.com", "template": "shop/receipt"}`, 202, `{"emailSendId":"<uuid>","status":"queued"}`, "ada@example.com ada transactional queued"},
		"to another address of one": {`{"to": "ada@work.example", "userId": "ada", "template": "shop/receipt"}`, 202, `{"emailSendId":"<uuid>","status":"queued"}`, "ada@work.example ada transactional queued"},
		"to somebody new":           {`{"to": "new@example.com", "template": "shop/receipt"}`, 202, `{"emailSendId":"<uuid>","status":"queued"}`, "new@example.com - transactional queued"},
		"of a category":             {`{"userId": "ada", "template": "news", "category": "offers"}`, 202, `{"emailSendId":"<uuid>","status":"queued"}`, "ada@example.com ada offers queued"},
		"nobody":                    {`{"template": "shop/receipt"}`, 400, `"to or userId required"`, ""},
		"a stranger":                {`{"userId": "eve", "template": "shop/receipt"}`, 404, `"Contact not found"`, ""},
		"a junk id":                 {`{"userId": "undefined", "template": "shop/receipt"}`, 400, `"path":"userId"`, ""},
		"a bad address":             {`{"to": "nobody", "template": "shop/receipt"}`, 400, `"path":"to"`, ""},
		"no template":               {`{"userId": "ada"}`, 400, `"path":"template"`, ""},
		"a misspelt template":       {`{"userId": "ada", "template": "shop/reciept"}`, 400, `did you mean`, ""},
		"props that do not fit":     {`{"userId": "ada", "template": "shop/receipt", "props": {"amuont": 4}}`, 400, `"path":"props"`, ""},
		"props that are none":       {`{"userId": "ada", "template": "shop/receipt", "props": [4]}`, 400, `"path":"props"`, ""},
		"too many props":            {`{"userId": "ada", "template": "shop/receipt", "props": {"payUrl": "` + strings.Repeat("x", 65<<10) + `"}}`, 400, `"path":"props"`, ""},
		"a sender that may not":     {`{"userId": "ada", "template": "shop/receipt", "from": "x@evil.example"}`, 400, `"path":"from"`, ""},
		"no mailbox":                {`{"userId": "ada", "template": "shop/receipt", "replyTo": "a@b.example, c@d.example"}`, 400, `"path":"replyTo"`, ""},
	} {
		o.exec(`delete from sends`)
		a := o.mail(tt.body)
		require.Equal(t, tt.status, a.status, "%s: %s", name, a.body)
		if tt.status == 202 {
			require.JSONEq(t, tt.want, a.plain(t), name)
			require.Equal(t, []string{tt.row}, o.rows(`select concat_ws(' ', s.to_email, coalesce(c.external_id, '-'), s.category, s.status) from sends s left join contacts c on c.id = s.contact_id`), name)
			require.Equal(t, []string{"t"}, o.rows(`select exists (select from outbox where key = 'send/' || (select id from sends)::text)::text::char`), name)
			continue
		}
		require.Contains(t, a.body, tt.want, name)
		require.Equal(t, []string{"0"}, o.rows(`select count(*)::text from sends`), name)
	}
	require.Equal(t, []string{"ada@example.com"}, o.rows(`select email from contacts where external_id = 'ada'`)) // E-9: not written to the contact
	o.exec(`update contacts set email = null, email_key = null where external_id = 'ada'`)
	a := o.mail(`{"userId": "ada", "template": "shop/receipt"}`)
	require.Equal(t, 400, a.status)
	require.Contains(t, a.body, "no e-mail address")
}

// R-10, E-13, E-15: what the gate refuses is answered, and kept.
func TestMailsThatAreRefusedAreAnswered(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	record := func(columns string) {
		o.exec(`delete from sends`)
		o.exec(`update preferences set unsubscribed_all = false, suppressed = false, suppression_reason = null, categories = '{}'`)
		o.exec(`update preferences set ` + columns)
	}
	require.Equal(t, 202, o.mail(`{"userId": "ada", "template": "news"}`).status) // makes the record
	for _, tt := range []struct{ columns, body, want string }{
		{"unsubscribed_all = true", `{"userId": "ada", "template": "news"}`, `{"emailSendId":"<uuid>","status":"unsubscribed","reason":"unsubscribed_all"}`},
		{`categories = '{"news": false}'`, `{"userId": "ada", "template": "news"}`, `{"emailSendId":"<uuid>","status":"unsubscribed","reason":"category_opt_out"}`},
		{"unsubscribed_all = true", `{"userId": "ada", "template": "news", "skipPreferenceCheck": true}`, `{"emailSendId":"<uuid>","status":"queued"}`},
		{"unsubscribed_all = true", `{"userId": "ada", "template": "shop/receipt"}`, `{"emailSendId":"<uuid>","status":"queued"}`}, // E-16
		{"suppressed = true, suppression_reason = 'bounce'", `{"userId": "ada", "template": "shop/receipt", "skipPreferenceCheck": true}`, `{"emailSendId":"<uuid>","status":"suppressed","reason":"bounce"}`},
	} {
		record(tt.columns)
		a := o.mail(tt.body)
		require.Equal(t, 202, a.status, a.body)
		require.JSONEq(t, tt.want, a.plain(t))
		require.Equal(t, []string{"1"}, o.rows(`select count(*)::text from sends`))
	}
}

// R-10, H-11, E-28: a key is one mail, whoever asks how often, and the first reply comes again.
func TestAKeyIsOneMail(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	var group sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		group.Go(func() {
			answers[i] = o.mail(`{"userId": "ada", "template": "shop/receipt", "idempotencyKey": "body"}`, "Idempotency-Key", "order-1")
		})
	}
	group.Wait()
	for _, a := range answers {
		require.Equal(t, 202, a.status, a.body)
		require.Equal(t, answers[0].body, a.body)
	}
	require.Equal(t, []string{"1 t"}, o.rows(`select count(*) || ' ' || bool_and(key = 'api:' || id)::text::char from sends`))
	o.exec(`update sends set status = 'clicked', sent_at = now()`)
	o.exec(`update contacts set email = null, email_key = null`)
	require.Equal(t, answers[0].body, o.mail(`{"to": "x@example.com", "template": "news"}`, "Idempotency-Key", "order-1").body) // whatever else it says
	require.NotEqual(t, answers[0].body, o.mail(`{"to": "x@example.com", "template": "news", "idempotencyKey": "body"}`).body)
	require.Equal(t, 400, o.mail(`{"to": "x@example.com", "template": "news"}`, "Idempotency-Key", strings.Repeat("k", 256)).status)
}

func (o *office) resend(id string) answer {
	return o.do(call{method: "POST", url: "/v1/admin/emails/" + id + "/resend", key: o.keys[scopeJourneyAdmin]})
}

// R-82, E-74: a mail that failed or came back is sent anew, by the whole gate; asking twice is one mail.
func TestAMailIsSentAgain(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	require.Equal(t, 202, o.mail(`{"userId": "ada", "template": "shop/receipt", "props": {"amount": 41}, "category": "bills"}`).status)
	id := o.rows(`select id::text from sends`)[0]
	require.Equal(t, 409, o.resend(id).status) // queued
	o.exec(`update sends set status = 'failed', reason = 'unknown_outcome'`)
	var group sync.WaitGroup
	answers := make([]answer, 6)
	for i := range answers {
		group.Go(func() { answers[i] = o.resend(id) })
	}
	group.Wait()
	for _, a := range answers {
		require.Equal(t, 202, a.status, a.body)
		require.Equal(t, answers[0].body, a.body)
		require.JSONEq(t, `{"emailId":"<uuid>","status":"queued"}`, a.plain(t))
	}
	require.Equal(t, []string{"failed f f", "queued t t"}, o.rows(`select concat_ws(' ', status, (key = 'resend:' || $1 || ':1')::text::char, (key <> 'x' and html like '%41%' and html like '%/v1/t/o/%' and category = 'bills' and id::text <> $1)::text::char) from sends order by created_at`, id)[:2])
	require.Equal(t, []string{"emails.resend " + id}, o.rows(`select distinct action || ' ' || resource_id from audit_logs where action like 'emails%'`))
	o.exec(`update sends set status = 'bounced' where key like 'resend:%'`)
	again := o.rows(`select id::text from sends where key like 'resend:%'`)[0]
	require.Equal(t, 202, o.resend(again).status) // one after another, by the first
	require.Equal(t, []string{"resend:" + id + ":1", "resend:" + id + ":2"}, o.rows(`select key from sends where key like 'resend:%' order by key`))

	o.exec(`update sends set status = 'failed'`)
	o.exec(`update preferences set suppressed = true, suppression_reason = 'bounce'`)
	a := o.resend(id)
	require.Equal(t, 409, a.status)
	require.Contains(t, a.body, "Address is suppressed")
	o.exec(`update preferences set suppressed = false, suppression_reason = null`)
	o.exec(`update sends set html = '', text = '', props = null where id::text = $1`, id)
	require.Equal(t, 409, o.resend(id).status)
	o.exec(`update sends set props = '{}', template_key = 'gone' where id::text = $1`, id)
	require.Equal(t, 409, o.resend(id).status)
	require.Equal(t, 404, o.resend(uuid.NewString()).status)
	o.exec(`update sends set status = 'suppressed' where id::text = $1`, id) // E-17
	require.Equal(t, 409, o.resend(id).status)
}

func (o *office) preview(key, query string) answer {
	return o.do(call{method: "GET", url: "/v1/admin/templates/" + url.PathEscape(key) + "/preview" + query, key: o.keys[scopeRead]})
}

// E-7: every template has a preview, with samples, its example and what is given.
func TestTemplatesAreLookedAt(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	a := o.do(call{method: "GET", url: "/v1/admin/templates", key: o.keys[scopeRead]})
	require.JSONEq(t, `{"templates":[{"key":"news","defaultSubject":"News","category":"news","hasPreview":true},
		{"key":"shop/receipt","defaultSubject":"Receipt for {{.Name}}","category":"transactional","hasPreview":true}]}`, a.body)
	for _, key := range o.server.cfg.Renderer.Keys() {
		require.Equal(t, 200, o.preview(key, "").status, key)
	}
	var shown struct{ Key, Subject, Category, Preview, HTML, Text string }
	require.NoError(t, json.Unmarshal([]byte(o.preview("shop/receipt", "").body), &shown))
	require.Equal(t, []string{"shop/receipt", "Receipt for Ada", "transactional", "You paid 7"}, []string{shown.Key, shown.Subject, shown.Category, shown.Preview})
	require.NotContains(t, shown.HTML, "/v1/t/")
	for _, encode := range []func([]byte) string{base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString} {
		given := url.QueryEscape(encode([]byte(`{"amount": 12, "items": [{"title": "a>b??"}]}`)))
		require.NoError(t, json.Unmarshal([]byte(o.preview("shop/receipt", "?props="+given).body), &shown))
		require.Contains(t, shown.HTML, "a&gt;b??")
		require.Equal(t, "You paid 12", shown.Preview)
		html := o.preview("shop/receipt", "?format=html&props="+given)
		require.Equal(t, shown.HTML, html.body)
		require.Equal(t, "text/html; charset=utf-8", html.header.Get("Content-Type"))
		require.Contains(t, html.header.Get("Content-Security-Policy"), "sandbox;")
		text := o.preview("shop/receipt", "?format=text&props="+given)
		require.Equal(t, shown.Text, text.body)
		require.Equal(t, "text/plain; charset=utf-8", text.header.Get("Content-Type"))
	}
	require.Equal(t, 404, o.preview("gone", "").status)
	for query, status := range map[string]int{
		"?props=%21": 400, "?props=" + base64.URLEncoding.EncodeToString([]byte(`[1]`)): 400, "?props=" + base64.URLEncoding.EncodeToString([]byte(`{"amuont":1}`)): 400, "?format=pdf": 400,
	} {
		require.Equal(t, status, o.preview("shop/receipt", query).status, query)
	}
	a = o.preview("news", "?props="+base64.URLEncoding.EncodeToString([]byte(`{"Word":"x"}`))) // E-6
	require.Equal(t, 422, a.status)
	require.Contains(t, a.body, `"path":"HTML"`)
	require.Equal(t, []string{"0"}, o.rows(`select count(*)::text from sends`))
}

// R-85, E-9, E-15: a test is a real mail, to an address that is nobody's, past opt-outs but
// not to a suppressed one; it is in no figure.
func TestATestIsARealMail(t *testing.T) {
	t.Parallel()
	o := newMailOffice(t)
	test := func(key, body string) answer {
		return o.do(call{method: "POST", url: "/v1/admin/templates/" + url.PathEscape(key) + "/send-test", key: o.keys[scopeJourneyAdmin], body: body})
	}
	a := test("shop/receipt", `{"to": "me@acme.example", "props": {"amount": 99}}`)
	require.Equal(t, 202, a.status, a.body)
	require.JSONEq(t, `{"emailSendId":"<uuid>","status":"queued"}`, a.plain(t))
	require.Equal(t, []string{"t"}, o.rows(`select (test and contact_id is null and key = 'test:' || id and html like '%99%' and html like '%/v1/t/o/%' and to_email = 'me@acme.example')::text::char from sends`))
	require.Equal(t, []string{"1"}, o.rows(`select count(*)::text from contacts`))
	require.Equal(t, []string{"templates.send_test shop/receipt"}, o.rows(`select action || ' ' || resource_id from audit_logs where action like 'templates%'`))
	o.exec(`update preferences set unsubscribed_all = true`)
	require.Contains(t, test("news", `{"to": "me@acme.example"}`).body, `"status":"queued"`)
	o.exec(`update preferences set suppressed = true, suppression_reason = 'complaint'`)
	require.JSONEq(t, `{"emailSendId":"<uuid>","status":"suppressed","reason":"complaint"}`, test("news", `{"to": "me@acme.example"}`).plain(t))
	require.Equal(t, 404, test("gone", `{"to": "me@acme.example"}`).status)
	for _, body := range []string{`{}`, `{"to": "nobody"}`, `{"to": "me@acme.example", "props": {"amuont": 1}}`} {
		require.Equal(t, 400, test("shop/receipt", body).status, body)
	}
}
