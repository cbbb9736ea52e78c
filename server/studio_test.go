package server

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/users"
)

// open asks for a page as a browser does.
func (b *bundle) open(path, cookie string) answer {
	b.t.Helper()
	c := call{method: "GET", url: path, headers: map[string]string{}}
	if cookie != "" {
		c.headers["Cookie"] = cookie
	}
	return b.do(c)
}

// submit sends a form of a page.
func (b *bundle) submit(path, cookie string, fields url.Values, headers ...string) answer {
	b.t.Helper()
	c := call{method: "POST", url: path, body: fields.Encode(), headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": own}}
	if cookie != "" {
		c.headers["Cookie"] = cookie
	}
	for i := 0; i < len(headers); i += 2 {
		c.headers[headers[i]] = headers[i+1]
	}
	return b.do(c)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// words are the text of the main part of a page.
func (a answer) words(t *testing.T) string {
	t.Helper()
	_, rest, found := strings.Cut(a.body, "<main")
	require.True(t, found, a.body)
	main, _, _ := strings.Cut(rest, "</main>")
	return strings.Join(strings.Fields(tags.ReplaceAllString("<main"+main, " ")), " ")
}

// U-14, U-15: the first admin is made by the link, the second browser finds it closed.
func TestStudioSetup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, "/studio/", b.open("/", "").header.Get("Location"))
	require.Equal(t, "/studio/", b.open("/studio", "").header.Get("Location"))
	require.Equal(t, "/studio/setup", b.open("/studio/contacts", "").header.Get("Location"))
	require.Contains(t, b.open("/studio/setup", "").words(t), "Open the setup link that the server printed")
	token, err := b.server.users.SetupToken(t.Context())
	require.NoError(t, err)
	cookie, _, _ := strings.Cut(b.open("/v1/auth/setup?token="+token, "").header.Get("Set-Cookie"), ";")
	require.Contains(t, b.open("/studio/setup", cookie).words(t), "Make the first admin")
	form := url.Values{"name": {"Eve"}, "email": {"eve@example.com"}, "password": {"short"}}
	a := b.submit("/studio/setup", cookie, form)
	require.Equal(t, 422, a.status)
	require.Contains(t, a.words(t), "Password must have at least 8 characters.")
	form.Set("password", password)
	require.Equal(t, 403, b.submit("/studio/setup", cookie, form, "Origin", "https://evil.example").status)
	a = b.submit("/studio/setup", cookie, form)
	require.Equal(t, 303, a.status)
	session, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	require.Equal(t, 200, b.open("/studio/contacts", session).status)
	require.Equal(t, 404, b.open("/studio/setup", cookie).status)
	require.Equal(t, 404, b.submit("/studio/setup", cookie, form).status)
	require.Equal(t, "/studio/sign-in?next=%2Fstudio%2Fcontacts%3Fsearch%3Da", b.open("/studio/contacts?search=a", "").header.Get("Location"))
}

// U-14: one text for both, next leads nowhere else, signing out holds at once.
func TestStudioSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.user(users.Admin)
	form := func(email, password, next string) url.Values {
		return url.Values{"email": {email}, "password": {password}, "next": {next}, "remember": {"on"}}
	}
	wrong, unknown := b.submit("/studio/sign-in", "", form("admin@example.com", "not the password", "")), b.submit("/studio/sign-in", "", form("nobody@example.com", password, ""))
	require.Equal(t, 401, wrong.status)
	require.Equal(t, 401, unknown.status)
	require.Equal(t, wrong.words(t), unknown.words(t))
	for next, want := range map[string]string{
		"https://evil.example": "/studio/", "//evil.example/studio/": "/studio/", "/studio/mails?to=a": "/studio/mails?to=a", "/\\evil.example": "/studio/", "/v1/health": "/studio/",
	} {
		a := b.submit("/studio/sign-in", "", form("admin@example.com", password, next))
		require.Equal(t, 303, a.status)
		require.Equal(t, want, a.header.Get("Location"), next)
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	}
	a := b.submit("/studio/sign-in", "", form("admin@example.com", password, ""))
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	a = b.submit("/studio/sign-out", cookie, nil)
	require.Equal(t, `"cache", "storage"`, a.header.Get("Clear-Site-Data"))
	require.Equal(t, 303, b.open("/studio/contacts", cookie).status)
	for range 10 {
		a = b.submit("/studio/sign-in", "", form("admin@example.com", "not the password", ""))
	}
	require.Equal(t, 429, a.status)
	require.Regexp(t, `Too many attempts. Try again in \d+ s.`, a.words(t))
}

