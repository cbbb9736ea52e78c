package browser

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// person stores an event of somebody new and returns their id.
func (s *site) person(user string) string {
	s.t.Helper()
	s.send("something.happened", user)
	return s.rows("select c.id::text from contacts c where external_id = $1", user)[0]
}

// said is the sentence of the answer of a page.
func (b *tab) answered(path string) string {
	b.t.Helper()
	b.visit(path)
	return eval[string](b, `document.querySelector(".answer .said").textContent`)
}

// Checks 6 to 8, 10, 13 and 16.
func TestPeople(t *testing.T) {
	t.Parallel()
	s := open(t, 60)
	b := s.tab(admin)

	s.check("6 a merged-away uuid in the URL lands on the survivor with a note", func(t *testing.T) {
		gone, stays := s.person("gone"), s.person("stays")
		s.exec("update contacts set merged_into = $1, external_id = null where id = $2", stays, gone)
		b.visit("/studio/contacts/" + gone)
		b.sees(".flash", "Two contacts turned out to be one person")
		require.Equal(t, "/studio/contacts/"+stays+"?done=merged", b.path())
	})

	s.check("7 asking about a contact without the trial mail gives the sentence of each decision reason", func(t *testing.T) {
		id := s.person("undecided")
		for reason, sentence := range map[string]string{
			"journey_disabled":           "was off in code.",
			"journey_disabled_by_admin":  "was switched off by an operator.",
			"journey_paused":             "was paused and took nobody.",
			"late_event":                 "a late event starts nothing.",
			"loop_guard":                 "a circle of events that cause each other",
			"contact_deleted":            "when the contact was deleted.",
			"trigger_conditions_not_met": "but not as Trial: ending asks for.",
			"key_missing":                "without what Trial: ending tells its runs apart by.",
			"not_in_audience":            "was not among those whom Trial: ending takes.",
			"first_entry_only":           "it was not the first time",
			"reason_filter":              "for a reason that Trial: ending does not listen to.",
			"already_entered_once":       "it takes each person once.",
			"period_not_elapsed":         "too short a time before",
			"user_unsubscribed":          "had unsubscribed from what Trial: ending sends.",
			"already_active":             "was in Trial: ending already.",
			"overlap_skip":               "an earlier run of Trial: ending was still under way",
			"too_many_active":            "as many runs of Trial: ending open as one person may",
		} {
			s.exec("delete from decisions where contact_id = $1", id)
			s.exec(`insert into decisions (id, at, type, contact_id, journey_id, event_id, event_name, outcome, reason)
				values (gen_random_uuid(), now(), 'enrollment', $1, 'trial-ending', gen_random_uuid(), 'trial.started', 'skipped', $2)`, id, reason)
			for _, about := range []string{"journey:trial-ending", "mail:trial-ending"} {
				said := b.answered("/studio/contacts/" + id + "?about=" + about)
				require.Contains(t, said, "trial.started came on ", reason)
				require.Contains(t, said, sentence, reason)
			}
		}
	})

	s.check("8 the same for every reason of the gate, the three of the provider and a deferral", func(t *testing.T) {
		id := s.person("unmailed")
		for _, c := range [][3]string{
			{"skipped", "enrollment_ended", "The journey had ended a moment before."},
			{"skipped", "no_email", "has no address."},
			{"skipped", "unsubscribed_all", "wants no mail at all."},
			{"skipped", "category_opt_out", "wants no mail of this kind."},
			{"skipped", "paused_late", "It was held by a pause"},
			{"skipped", "outside_window", "It was outside the hours"},
			{"skipped", "suppress_gap", "had mailed"},
			{"skipped", "frequency_capped", "as many mails as the limit allows."},
			{"skipped", "priority", "kept for a mail that comes first."},
			{"skipped", "test_mode", "Test mode is on, and no test address is set."},
			{"skipped", "canceled", "The campaign was canceled before."},
			{"skipped", "duplicate", "the same person, or has the same address, got it."},
			{"suppressed", "bounce", "came back for good."},
			{"suppressed", "complaint", "it reported a mail as spam."},
			{"suppressed", "manual", "an operator did that."},
			{"suppressed", "import", "a list of suppressions that was imported."},
			{"failed", "domain is not verified", "The provider refused it: “domain is not verified”."},
			{"failed", "unknown_outcome", "It may have arrived."},
			{"failed", "idempotency_conflict", "The provider had other content under the same key."},
			{"queued", "deferred", "on its way to the provider"},
		} {
			s.exec("delete from sends where contact_id = $1", id)
			s.exec(`insert into sends (id, key, contact_id, template_key, category, status, reason, to_email, created_at, updated_at)
				values (gen_random_uuid(), gen_random_uuid()::text, $1, 'welcome', 'journey', $2, $3, 'unmailed@example.com', now(), now())`, id, c[0], c[1])
			require.Contains(t, b.answered("/studio/contacts/"+id+"?about=mail:welcome"), c[2], c[1])
			require.Contains(t, b.answered("/studio/mails/"+s.rows("select id::text from sends where contact_id = $1", id)[0]), c[2], c[1])
		}
	})

	s.check("10 the timeline has decisions under their event, and each filter changes the URL", func(t *testing.T) {
		row := s.rows("select contact_id || ' ' || event_id from decisions where outcome = 'enrolled' order by id desc limit 1")[0]
		id, event, _ := strings.Cut(row, " ")
		b.visit("/studio/contacts/" + id)
		order := eval[[]string](b, `[...document.querySelectorAll(".moment")].map(m => (m.querySelector("a")?.getAttribute("href") || "") + " " + m.querySelector(".kind").textContent)`)
		at := -1
		for i, line := range order {
			if line == "/studio/events/"+event+" Event" {
				at = i
			}
		}
		require.GreaterOrEqual(t, at, 0, order)
		require.True(t, strings.HasSuffix(order[at+1], " Decision"), order[at:at+2])
		require.True(t, eval[bool](b, `[...document.querySelectorAll(".moment--under")].every(m => m.querySelector(".kind").textContent != "Event")`))
		names := eval[[]string](b, `[...document.querySelectorAll("input[name=show]")].map(i => i.value)`)
		require.Greater(t, len(names), 5)
		for _, name := range names {
			b.visit("/studio/contacts/" + id)
			b.do(chromedp.Click(chromedp.CSS("input[name=show][value=" + name + "]")))
			b.click("form:has(input[name=show]) button")
			require.NotContains(t, b.path(), "show="+name)
			require.Contains(t, b.path(), "show=")
			require.False(t, eval[bool](b, `document.querySelector("input[name=show][value=`+name+`]").checked`))
		}
	})

	s.check("13 the effect chips of an event equal the rows in the database", func(t *testing.T) {
		event := s.rows("select event_id::text from decisions group by 1 having count(*) filter (where outcome = 'enrolled') > 0 order by 1 desc limit 1")[0]
		b.visit("/studio/events?name=" + s.rows("select name from events where id = $1", event)[0])
		chips := eval[[]string](b, `[...document.querySelectorAll('tr:has(a[href="/studio/events/`+event+`"]) .badge')].map(c => c.textContent).filter(c => c.includes("into "))`)
		rows := s.rows("select outcome from decisions where event_id = $1", event)
		require.Len(t, chips, len(rows))
		in := 0
		for _, chip := range chips {
			if !strings.Contains(chip, "not into") {
				in++
			}
		}
		require.Equal(t, s.rows("select count(*)::text from decisions where event_id = $1 and outcome = 'enrolled'", event)[0], strconv.Itoa(in))
	})

	s.check("16 clicking a node lists exactly its people", func(t *testing.T) {
		journey := s.busy()
		b.visit("/studio/journeys/" + journey)
		nodes := eval[[]string](b, `[...document.querySelectorAll('a[href*="people?node="]')].map(a => a.getAttribute("href"))`)
		require.NotEmpty(t, nodes)
		for _, node := range nodes {
			b.visit(node)
			name := eval[string](b, `new URL(location.href).searchParams.get("node")`)
			require.ElementsMatch(t,
				s.rows("select '/studio/enrollments/' || id from enrollments where journey_id = $1 and status in ('active', 'waiting') and node = $2", journey, name),
				eval[[]string](b, `[...document.querySelectorAll(".row-link")].map(a => a.getAttribute("href"))`), name)
		}
	})

	s.check("35 asking why works by keyboard alone, and the focus is seen", func(t *testing.T) {
		id := s.rows("select contact_id::text from decisions where journey_id = 'activation-welcome' and outcome = 'enrolled' order by id desc limit 1")[0]
		b.visit("/studio/contacts/" + id)
		for range 80 { // tabs through the page as somebody without a mouse
			b.do(chromedp.KeyEvent(kb.Tab))
			outline := eval[string](b, `(e => e === document.body || e.tagName == "IFRAME" ? "skip" : getComputedStyle(e).outlineStyle + " " + getComputedStyle(e).outlineWidth + " " + (e.id || ""))(document.activeElement)`)
			if outline == "skip" {
				continue
			}
			require.True(t, strings.HasPrefix(outline, "solid 2px") || strings.HasPrefix(outline, "auto "), "focus is not seen: %s", outline)
			if strings.HasSuffix(outline, " about") {
				break
			}
		}
		require.Equal(t, "about", eval[string](b, "document.activeElement.id"))
		b.do(chromedp.KeyEvent(kb.Tab))
		_, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(kb.Enter))
		require.NoError(t, err)
		b.sees(".answer", "Did ")
	})
}

