package browser

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server"
)

func (b *tab) path() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	require.NoError(b.t, err)
	return strings.TrimPrefix(at, b.url)
}

// sees waits until an element has a text.
func (b *tab) sees(selector, text string) {
	b.t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`new Promise((done, fail) => {
		const looks = () => { const e = document.querySelector(`+quote(selector)+`); return e && e.textContent.includes(`+quote(text)+`); };
		if (looks()) return done(true);
		const o = new MutationObserver(() => { if (looks()) { o.disconnect(); done(true); } });
		o.observe(document.documentElement, {subtree: true, childList: true, characterData: true, attributes: true});
		setTimeout(() => { o.disconnect(); done(false); }, 10000);
	})`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	require.True(b.t, found, "%s has no %q: %s", selector, text, eval[string](b, `(document.querySelector("main") || document.body).innerText`))
}

func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

// click follows what a selector finds to the page that it leads to.
func (b *tab) click(selector string) {
	b.t.Helper()
	_, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(b.t, err)
}

func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// signIn sends the form of the sign-in page.
func (b *tab) signIn(email, secret string) {
	b.t.Helper()
	b.fill("#email", email)
	b.fill("#password", secret)
	b.click("form button[type=submit]")
}

// Checks 1 to 4: the first admin comes by the link, wrong passwords say nothing, next
// leads nowhere else, and signing out holds in every tab.
func TestGettingIn(t *testing.T) {
	t.Parallel()
	s := open(t, 0)
	s.exec("delete from users")
	token, err := s.users.SetupToken(t.Context())
	require.NoError(t, err)
	b := s.tab("")
	b.visit("/v1/auth/setup?token=" + token)
	b.fill("#name", "Eve")
	b.signIn(admin, password)
	b.sees("h1", "Overview")
	require.Equal(t, "/studio/", b.path())
	b.sees("main", "The first event came")
	other := s.tab("")
	other.visit("/v1/auth/setup?token=" + token)
	other.visit("/studio/setup")
	other.sees("main", "Nothing here")
	other.visit("/studio/sign-in?next=https://evil.example")
	other.signIn(admin, "not the password")
	wrong := eval[string](other, `document.querySelector("main").innerText`)
	other.visit("/studio/sign-in")
	other.signIn("nobody@example.com", password)
	require.Equal(t, wrong, eval[string](other, `document.querySelector("main").innerText`))
	other.visit("/studio/sign-in?next=https://evil.example")
	other.signIn(admin, password)
	require.Equal(t, "/studio/", other.path())
	b.do(chromedp.Click(chromedp.CSS(".menu summary .avatar")))
	b.click(".menu form button")
	require.Equal(t, "/studio/sign-in", b.path())
	_, err = chromedp.RunResponse(b.ctx, chromedp.NavigateBack())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(b.path(), "/studio/sign-in"), "Back shows no data: %s", b.path())
	b.visit("/studio/contacts")
	require.True(t, strings.HasPrefix(b.path(), "/studio/sign-in"), b.path())
	status := `fetch("/studio/sign-in", {method: "POST", body: new URLSearchParams({email: "late@example.com", password: "%s"})}).then(async r => r.status + " " + r.headers.get("Retry-After") + " " + new DOMParser().parseFromString(await r.text(), "text/html").querySelector("main").textContent)`
	s.exec("delete from attempts")
	_, err = s.users.Create(t.Context(), store.System("test"), users.NewUser{Name: "Late", Email: "late@example.com", Role: users.Viewer, Password: password})
	require.NoError(t, err)
	for range 10 {
		require.True(t, strings.HasPrefix(eval[string](b, fmt.Sprintf(status, "wrong")), "401 "))
	}
	require.Regexp(t, `^429 [1-9]\d? [^$]*Too many attempts. Try again in \d+ s\.`, eval[string](b, fmt.Sprintf(status, password)), "also with the right password")
}

