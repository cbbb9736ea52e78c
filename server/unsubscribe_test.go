package server

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
)

const tokenSecret = "tests-tests-tests-tests-tests-tests"

// office is a server with lists, tokens and one contact whose record is there.
type office struct {
	*bundle
	signer *email.Signer
	record string
}

func lists() []hogsend.List {
	return []hogsend.List{
		{ID: "news", Name: "Monthly <b>news</b>", Description: "What is new", DefaultOptIn: true},
		{ID: "beta", Name: "Beta tests"},
	}
}

func newOffice(t *testing.T) *office {
	t.Helper()
	signer, err := email.NewSigner(tokenSecret, nil)
	require.NoError(t, err)
	o := &office{signer: signer, bundle: setup(t, func(c *Config) {
		c.Tokens, c.Registry.Lists, c.Registry.Pages = signer, lists(), hogsend.Pages{Name: "Acme & Co"}
	})}
	_, err = o.server.cfg.Ingest.Ingest(t.Context(), ingest.Event{Name: "signed_up", UserID: "ada", Email: "ada@example.com"})
	require.NoError(t, err)
	contact, ok, err := o.store.ContactFind(t.Context(), "ada")
	require.NoError(t, err)
	require.True(t, ok)
	record, err := o.store.PreferenceRecord(t.Context(), "ada@example.com", &contact.ID)
	require.NoError(t, err)
	o.record = record.ID.String()
	return o
}

func (o *office) token(action email.Action, category string) string {
	o.t.Helper()
	t := email.Token{Recipient: o.record, Action: action, Category: category, Send: "9a1e6c34-0c57-4b0f-93a6-5b6e8d7f0a12"}
	if action != email.Unsubscribe {
		t.Expires = o.clock().Add(email.ActionLifetime).Unix()
	}
	text, err := o.signer.Sign(t)
	require.NoError(o.t, err)
	return text
}

func (o *office) get(path, token string) answer {
	return o.do(call{method: "GET", url: path + "?token=" + url.QueryEscape(token)})
}

// post sends what a browser or a mail program sends.
func (o *office) post(path, token, body string) answer {
	headers := map[string]string{}
	if body != "" {
		headers["Content-Type"] = "application/x-www-form-urlencoded"
	}
	return o.do(call{method: "POST", url: path + "?token=" + url.QueryEscape(token), body: body, headers: headers})
}

const (
	unsubscribePath = "/v1/email/unsubscribe"
	preferencesPath = "/v1/email/preferences"
)

// state is the record and the events, in words.
func (o *office) state() (record string, events []string) {
	o.t.Helper()
	all := o.rows(`select unsubscribed_all::text || ' ' || categories::text || ' ' || suppressed::text from preferences where id = $1`, o.record)
	require.Len(o.t, all, 1)
	return all[0], o.rows(`select name || ' ' || coalesce(properties->>'category', 'all') || ' ' || (properties->>'via') from events where name like 'email.%' order by received_at, id`)
}

// E-53, E-56, E-57: what each token does, once.
func TestTokensDecide(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare  string
		action   email.Action
		category string
		record   string
		events   []string
	}{
		"everything off":              {action: email.Unsubscribe, record: `true {} false`, events: []string{"email.unsubscribed all page"}},
		"a list off":                  {action: email.Unsubscribe, category: "news", record: `false {"news": false} false`, events: []string{"email.unsubscribed news page"}},
		"a list that is no more":      {action: email.Unsubscribe, category: "old", record: `false {"old": false} false`, events: []string{"email.unsubscribed old page"}},
		"everything on":               {prepare: `unsubscribed_all = true`, action: email.Resubscribe, record: `false {} false`, events: []string{"email.resubscribed all page"}},
		"a list on":                   {prepare: `categories = '{"news": false}'`, action: email.Resubscribe, category: "news", record: `false {"news": true} false`, events: []string{"email.resubscribed news page"}},
		"a list on of nothing":        {prepare: `unsubscribed_all = true`, action: email.Resubscribe, category: "beta", record: `false {"beta": true, "news": false, "journey": false} false`, events: []string{"email.resubscribed beta page"}},
		"a suppression is not lifted": {prepare: `unsubscribed_all = true, suppressed = true, suppression_reason = 'complaint'`, action: email.Resubscribe, record: `false {} true`, events: []string{"email.resubscribed all page"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			if test.prepare != "" {
				_, err := o.store.Pool.Exec(t.Context(), `update preferences set `+test.prepare)
				require.NoError(t, err)
			}
			for range 3 {
				a := o.post(unsubscribePath, o.token(test.action, test.category), "")
				require.Equal(t, 200, a.status, a.body)
				record, events := o.state()
				require.Equal(t, test.record, record)
				require.Equal(t, test.events, events)
			}
			require.Equal(t, []string{"9a1e6c34-0c57-4b0f-93a6-5b6e8d7f0a12"}, o.rows(`select properties->>'emailSendId' from events where name like 'email.%'`))
		})
	}
}

