package browser

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server"
)

// client is a browser without pages: it is signed in as the admin and sends what it is told.
func (s *site) client() *http.Client {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	token, err := s.users.SignInLink(s.t.Context(), store.System("test"), admin)
	require.NoError(s.t, err)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/studio/enter?token="+token, nil)
	require.NoError(s.t, err)
	reply, err := client.Do(r)
	require.NoError(s.t, err)
	require.NoError(s.t, reply.Body.Close())
	return client
}

// post sends a form with the headers given in pairs; it returns the status and the page.
func (s *site) post(client *http.Client, path string, form url.Values, headers ...string) (status int, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := client.Do(r)
	require.NoError(s.t, err)
	defer reply.Body.Close()
	page, err := io.ReadAll(reply.Body)
	require.NoError(s.t, err)
	return reply.StatusCode, string(page)
}

// Checks 18, 20 to 22.
func TestWorking(t *testing.T) {
	t.Parallel()
	s := open(t, 120, func(c *server.Config) { c.Temporal = func(context.Context) error { return errors.New("stopped") } })
	b := s.tab(admin)

	s.check("18 resume with each policy shows its numbers, and releases that many", func(t *testing.T) {
		journey := s.busy()
		for _, policy := range []string{"catch_up", "skip_late", "reschedule"} {
			s.exec("update journey_configs set paused_at = now() - interval '3 hours', pause_reason = 'wrong price' where journey_id = $1", journey)
			s.exec("insert into journey_configs (journey_id, enabled, updated_at, paused_at, pause_reason) values ($1, true, now(), now() - interval '3 hours', 'wrong price') on conflict do nothing", journey)
			s.exec("delete from paused_effects")
			s.exec(`insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at)
				select gen_random_uuid(), id, journey_id, 's', 1, 'send:nudge', true, now() - (row_number() over (order by id)) * interval '35 minutes'
				from enrollments where journey_id = $1 and status in ('active', 'waiting') order by id limit 4`, journey)
			b.visit("/studio/journeys/" + journey)
			b.sees(".head", "paused")
			b.do(chromedp.Click(chromedp.CSS(".head a[data-dialog]")))
			b.sees("dialog", "4 steps are held, 4 of them mails")
			b.sees("dialog", "3 mails were held too long and are left out.")
			b.do(chromedp.Click(chromedp.CSS("dialog input[value=" + policy + "]")))
			b.click("dialog button[type=submit]")
			b.sees(".flash", "The journey goes on.")
			released := map[string]string{"catch_up": "4 0", "skip_late": "1 3", "reschedule": "4 0"}[policy]
			require.Equal(t, []string{released}, s.rows("select count(*) filter (where due_at is not null and not skip) || ' ' || count(*) filter (where skip) from paused_effects"), policy)
			require.Equal(t, []string{"true"}, s.rows("select (paused_at is null)::text from journey_configs where journey_id = $1", journey))
		}
	})

	s.check("20 retrying a failed enrollment at once from two tabs is one success and one sentence", func(t *testing.T) {
		id := s.rows("select id::text from enrollments where status = 'failed' order by id limit 1")[0]
		other := s.tab(admin)
		for _, tab := range []*tab{b, other} {
			tab.visit("/studio/enrollments/" + id + "/retry")
		}
		replies := make(chan string, 2)
		for _, tab := range []*tab{b, other} {
			go func() {
				page, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`fetch(location.pathname, {method: "POST", body: new URLSearchParams(new FormData(document.querySelector("form[method=post]")))})
					.then(async r => r.status + " " + new DOMParser().parseFromString(await r.text(), "text/html").querySelector("main").textContent)`, chromedp.EvalAwaitPromise))
				if err != nil {
					page = err.Error()
				}
				replies <- page
			}()
		}
		first, second := <-replies, <-replies
		if strings.HasPrefix(first, "409") {
			first, second = second, first
		}
		require.True(t, strings.HasPrefix(first, "200"), first)
		require.Contains(t, first, "It goes on where it failed.")
		require.True(t, strings.HasPrefix(second, "409"), second)
		require.Regexp(t, "It goes on already|It has not failed", second)
		require.Equal(t, []string{"1"}, s.rows("select count(*)::text from audit_logs where action = 'states.retry' and resource_id like '%' || $1 || '%'", id))
	})

	s.check("21 retrying these 3 of an error retries 3, and sends no mail", func(t *testing.T) {
		s.exec("update enrollments set error = 'dial smtp: refused', status = 'failed', node = 'send:nudge' where id in (select id from enrollments where journey_id = 'activation-welcome' and status = 'completed' order by id limit 3)")
		mails := s.rows("select count(*) || ' ' || (select count(*) from mailbox) from sends")
		b.visit("/studio/journeys/activation-welcome")
		b.sees("main", "dial smtp: refused")
		b.do(chromedp.Click(chromedp.CSS(`li:has(a[href*="dial+smtp"]) a[data-dialog]`)))
		b.sees("dialog", "Try 3 people again?")
		b.click("dialog button[type=submit]")
		b.sees(".flash", "It goes on where it failed.")
		require.Equal(t, []string{"3"}, s.rows("select count(*)::text from enrollments where journey_id = 'activation-welcome' and retries = 1 and status in ('active', 'waiting') and node = 'send:nudge'"))
		require.Equal(t, mails, s.rows("select count(*) || ' ' || (select count(*) from mailbox) from sends"))
	})

	s.check("22 the page of an enrollment is there with Temporal stopped", func(t *testing.T) {
		b.visit("/studio/enrollments/" + s.rows("select e.id::text from enrollments e where exists (select from step_logs l where l.enrollment_id = e.id) and status = 'completed' order by id desc limit 1")[0])
		b.sees("h2", "Its steps")
		b.sees(".banner", "Temporal does not answer")
		require.NotEmpty(t, eval[string](b, `document.querySelector("table tbody tr").textContent`))
	})

	s.check("a question that was answered meanwhile is asked again", func(t *testing.T) { // U-8
		b.visit("/studio/journeys/trial-ending/pause")
		other := s.tab(admin)
		other.visit("/studio/journeys/trial-ending/pause")
		other.fill("#reason", "mine")
		other.click("button[type=submit].button--main")
		b.click("button[type=submit].button--main")
		b.sees("h1", "Somebody was faster")
		b.sees("main", "Paused by "+admin)
		b.sees("main", "nothing was done")
		require.Equal(t, []string{"1"}, s.rows("select count(*)::text from audit_logs where action = 'journeys.pause' and resource_id = 'trial-ending'"))
	})
}