// Checks 5, 17 and 35: by keyboard alone somebody is found, and a journey paused.
func TestByKeyboard(t *testing.T) {
	t.Parallel()
	s := open(t, 60)
	b := s.tab(admin)
	b.visit("/studio/journeys")
	address := s.rows("select email from contacts order by id limit 1")[0]
	b.do(chromedp.KeyEvent("/"))
	require.Equal(t, "find", eval[string](b, "document.activeElement.id"))
	eval[string](b, `document.activeElement.value = ""`) // of a real key the script keeps the character away
	_, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(address+kb.Enter))
	require.NoError(t, err)
	b.sees("h1", address)
	_, err = chromedp.RunResponse(b.ctx, chromedp.Steps(chromedp.KeyEvent("g"), chromedp.KeyEvent("j")))
	require.NoError(t, err)
	b.sees("h1", "Journeys")
	b.do(chromedp.KeyEvent("j"))
	_, err = chromedp.RunResponse(b.ctx, chromedp.KeyEvent(kb.Enter))
	require.NoError(t, err)
	b.sees("h1", "Activation: welcome")
	b.do(chromedp.Focus(chromedp.CSS(".head a[data-dialog]")), chromedp.KeyEvent(kb.Enter))
	b.sees("dialog", "waits end within an hour")
	b.do(chromedp.KeyEvent(kb.Escape))
	require.Equal(t, "Pause…", eval[string](b, "document.activeElement.textContent"), "focus comes back")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("dialog[open]", "Keep who enters")
	_, err = chromedp.RunResponse(b.ctx, chromedp.Steps(chromedp.Focus(chromedp.CSS("dialog[open] #reason")), chromedp.KeyEvent("wrong price"+kb.Enter)))
	require.NoError(t, err)
	b.sees(".flash", "The journey is paused.")
	b.sees("main", "Paused by "+admin)
	require.Equal(t, []string{"wrong price"}, s.rows("select detail->'with'->>'reason' from audit_logs where action = 'journeys.pause'"))
}

// Checks 11 and 12: the feed shows what comes, not while it is paused, and keeps the focus.
func TestFeed(t *testing.T) {
	t.Parallel()
	s := open(t, 30)
	b := s.tab(admin)
	b.visit("/studio/events")
	b.do(chromedp.Focus(chromedp.CSS("#name")), chromedp.KeyEvent("tri"))
	s.send("feature.used", "user_1001")
	b.sees("#feed", "feature.used")
	require.Equal(t, "name tri", eval[string](b, `document.activeElement.id + " " + document.activeElement.value`))
	b.do(chromedp.Click(chromedp.CSS("button[data-live]")))
	b.sees("button[data-live]", "Paused")
	asked := s.asked.Load()
	require.True(t, eval[bool](b, `new Promise(done => { let n = 0; document.addEventListener("htmx:before:request", () => { if (++n == 2) done(true); }); setTimeout(() => done(false), 10000); })`), "the region goes on to want")
	require.Equal(t, asked, s.asked.Load(), "and asks nothing")
}

// send stores an event.
func (s *site) send(name, user string) {
	s.t.Helper()
	_, key, err := s.store.KeyInsert(s.t.Context(), store.NewKey{Name: "test", Scopes: []string{"ingest"}}, store.System("test"), time.Now())
	require.NoError(s.t, err)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/v1/events", strings.NewReader(`{"name":"`+name+`","userId":"`+user+`"}`))
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	require.NoError(s.t, reply.Body.Close())
	require.Equal(s.t, http.StatusAccepted, reply.StatusCode)
}

// Checks 27 to 29: a mail runs nothing, leads nowhere, counts nothing, and asks nobody.
func TestMailFrame(t *testing.T) {
	t.Parallel()
	s := open(t, 40)
	id := s.rows("select id::text from sends where html <> '' order by id limit 1")[0]
	s.exec(`update sends set html = '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/"><script>top.document.title = "taken"</script>
		<img src="x" onerror="top.location = ''https://evil.example''"><form action="https://evil.example"><button>Go</button></form><p>The mail</p>' where id = $1`, id)
	before := s.tables()
	b := s.tab(admin)
	b.visit("/studio/mails/" + id)
	b.sees("h2", "On its way")
	b.do(chromedp.ScrollIntoView(chromedp.CSS(".frame-box--phone iframe")))
	require.Equal(t, "Mail · hogsend", eval[string](b, "document.title"))
	require.Equal(t, "/studio/mails/"+id, b.path())
	require.InDelta(t, 360, eval[float64](b, `document.querySelector(".frame-box--phone iframe").clientWidth`), 1)
	hosts := eval[string](b, `performance.getEntriesByType("resource").map(e => new URL(e.name).host).filter(h => h != location.host).join(" ")`)
	require.Empty(t, hosts)
	require.Equal(t, before, s.tables())
	b.do(chromedp.Click(chromedp.CSS("details:has(pre) summary")))
	b.sees("details[open]", s.rows("select split_part(text, E'\n', 1) from sends where id = $1", id)[0])
	policy := func(path string) string {
		return eval[string](b, `fetch("`+path+`").then(r => r.headers.get("Content-Security-Policy"))`)
	}
	require.Contains(t, policy("/studio/mails/"+id+"/body"), "img-src data:;")
	images := eval[string](b, `[...document.querySelectorAll("a.button")].find(a => a.textContent == "Open with remote images").getAttribute("href")`)
	require.Contains(t, policy(images), "img-src data: https:;", "remote images come when they are asked for")
	require.Contains(t, policy(images), "sandbox; default-src 'none'")
}