// E-55: links that are followed by a scanner change nothing.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	everything := `select md5(string_agg(x::text, '|')) from (select to_jsonb(p) as x from preferences p union all select to_jsonb(e) from events e union all select to_jsonb(o) from outbox o) t`
	before := o.rows(everything)
	for range 20 {
		for _, method := range []string{"GET", "HEAD"} {
			for _, at := range []struct{ path, token string }{
				{unsubscribePath, o.token(email.Unsubscribe, "")},
				{unsubscribePath, o.token(email.Unsubscribe, "news")},
				{unsubscribePath, o.token(email.Resubscribe, "")},
				{preferencesPath, o.token(email.Manage, "")},
				{preferencesPath, o.token(email.Unsubscribe, "")},
			} {
				a := o.do(call{method: method, url: at.path + "?token=" + url.QueryEscape(at.token)})
				require.Equal(t, 200, a.status)
				require.Equal(t, "no-store", a.header.Get("Cache-Control"))
				require.Contains(t, a.header.Get("X-Robots-Tag"), "noindex")
				require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
			}
		}
	}
	require.Equal(t, before, o.rows(everything))
}

// R-26, E-56, RFC 8058: one click of a mail program, in every encoding, from anywhere.
func TestOneClick(t *testing.T) {
	t.Parallel()
	var parts bytes.Buffer
	w := multipart.NewWriter(&parts)
	require.NoError(t, w.WriteField("List-Unsubscribe", "One-Click"))
	require.NoError(t, w.Close())
	for name, test := range map[string]struct{ kind, body, via string }{
		"form":      {"application/x-www-form-urlencoded", "List-Unsubscribe=One-Click", "one_click"},
		"multipart": {w.FormDataContentType(), parts.String(), "one_click"},
		"nothing":   {"", "", "page"},
		"rubbish":   {"application/x-www-form-urlencoded", "%zz&&=", "page"},
		"JSON":      {"application/json", `{"a":` + strings.Repeat(" ", 60<<10) + `1}`, "page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			a := o.do(call{
				method: "POST", url: unsubscribePath + "?token=" + url.QueryEscape(o.token(email.Unsubscribe, "")), body: test.body,
				headers: map[string]string{"Content-Type": test.kind, "Origin": "https://evil.example"},
			})
			require.Equal(t, 200, a.status, a.body)
			record, events := o.state()
			require.Equal(t, `true {} false`, record)
			require.Equal(t, []string{"email.unsubscribed all " + test.via}, events)
		})
	}
	o := newOffice(t)
	a := o.post(unsubscribePath, o.token(email.Unsubscribe, ""), "a="+strings.Repeat("x", 65<<10))
	require.Equal(t, 413, a.status)
	record, _ := o.state()
	require.Equal(t, `false {} false`, record)
}

// E-56, E-75: an address without a contact, and a contact that is deleted, are free of
// mails all the same; nobody is told.
func TestUnsubscribingNeedsNoContact(t *testing.T) {
	t.Parallel()
	for _, prepare := range []string{
		`update preferences set contact_id = null`,
		`update contacts set deleted_at = now()`,
		`update preferences set contact_id = gen_random_uuid()`,
	} {
		o := newOffice(t)
		_, err := o.store.Pool.Exec(t.Context(), prepare)
		require.NoError(t, err)
		require.Equal(t, 200, o.post(unsubscribePath, o.token(email.Unsubscribe, ""), "").status)
		record, events := o.state()
		require.Equal(t, `true {} false`, record, prepare)
		require.Empty(t, events)
	}
}