// U-56: rows that are new wait above a list that was scrolled away, and the profile shows
// a theme and a zone before they are saved. Check 12: a hidden tab makes no request.
func TestScript(t *testing.T) {
	t.Parallel()
	s := open(t, 60)
	b := s.tab(admin)

	s.check("new rows wait above a list that was scrolled away", func(t *testing.T) {
		b.visit("/studio/events")
		eval[bool](b, "scrollTo(0, 600); true")
		s.send("feature.used", "user_2001")
		b.sees("button[data-news]:not([hidden])", "1 new")
		require.NotContains(t, eval[string](b, `document.querySelector("#feed").textContent`), "user_2001")
		b.do(chromedp.Click(chromedp.CSS("button[data-news]")))
		b.sees("#feed", "user_2001")
		require.True(t, eval[bool](b, `document.querySelector("button[data-news]").hidden`))
	})

	s.check("12 a hidden tab makes no request", func(t *testing.T) {
		b.visit("/studio/events")
		eval[bool](b, `Object.defineProperty(document, "hidden", {get: () => true}); true`)
		wanted := `new Promise(done => { let n = 0; document.addEventListener("htmx:before:request", () => { if (++n == 3) done(true); }); setTimeout(() => done(false), 20000); })`
		eval[bool](b, `new Promise(done => document.addEventListener("htmx:before:request", () => done(true), {once: true}))`)
		asked := s.asked.Load()
		require.True(t, eval[bool](b, wanted))
		require.Equal(t, asked, s.asked.Load())
	})

	s.check("33 nothing moves when a page renews itself", func(t *testing.T) {
		b.visit("/studio/journeys/" + s.busy())
		s.exec("update enrollments set node = 'send:nudge', updated_at = now() where status in ('active', 'waiting')")
		b.sees("#live", "Mail nudge")
		require.Empty(t, eval[string](b, shift))
	})

	s.check("theme and zone show before they are saved", func(t *testing.T) {
		b.visit("/studio/profile")
		b.do(chromedp.Click(chromedp.CSS("input[name=theme][value=dark]")))
		require.Equal(t, "dark", eval[string](b, "document.documentElement.dataset.theme"))
		b.do(chromedp.Click(chromedp.CSS("input[name=rows][value=compact]")))
		require.Equal(t, "compact", eval[string](b, "document.documentElement.dataset.rows"))
		eval[bool](b, `document.querySelector("#zone").value = ""; true`)
		b.fill("#zone", "Asia/Kathmandu")
		require.Contains(t, eval[string](b, `document.querySelector("[data-clock]").textContent`), time.Now().UTC().Add(5*time.Hour+45*time.Minute).Format("15:"))
		b.fill("#zone", "x")
		require.Equal(t, "There is no such zone.", eval[string](b, `document.querySelector("[data-clock]").textContent`))
		b.visit("/studio/profile")
		require.Equal(t, "auto", eval[string](b, "document.documentElement.dataset.theme"), "nothing was saved")
	})

	s.check("a signed-out tab that renews itself leads to the sign-in page", func(t *testing.T) {
		b.visit("/studio/outbox")
		s.exec("delete from sessions")
		require.Eventually(t, func() bool { return b.path() == "/studio/sign-in?next=%2Fstudio%2Foutbox" }, 20*time.Second, 100*time.Millisecond)
		b.sees("h1", "Sign in to Studio")
	})
}