// tables are the contents of all tables that looking must not change.
func (s *site) tables() []string {
	s.t.Helper()
	names := s.rows("select tablename::text from pg_tables where schemaname = 'public' and tablename not in ('sessions', 'users', 'audit_logs', 'one_time_links', 'attempts', 'api_keys') order by 1")
	for i, name := range names {
		names[i] += " " + s.rows("select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from " + name + " t")[0]
	}
	return names
}

// Check 36: without script one signs in, finds, asks, pauses and turns pages.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := open(t, 120)
	b := s.tab("")
	_, err := chromedp.Call(b.ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/*.js", Block: true}}})
	require.NoError(t, err)
	b.visit("/studio/sign-in")
	b.signIn(admin, password)
	b.visit("/studio/contacts")
	require.False(t, eval[bool](b, `"htmx" in window`), "no script came")
	b.click("a[rel=next]")
	require.Contains(t, b.path(), "before=")
	b.click(".row-link")
	b.click("form.card button[type=submit]")
	require.Contains(t, b.path(), "about=")
	_, err = chromedp.RunResponse(b.ctx, chromedp.SendKeys(chromedp.CSS("#find"), s.rows("select email from contacts order by id limit 1")[0]+kb.Enter))
	require.NoError(t, err)
	b.sees("h1", "@")
	failed := s.rows("select id::text from enrollments where status = 'failed' order by id limit 1")[0]
	b.visit("/studio/enrollments/" + failed)
	b.click(".head a[data-dialog]")
	require.Equal(t, "/studio/enrollments/"+failed+"/retry", b.path())
	b.click("button[type=submit].button--main")
	b.sees(".flash", "It goes on where it failed.")
	b.visit("/studio/journeys/activation-welcome")
	b.click(".head a[data-dialog]")
	require.Equal(t, "/studio/journeys/activation-welcome/pause", b.path())
	b.click("button[type=submit].button--main")
	require.Equal(t, "/studio/journeys/activation-welcome?done=paused", b.path())
}

// Check 19: who may not pause sees why, and is refused.
func TestViewer(t *testing.T) {
	t.Parallel()
	s := open(t, 20)
	_, err := s.users.Create(t.Context(), store.System("test"), users.NewUser{Name: "Vi", Email: "vi@example.com", Role: users.Viewer, Password: password})
	require.NoError(t, err)
	b := s.tab("vi@example.com")
	b.visit("/studio/journeys/activation-welcome")
	b.sees(".head", "This needs the role operator.")
	require.Equal(t, 403, eval[int](b, `fetch("/studio/journeys/activation-welcome/pause", {method: "POST", body: new URLSearchParams({choice: "hold"})}).then(r => r.status)`))
	require.Equal(t, []string{"0"}, s.rows("select count(*)::text from audit_logs where action = 'journeys.pause'"))
	for _, path := range []string{"/studio/users", "/studio/keys", "/studio/outbox"} {
		b.visit(path)
		b.sees("h1", "Not for your role")
	}
}

// Check 37: following every link as an admin changes nothing and breaks nothing.
func TestEveryLink(t *testing.T) {
	t.Parallel()
	s := open(t, 60, func(c *server.Config) { c.RateLimitAdmin = 100_000 }) // nobody looks at so many pages in a minute (U-53)
	token, err := s.users.SignInLink(t.Context(), store.System("test"), admin)
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar}
	get := func(path string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		require.NoError(t, err)
		reply, err := client.Do(r)
		require.NoError(t, err)
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		require.NoError(t, err)
		return reply.StatusCode, string(body)
	}
	_, _ = get("/studio/enter?token=" + token)
	before := s.tables()
	link := regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
	seen, open := map[string]bool{}, []string{"/studio/"}
	kinds := map[string]int{}
	uuid := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|before=[^&]*`)
	for len(open) > 0 {
		path := open[0]
		open = open[1:]
		kind := uuid.ReplaceAllString(path, "*")
		if seen[path] || kinds[kind] > 5 { // of pages of one kind some are enough
			continue
		}
		seen[path] = true
		kinds[kind]++
		status, body := get(path)
		require.Less(t, status, 400, path)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			if to := html.UnescapeString(m[1]); !slices.Contains(open, to) {
				open = append(open, to)
			}
		}
	}
	require.Greater(t, len(seen), 60)
	require.Equal(t, before, s.tables())
}