// U-49, U-54: nothing on a page runs but our script, and nobody keeps it.
func TestStudioHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Admin)
	a := b.open("/studio/contacts", cookie)
	require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'")
	require.Equal(t, "same-origin", a.header.Get("Referrer-Policy"))
	require.Equal(t, "DENY", a.header.Get("X-Frame-Options"))
	require.Equal(t, "same-origin", a.header.Get("Cross-Origin-Opener-Policy"))
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	css := regexp.MustCompile(`/studio/assets/[0-9a-f]{12}/studio.css`).FindString(a.body)
	require.Equal(t, "public, max-age=31536000, immutable", b.open(css, "").header.Get("Cache-Control"))
	require.Equal(t, 404, b.open("/studio/nowhere", cookie).status)
	b.people()
	for _, c := range b.rows("select id::text from contacts") {
		require.Contains(t, b.open("/studio/contacts/"+c, cookie).body, "<title>Contact · hogsend</title>")
	}
	require.NotContains(t, b.logs.String(), "example.com")
}

// Every page and action with every role.
func TestStudioRoles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	cookies := map[users.Role]string{users.Viewer: b.user(users.Viewer), users.Operator: b.user(users.Operator), users.Admin: b.user(users.Admin)}
	for path, least := range map[string]users.Role{
		"GET /studio/contacts": users.Viewer, "GET /studio/mails": users.Viewer, "GET /studio/events": users.Viewer, "GET /studio/journeys": users.Viewer,
		"GET /studio/journeys/trial-nudge": users.Viewer, "GET /studio/profile": users.Viewer,
		"GET /studio/": users.Viewer, "GET /studio/health": users.Viewer, "GET /studio/buckets": users.Viewer, "GET /studio/lists": users.Viewer, "GET /studio/suppressions": users.Viewer,
		"GET /studio/journeys/trial-nudge/people": users.Viewer, "GET /studio/journeys/trial-nudge/retry": users.Operator, "POST /studio/journeys/trial-nudge/retry": users.Operator,
		"POST /studio/suppressions": users.Operator, "GET /studio/outbox": users.Admin, "GET /studio/dead-letters": users.Admin, "POST /studio/dead-letters/retry": users.Admin,
		"GET /studio/keys": users.Admin, "POST /studio/keys": users.Admin,
		"GET /studio/journeys/trial-nudge/pause": users.Operator, "POST /studio/journeys/trial-nudge/pause": users.Operator,
		"GET /studio/journeys/trial-nudge/resume": users.Operator, "POST /studio/journeys/trial-nudge/resume": users.Operator,
		"GET /studio/users": users.Admin, "POST /studio/users": users.Admin, "GET /studio/audit": users.Admin,
	} {
		method, target, _ := strings.Cut(path, " ")
		for role, cookie := range cookies {
			a := b.open(target, cookie)
			if method == "POST" {
				a = b.submit(target, cookie, url.Values{"choice": {map[bool]string{true: "hold", false: "catch_up"}[strings.HasSuffix(target, "/pause")]}})
			}
			refused := least == users.Admin && role != users.Admin || least == users.Operator && role == users.Viewer
			require.Equal(t, refused, a.status == 403, "%s as %s: %d", path, role, a.status)
			require.Less(t, a.status, 500, "%s as %s", path, role)
		}
		require.Equal(t, 303, b.open(target, "").status, path)
	}
	before := b.rows("select count(*)::text from audit_logs where action = 'journeys.pause'")
	require.Equal(t, 403, b.submit("/studio/journeys/trial-nudge/pause", cookies[users.Admin], nil, "Origin", "https://evil.example").status) // U-48
	require.Equal(t, 403, b.submit("/studio/journeys/trial-nudge/pause", cookies[users.Admin], nil, "Origin", "").status)
	require.Equal(t, before, b.rows("select count(*)::text from audit_logs where action = 'journeys.pause'"))
	require.Contains(t, b.open("/studio/journeys/trial-nudge", cookies[users.Viewer]).words(t), "This needs the role operator.")
}