// E-52: what is not valid is a page that says so and no more; the log has the reason.
func TestTokensThatAreNotValid(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other, err := email.NewSigner("another installation's secret 0123456", nil)
	require.NoError(t, err)
	stranger, err := other.Sign(email.Token{Recipient: o.record, Action: email.Unsubscribe})
	require.NoError(t, err)
	unknown, err := o.signer.Sign(email.Token{Recipient: uuid.NewString(), Action: email.Unsubscribe})
	require.NoError(t, err)
	noID, err := o.signer.Sign(email.Token{Recipient: "1", Action: email.Unsubscribe})
	require.NoError(t, err)
	expired, err := o.signer.Sign(email.Token{Recipient: o.record, Action: email.Manage, Expires: o.clock().Add(-time.Second).Unix()})
	require.NoError(t, err)
	for token, reason := range map[string]string{
		"": "Malformed token", "abc": "Malformed token", stranger: "Invalid token signature", o.token(email.Unsubscribe, "") + "A": "Invalid token signature",
		expired: "Token has expired", o.token(email.Unsubscribe, "a b"): "Malformed category", unknown: "Unknown recipient", noID: "Unknown recipient",
	} {
		for _, at := range []struct{ method, path string }{{"GET", unsubscribePath}, {"POST", unsubscribePath}, {"GET", preferencesPath}, {"POST", preferencesPath}} {
			a := o.do(call{method: at.method, url: at.path + "?token=" + url.QueryEscape(token)})
			require.Equal(t, 400, a.status)
			require.Contains(t, a.body, "This link is no longer valid")
			require.NotContains(t, a.body, reason)
		}
		require.Contains(t, o.logs.String(), reason)
	}
	require.NotContains(t, o.logs.String(), stranger)
	require.Equal(t, 400, o.get(unsubscribePath, o.token(email.Manage, "")).status)
	require.Equal(t, 400, o.post(unsubscribePath, o.token(email.Manage, ""), "").status)
	record, events := o.state()
	require.Equal(t, `false {} false`, record)
	require.Empty(t, events)

	o.server.cfg.Tokens = nil // without a key nobody gets in
	require.Equal(t, 400, o.get(unsubscribePath, o.token(email.Unsubscribe, "")).status)
}

// E-54: the result offers the other scope, all choices and the way back, as links that work.
func TestResultsLeadOn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.post(unsubscribePath, o.token(email.Unsubscribe, "news"), "")
	require.Contains(t, a.body, "a•••@example.com")
	require.NotContains(t, a.body, "ada@example.com")
	links := hrefs(t, a.body)
	require.Len(t, links, 3)
	for _, link := range links {
		require.Equal(t, 200, o.do(call{method: "GET", url: link}).status, link)
	}
	require.Equal(t, 200, o.do(call{method: "POST", url: links[0]}).status)
	record, _ := o.state()
	require.Equal(t, `true {"news": false} false`, record)
	require.Equal(t, 200, o.do(call{method: "POST", url: links[2]}).status)
	record, events := o.state()
	require.Equal(t, `false {"beta": false, "news": true, "journey": false} false`, record)
	require.Equal(t, []string{"email.unsubscribed news page", "email.unsubscribed all page", "email.resubscribed news page"}, events)
}

// R-28, E-58: rows, in order, on by their rule; what is posted is the new state.
func TestPreferencePage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.store.Pool.Exec(t.Context(), `update preferences set categories = '{"zeta<script>": false, "transactional": false, "alpha": true}', email = '<script>@x.io'`)
	require.NoError(t, err)
	a := o.get(preferencesPath, o.token(email.Manage, ""))
	require.Equal(t, 200, a.status)
	require.Equal(t, []string{"category.journey on", "category.news on", "category.beta off", "category.alpha on", "category.zeta<script> off", "all on"}, boxes(t, a.body))
	require.NotContains(t, a.body, "<script>")
	require.NotContains(t, a.body, "<b>news")
	require.Contains(t, a.body, "&lt;•••@x.io")

	token := o.token(email.Manage, "")
	post := func(body string) []string {
		a := o.post(preferencesPath, token, body)
		require.Equal(t, 200, a.status, a.body)
		require.Contains(t, a.body, "Your choice is saved.")
		return boxes(t, a.body)
	}
	rows := []string{"category.journey on", "category.news off", "category.beta on", "category.alpha on", "category.zeta<script> off", "all on"}
	require.Equal(t, rows, post("category.news=off&category.beta=off&category.beta=on&category.transactional=on&category.nope=on&x=y"))
	require.Equal(t, rows, post("all=off&all=on&category.journey=maybe"))
	_, events := o.state()
	require.Equal(t, []string{"email.resubscribed beta page", "email.unsubscribed news page"}, events)

	off := post("all=off")
	require.NotContains(t, strings.Join(off, ","), " on")
	require.Equal(t, off, post("category.journey=off&category.news=off&category.beta=off&all=off"), "a page that is saved as it is changes nothing")
	require.Equal(t, rows, post("all=on"))
	require.Equal(t, 413, o.post(preferencesPath, token, "a="+strings.Repeat("x", 65<<10)).status)
	a = o.do(call{method: "POST", url: preferencesPath, body: "all=off&token=" + url.QueryEscape(token), headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	require.Equal(t, 200, a.status)
	record, _ := o.state()
	require.Contains(t, record, "true {")
}

// E-57: of many clicks at once one is told.
func TestManyClicksAtOnceAreOneChoice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var group sync.WaitGroup
	statuses := make([]int, 12)
	for i := range statuses {
		category := []string{"", "news"}[i%2]
		token := o.token(email.Unsubscribe, category)
		group.Go(func() { statuses[i] = o.post(unsubscribePath, token, "").status })
	}
	group.Wait()
	for _, status := range statuses {
		require.Equal(t, 200, status)
	}
	record, events := o.state()
	require.Equal(t, `true {"news": false} false`, record)
	require.Contains(t, events, "email.unsubscribed all page")
	require.LessOrEqual(t, len(events), 2, "once each at most: whoever is off everything is not told of a list")
}