// Checks 30, 38 and 39.
func TestSafety(t *testing.T) {
	t.Parallel()
	s := open(t, 60)
	b := s.tab(admin)

	s.check("30 what would be markup is printed as text on every page", func(t *testing.T) {
		const evil = `<img src=x onerror="window.taken = 1"></script><script>window.taken = 1</script>javascript:alert(1)` + "\u202e"
		s.exec("update contacts set email = $1, external_id = id::text || $1, properties = jsonb_build_object($1::text, $1::text)", evil)
		s.exec("update events set name = $1, properties = jsonb_build_object($1::text, $1::text), source = $1 where id in (select id from events order by id desc limit 20)", evil)
		s.exec("update sends set subject = $1, to_email = $1, reason = $1, bounce_reason = $1, template_key = $1 where id in (select id from sends order by id desc limit 40)", evil)
		s.exec("update enrollments set error = $1, node = $1", evil)
		s.exec("update enrollment_issues set detail = $1", evil)
		s.exec("update decisions set event_name = $1, reason = $1 where outcome = 'skipped'", evil)
		s.exec("update dead_letters set error = $1, payload = to_jsonb($1::text)", evil)
		s.exec("update outbox set last_error = $1", evil)
		s.exec("update preferences set email = $1", evil)
		s.exec("update audit_logs set actor = $1, detail = jsonb_build_object('with', jsonb_build_object($1::text, $1::text))", evil)
		s.exec("update users set name = $1", evil)
		s.exec("update journey_configs set pause_reason = $1", evil)
		s.exec("update worker_heartbeats set build_id = $1", evil)
		shown := 0
		const taken = `"taken" in window ? "it ran" : document.body.innerText.includes("\u202e") ? "turns the text around: " + [...document.querySelectorAll("main *")].filter(e => !e.children.length && e.textContent.includes("\u202e")).map(e => e.outerHTML).slice(0, 2) :
			[...document.querySelectorAll("main img, main script, a[href^='javascript:'], [onerror]")].map(e => e.outerHTML).slice(0, 2).join(" ")`
		for _, p := range s.pages() {
			b.visit(p.path)
			require.Empty(t, eval[string](b, taken), p.name)
			if eval[bool](b, `document.body.innerText.includes("onerror=")`) {
				shown++
			}
		}
		require.Greater(t, shown, 15, "it is shown")
	})

	s.check("38 a form of another site, and one that does not say where it is from, are refused", func(t *testing.T) {
		client, before := s.client(), s.rows("select count(*)::text from audit_logs")
		form := url.Values{"choice": {"hold"}}
		for _, headers := range [][]string{{"Origin", "https://evil.example"}, {}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}} {
			for _, path := range []string{"/studio/journeys/activation-welcome/pause", "/studio/sign-out", "/studio/profile", "/studio/keys"} {
				status, page := s.post(client, path, form, headers...)
				require.Equal(t, http.StatusForbidden, status, "%s %s", path, headers)
				require.Contains(t, page, "so nothing was done")
			}
		}
		require.Equal(t, before, s.rows("select count(*)::text from audit_logs"))
		status, _ := s.post(client, "/studio/journeys/activation-welcome/pause", form, "Sec-Fetch-Site", "same-origin")
		require.Equal(t, http.StatusSeeOther, status, "one of ours is not")
	})

	s.check("39 an API key is shown once: reload and Back do not show it", func(t *testing.T) {
		s.exec("update sessions set proved_at = now()")
		b.visit("/studio/keys")
		b.fill("#name", "Shop")
		b.click(`form[action="/studio/keys"] button[type=submit]`)
		b.sees("main", "The key “Shop”")
		secret := eval[string](b, `document.querySelector(".answer pre").textContent`)
		require.NotEmpty(t, secret)
		page := func() string { return eval[string](b, "document.documentElement.outerHTML") }
		b.visit("/studio/keys")
		require.NotContains(t, page(), secret)
		_, err := chromedp.RunResponse(b.ctx, chromedp.NavigateBack())
		_ = err // a page that is made anew, or one that asks whether to send the form again
		require.NotContains(t, page(), secret, "Back")
		require.Equal(t, []string{"1"}, s.rows("select count(*)::text from api_keys where name = 'Shop'"))
	})
}