// sent makes a mail of a contact as it would stand.
func (b *bundle) sent(user, template, columns, values string) string {
	b.t.Helper()
	return b.rows(`insert into sends (id, key, contact_id, journey_id, template_key, status, to_email, subject, created_at, updated_at` + columns + `)
		select gen_random_uuid(), gen_random_uuid()::text, id, 'trial-nudge', '` + template + `', ` + values + ` from contacts where external_id = '` + user + `' returning id::text`)[0]
}

func welcome(c *Config) {
	c.Registry.Templates = []hogsend.Template{{Key: "welcome"}, {Key: "never"}}
	c.Enabled[0].Templates = []string{"welcome"}
}

// U-44: everything about a person, and why.
func TestStudioContact(t *testing.T) {
	t.Parallel()
	b := setup(t, welcome)
	b.people()
	cookie := b.user(users.Viewer)
	id := b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	page := "/studio/contacts/" + id
	words := b.open(page, cookie).words(t)
	for _, want := range []string{
		"Ada@example.com ✓ may get mail", "user_1 anon-1", "In journeys 1 Trial nudge", "plan pro", "Event trial.started from api", "Event app.active from api",
		"Decision Ada@example.com entered Trial nudge on", "time zone not known",
	} {
		require.Contains(t, words, want)
	}
	require.NotContains(t, b.open(page+"?show=events", cookie).words(t), "entered Trial nudge on")
	asked := func(who, about string) string { return b.open(who+"?about="+url.QueryEscape(about), cookie).words(t) }
	require.Contains(t, asked(page, "journey:trial-nudge"), "✓ Yes Did Ada@example.com get into Trial nudge? Ada@example.com is in Trial nudge since")
	require.Contains(t, asked(page, "mail:welcome"), "“welcome” has not come yet.")
	require.Contains(t, asked(page, "mail:never"), "– No Did Ada@example.com get the mail “never”? Ada@example.com was never sent “never”, and no journey of this build says that it sends it, nor did a campaign.")
	other := "/studio/contacts/" + b.rows("select id::text from contacts where external_id = '100%'")[0]
	require.Contains(t, asked(other, "journey:trial-nudge"), `but plan was &#34;free&#34; and Trial nudge asks for plan = &#34;pro&#34;.`)
	mail := b.sent("user_1", "welcome", ", reason", "'suppressed', 'ada@example.com', '', now(), now(), 'bounce'")
	require.Contains(t, asked(page, "mail:welcome"), "ada@example.com is blocked: an earlier mail to it came back for good.")
	require.Contains(t, asked(page, "mail:welcome"), "The mail")
	require.Contains(t, b.open("/studio/mails/"+mail, cookie).words(t), "It was refused before it was written.")
	for _, q := range []string{"ADA@example.com", "user_1", "anon-1", id} {
		require.Equal(t, page, b.open("/studio/find?q="+url.QueryEscape(q), cookie).header.Get("Location"), q)
	}
	require.Equal(t, "/studio/mails/"+mail, b.open("/studio/find?q="+mail, cookie).header.Get("Location"))
	require.Equal(t, "/studio/journeys/trial-nudge", b.open("/studio/find?q=trial-nudge", cookie).header.Get("Location"))
	require.Equal(t, 404, b.open("/studio/contacts/00000000-0000-4000-8000-000000000000", cookie).status)
	require.Equal(t, 404, b.open("/studio/contacts/x", cookie).status)
}