// E-57: journeys hear it: an exit rule and a trigger.
func TestJourneysHearOfIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	heard := hogsend.Journey{ID: "farewell", Name: "Farewell", Trigger: hogsend.On("email.unsubscribed"), EntryLimit: hogsend.Unlimited, EnrollUnsubscribed: true, Run: nothing}
	ingester := ingest.New(o.store, ingest.Config{Journeys: []hogsend.Journey{heard}})
	t.Cleanup(ingester.Close)
	o.server.cfg.Ingest = ingester
	require.Equal(t, 200, o.post(unsubscribePath, o.token(email.Unsubscribe, ""), "").status)
	require.Equal(t, []string{"farewell"}, o.rows(`select journey_id from enrollments`))
	require.Equal(t, []string{"start"}, o.rows(`select kind from outbox`))
}

// E-59, R-7 to R-9: lists over HTTP.
func TestLists(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	key := o.keys[scopeIngest]
	o.play([]scenario{
		{
			name: "in the order of definition", call: call{method: "GET", url: "/v1/lists", key: o.keys[scopeRead]}, status: 200,
			want: `{"lists":[{"id":"news","name":"Monthly <b>news</b>","description":"What is new","defaultOptIn":true,"kind":"topic"},{"id":"beta","name":"Beta tests","defaultOptIn":false,"kind":"topic"}]}`,
		},
		{name: "for an ingest key too", call: call{method: "GET", url: "/v1/lists", key: key}, status: 200},
		{name: "not without a key", call: call{method: "GET", url: "/v1/lists"}, status: 401},
		{
			name: "join", call: call{method: "POST", url: "/v1/lists/beta/subscribe", key: key, body: `{"userId":"ada"}`}, status: 200, want: `{"list":"beta","subscribed":true}`,
			sql: `select categories::text from preferences`, rows: []string{`{"beta": true}`},
		},
		{
			name: "join again", call: call{method: "POST", url: "/v1/lists/beta/subscribe", key: key, body: `{"email":" ADA@example.com"}`}, status: 200,
			sql: `select properties->>'via' from events where name = 'email.resubscribed'`, rows: []string{"api"},
		},
		{name: "leave", call: call{method: "POST", url: "/v1/lists/beta/unsubscribe", key: key, body: `{"userId":"ada","email":"ada@example.com"}`}, status: 200, want: `{"list":"beta","subscribed":false}`},
		{
			name: "an address that nobody has", call: call{method: "POST", url: "/v1/lists/news/unsubscribe", key: key, body: `{"email":"new@example.com"}`}, status: 200,
			sql: `select email from preferences where categories = '{"news": false}'`, rows: []string{"new@example.com"},
		},
		{name: "no such list", call: call{method: "POST", url: "/v1/lists/nope/subscribe", key: key, body: `{"userId":"ada"}`}, status: 404, want: `{"error":"List not found"}`},
		{name: "nobody", call: call{method: "POST", url: "/v1/lists/news/subscribe", key: key, body: `{}`}, status: 400, want: `{"error":"email or userId required"}`},
		{name: "no address", call: call{method: "POST", url: "/v1/lists/news/subscribe", key: key, body: `{"email":"nobody"}`}, status: 400},
		{
			name: "somebody unknown without an address", call: call{method: "POST", url: "/v1/lists/news/subscribe", key: key, body: `{"userId":"nobody"}`}, status: 400,
			want: `{"error":"Invalid request","details":[{"path":"lists","message":"the contact has no e-mail address"}]}`,
			sql:  `select external_id from contacts where external_id = 'nobody'`, rows: []string{},
		},
		{
			name: "somebody unknown is made", call: call{method: "POST", url: "/v1/lists/beta/subscribe", key: key, body: `{"userId":"bob","email":"Bob@example.com"}`}, status: 200, want: `{"list":"beta","subscribed":true}`,
			sql: `select c.external_id || ' ' || c.email || ' ' || p.categories::text from preferences p join contacts c on c.id = p.contact_id where c.external_id = 'bob'`, rows: []string{`bob Bob@example.com {"beta": true}`},
		},
		{name: "a long id", call: call{method: "POST", url: "/v1/lists/news/subscribe", key: key, body: `{"userId":"` + repeat(513) + `","email":"x@example.com"}`}, status: 400},
	})
}

// E-57, R-53: what an operator decides is told as well.
func TestOperatorsChoicesAreTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.do(call{method: "PATCH", url: "/v1/admin/contacts/ada/preferences", key: adminKey, body: `{"unsubscribedAll":true,"categories":{"news":true}}`})
	require.Equal(t, 200, a.status, a.body)
	_, events := o.state()
	require.Equal(t, []string{"email.unsubscribed all admin", "email.resubscribed news admin"}, events)
}

// Every page renders whatever there is to show, and none of it as markup.
func TestPagesRenderWithNothingAndWithEverything(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>{{.}}`
	full := pageView{
		Lang: evil, Sender: evil, Logo: "https://x.example/" + evil, Color: "#000000", OnColor: "#ffffff", Title: evil, Text: evil, Notice: evil, Action: "/x?" + evil, Button: evil,
		Rows: []pageRow{{Name: evil, Label: evil, Hint: evil, On: true, All: true}, {}}, Links: []pageLink{{"/" + evil, evil}, {}},
	}
	withoutRows := full
	withoutRows.Rows = nil
	for _, v := range []pageView{{}, full, withoutRows} {
		var b bytes.Buffer
		require.NoError(t, newPages().ExecuteTemplate(&b, "page", v))
		require.NotContains(t, b.String(), "<script")
		require.NotContains(t, b.String(), "ZgotmplZ")
		_, err := html.Parse(&b)
		require.NoError(t, err)
	}
}

// Texts, language and colors are the author's; what is written on a button can be read.
func TestPagesAreTheAuthors(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.server.cfg.Registry.Pages = hogsend.Pages{Name: "Zahnärzte", LogoURL: "https://x.example/l.png", Color: "#ffee00", Language: "de"}
	o.server.texts = pageTexts(hogsend.PageTexts{UnsubscribeTitle: "Abmelden", UnsubscribeList: "„{list}“ von {name} an {address} beenden?"})
	a := o.get(unsubscribePath, o.token(email.Unsubscribe, "news"))
	for _, want := range []string{`<html lang="de">`, "<title>Abmelden – Zahnärzte</title>", `src="https://x.example/l.png"`, "--accent: #ffee00", "--on-accent: #000000", "„Monthly &lt;b&gt;news&lt;/b&gt;“ von Zahnärzte an a•••@example.com beenden?"} {
		require.Contains(t, a.body, want)
	}
}

func TestAddressesAreMasked(t *testing.T) {
	t.Parallel() // E-58
	for address, want := range map[string]string{"ada@example.com": "a•••@example.com", "é@x.io": "é•••@x.io", `"a@b"@x.io`: `"•••@x.io`, "": "•••", "@x": "•••"} {
		require.Equal(t, want, masked(address))
	}
}

// hrefs are the links of a page.
func hrefs(t *testing.T, page string) []string {
	t.Helper()
	var links []string
	for _, m := range regexp.MustCompile(`<a href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		links = append(links, html.UnescapeString(m[1]))
	}
	return links
}

// boxes are the names of the checkboxes of a page with their state.
func boxes(t *testing.T, page string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var found []string
	for n := range doc.Descendants() {
		values := map[string]string{}
		for _, a := range n.Attr {
			values[a.Key] = a.Val + " "
		}
		if values["type"] == "checkbox " {
			state := "off"
			if values["checked"] != "" {
				state = "on"
			}
			found = append(found, values["name"]+state)
		}
	}
	return found
}