// Who was active last comes first, page by page, each once.
func TestStudioContacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Viewer)
	require.Contains(t, b.open("/studio/contacts", cookie).words(t), "Nobody has come yet")
	var events []string
	for i := range 60 {
		events = append(events, `{"name":"a","userId":"u`+itoa(i%55)+`"}`)
	}
	require.Equal(t, 202, b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[` + strings.Join(events, ",") + `]}`}).status)
	rows := regexp.MustCompile(`class="row-link" href="([^"]+)">([^<]+)<`)
	for _, first := range []string{"/studio/contacts", "/studio/contacts?order=newest"} {
		var names []string
		for path := first; path != ""; {
			a := b.open(path, cookie)
			require.Equal(t, 200, a.status)
			for _, m := range rows.FindAllStringSubmatch(a.body, -1) {
				names = append(names, m[2])
			}
			path = ""
			if m := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(a.body); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		require.Len(t, names, 55, first)
		require.Len(t, sortedUnique(names), 55, first)
		if first == "/studio/contacts" {
			require.Equal(t, []string{"u4", "u3"}, names[:2])
		}
	}
	require.Contains(t, b.open("/studio/contacts?search=u54", cookie).words(t), "u54")
	require.Contains(t, b.open("/studio/contacts?search=zzz", cookie).words(t), "Nobody is called “zzz”")
}

func sortedUnique(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

// U-50: the list of mails, and a mail whose body runs nothing and counts nothing.
func TestStudioMails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	cookie := b.user(users.Viewer)
	require.Contains(t, b.open("/studio/mails", cookie).words(t), "No mail was written the last 7 days.")
	id := b.rows(`insert into sends (id, key, contact_id, journey_id, template_key, status, to_email, subject, html, text, claimed_at, sent_at, delivered_at, created_at, updated_at)
		select gen_random_uuid(), 'k', id, 'trial-nudge', 'welcome', 'delivered', 'ada@example.com', 'Hello <b>Ada</b>',
			'<p>Hi</p><script>alert(1)</script><a href="https://example.com/v1/t/c/00000000-0000-4000-8000-000000000000">x</a><a href="https://example.com/v1/email/unsubscribe?token=secret.x">u</a><img src="https://example.com/v1/t/o/1.gif" width="1">',
			'Hi', now(), now(), now() + interval '3 seconds', now(), now() from contacts where external_id = 'user_1' returning id::text`)[0]
	b.sent("user_1", "nudge", ", reason", "'skipped', 'ada@example.com', 'Later', now(), now(), 'frequency_capped'")
	list := func(query string) string { return b.open("/studio/mails"+query, cookie).words(t) }
	require.Contains(t, list(""), "Hello &lt;b&gt;Ada&lt;/b&gt; welcome Ada@example.com ✓ delivered Trial nudge")
	require.Contains(t, list("?which=refused"), "Later nudge Ada@example.com ⊘ left out frequency capped Trial nudge")
	require.NotContains(t, list("?which=refused"), "welcome")
	require.Contains(t, list("?to=ada@example.com&which=sent"), "Hello")
	require.Contains(t, list("?template=none"), "No mail like this")
	page := b.open("/studio/mails/"+id, cookie)
	require.Contains(t, page.words(t), "✓ Yes Did Ada@example.com get it? Yes: handed over")
	require.Contains(t, page.words(t), "after 3 seconds")
	require.Contains(t, page.body, `<iframe sandbox title="The mail as it was sent" src="/studio/mails/`+id+`/body"`)
	tables := "select jsonb_build_array((select jsonb_agg(s) from sends s), (select count(*) from events), (select count(*) from audit_logs))::text"
	before := b.rows(tables)
	body := b.open("/studio/mails/"+id+"/body", cookie)
	require.Equal(t, "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'", body.header.Get("Content-Security-Policy"))
	require.Contains(t, b.open("/studio/mails/"+id+"/body?images=1", cookie).header.Get("Content-Security-Policy"), "img-src data: https:")
	require.NotContains(t, body.body, "/v1/t/")
	require.NotContains(t, body.body, "secret")
	require.Contains(t, body.body, "<p>Hi</p>")
	require.Equal(t, before, b.rows(tables), "looking changes nothing")
	require.Equal(t, 303, b.open("/studio/mails/"+id+"/body", "").status)
}

// The feed with what each event did, and one event.
func TestStudioEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Viewer)
	require.Contains(t, b.open("/studio/events", cookie).words(t), "No event has arrived")
	b.people()
	words := b.open("/studio/events", cookie).words(t)
	require.Contains(t, words, "trial.started Ada@example.com plan=pro ✓ into Trial nudge api")
	require.Contains(t, words, "trial.started 100% plan=free – not into Trial nudge api")
	require.Contains(t, words, "◔ late", "it happened long before it came")
	require.NotContains(t, b.open("/studio/events?name=app.active", cookie).words(t), "into Trial nudge")
	part := b.open("/studio/events?part=feed", cookie)
	seen := regexp.MustCompile(`id="feed" data-region data-feed hx-get="/studio/events\?part=feed&amp;seen=([0-9a-f]{16})"`).FindStringSubmatch(part.body)
	require.Len(t, seen, 2, part.body[:200])
	require.Equal(t, 204, b.open("/studio/events?part=feed&seen="+seen[1], cookie).status, "what was seen is not sent again") // U-6
	id := b.rows("select e.id::text from events e join contacts c on c.id = e.contact_id where c.external_id = 'user_1' and e.name = 'trial.started'")[0]
	one := b.open("/studio/events/"+id, cookie).words(t)
	require.Contains(t, one, "Decision Ada@example.com entered Trial nudge on")
	require.Contains(t, one, "Journey Trial nudge: active")
	require.Equal(t, 404, b.open("/studio/events/00000000-0000-4000-8000-000000000000", cookie).status)
}

// A journey is paused and resumed from its page, with a reason, in the log.
func TestStudioJourney(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	cookie := b.user(users.Operator)
	require.Contains(t, b.open("/studio/journeys", cookie).words(t), "Trial nudge trial-nudge trial.started ✓ on 1 0 0")
	words := b.open("/studio/journeys/trial-nudge", cookie).words(t)
	require.Contains(t, words, "Starts with trial.started that meets 1 condition once per person ends when subscription.created comes")
	require.Contains(t, words, "The beginning 1 here")
	require.Contains(t, b.open("/studio/journeys/trial-nudge/pause", cookie).words(t), "1 person stays where they are, and their waits go on.")
	require.Equal(t, 422, b.submit("/studio/journeys/trial-nudge/pause", cookie, url.Values{"choice": {"hold"}, "reason": {strings.Repeat("x", 1001)}}).status)
	a := b.submit("/studio/journeys/trial-nudge/pause", cookie, url.Values{"choice": {"hold"}, "reason": {"wrong <price>"}})
	require.Equal(t, 303, a.status)
	words = b.open(a.header.Get("Location"), cookie).words(t)
	require.Contains(t, words, "The journey is paused.")
	require.Contains(t, words, "‖ paused Resume…")
	require.Regexp(t, `Paused by operator@example.com on .*: “wrong &lt;price&gt;”\.`, words)
	require.Equal(t, []string{"user operator@example.com wrong <price>"}, b.rows("select actor_type || ' ' || actor || ' ' || (detail->'with'->>'reason') from audit_logs where action = 'journeys.pause'"))
	require.Contains(t, b.open("/studio/journeys/trial-nudge/resume", cookie).words(t), "Nothing is held.")
	require.Equal(t, 422, b.submit("/studio/journeys/trial-nudge/resume", cookie, url.Values{"choice": {"whatever"}}).status)
	a = b.submit("/studio/journeys/trial-nudge/resume", cookie, url.Values{"choice": {"catch_up"}})
	require.Contains(t, b.open(a.header.Get("Location"), cookie).words(t), "The journey goes on.")
	require.Equal(t, 404, b.open("/studio/journeys/none", cookie).status)
}

// O-9: users are invited, changed and removed by forms; a link is shown once.
func TestStudioUsers(t *testing.T) { // U-40
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Admin)
	a := b.submit("/studio/users", cookie, url.Values{"email": {"bob"}, "role": {"viewer"}})
	require.Equal(t, 422, a.status)
	require.Contains(t, a.words(t), "Invalid email.")
	a = b.submit("/studio/users", cookie, url.Values{"email": {"bob@example.com"}, "name": {"Bob"}, "role": {"viewer"}})
	link := regexp.MustCompile(`/studio/invitation\?token=[\w-]{43}`).FindString(a.body)
	require.NotEmpty(t, link)
	require.NotContains(t, b.open("/studio/users", cookie).body, link)
	require.Contains(t, b.open(link, "").words(t), "You sign in as bob@example.com, with the role viewer.")
	_, token, _ := strings.Cut(link, "token=")
	a = b.submit("/studio/invitation", "", url.Values{"token": {token}, "name": {"Bob"}, "password": {password}})
	require.Equal(t, 303, a.status)
	bob, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	require.Equal(t, 200, b.open("/studio/contacts", bob).status)
	require.Equal(t, 404, b.open(link, "").status)
	id := b.rows("select id::text from users where email = 'bob@example.com'")[0]
	require.Equal(t, 303, b.submit("/studio/users/"+id+"/role", cookie, url.Values{"role": {"operator"}}).status)
	require.Equal(t, 303, b.open("/studio/contacts", bob).status, "signed out at once (O-8)")
	b.advance(users.ProofLife)
	require.Contains(t, b.open("/studio/users/"+id+"/remove", cookie).words(t), "Your password")
	require.Equal(t, 403, b.submit("/studio/users/"+id+"/remove", cookie, url.Values{"password": {"not the password"}}).status)
	require.Equal(t, 303, b.submit("/studio/users/"+id+"/remove", cookie, url.Values{"password": {password}}).status)
	self := b.rows("select id::text from users")[0]
	require.Equal(t, 409, b.submit("/studio/users/"+self+"/role", cookie, url.Values{"role": {"viewer"}}).status)
	words := b.open("/studio/audit", cookie).words(t)
	require.Contains(t, words, "admin@example.com Removed a user "+id+" ")
	require.Contains(t, words, "role: viewer → operator")
	a = b.submit("/studio/profile", cookie, url.Values{"name": {"Eve A."}, "zone": {"Nowhere/Land"}, "theme": {"dark"}})
	require.Equal(t, 422, a.status)
	require.Equal(t, 303, b.submit("/studio/profile", cookie, url.Values{"name": {"Eve A."}, "zone": {"Europe/Berlin"}, "theme": {"dark"}, "rows": {"compact"}}).status)
	require.Contains(t, b.open("/studio/profile", cookie).body, `data-theme="dark" data-rows="compact">`)
}

// U-51: what people are called is text on every page.
func TestStudioEscapes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Admin)
	const evil = `<img src=x onerror=alert(1)></script>`
	a := b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"` + evil + `","userId":"` + evil + "\\u202e" + `","eventProperties":{"` + evil + `":"` + evil + `"},"contactProperties":{"` + evil + `":"` + evil + `"}}`})
	require.Equal(t, 202, a.status, a.body)
	id := b.rows("select id::text from contacts")[0]
	event := b.rows("select id::text from events")[0]
	for _, path := range []string{"/studio/contacts", "/studio/contacts?search=%3Cimg", "/studio/contacts/" + id, "/studio/events", "/studio/events?name=" + url.QueryEscape(evil), "/studio/events/" + event} {
		a := b.open(path, cookie)
		require.Equal(t, 200, a.status, path)
		require.NotContains(t, a.body, "<img", path)
		require.NotContains(t, a.body, "\u202e", path)
		require.Contains(t, a.body, "&lt;img", path)
	}
}
