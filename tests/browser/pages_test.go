package browser

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axe finds what keeps people out: axe-core 4.14.1, MPL-2.0, as its makers packed it.
//
//go:embed testdata/axe.min.js.gz
var axe []byte

// lines are what the console of a tab said.
type lines struct {
	mu   sync.Mutex
	said []string
}

func (l *lines) hear(ev any) {
	var line string
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			line += string(a.Value) + a.Description
		}
	case *runtime.EventExceptionThrown:
		line = fmt.Sprint(e.ExceptionDetails)
	case *log.EventEntryAdded:
		line = e.Entry.Text
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, line)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.said...)
}

// page is one that everybody can look at, under a name for its picture.
type page struct{ name, path string }

// pages are all of them, with the people of the demo.
func (s *site) pages() []page {
	one := func(sql string) string { return s.rows(sql + " limit 1")[0] }
	contact := one("select contact_id::text from sends where status = 'clicked' order by id desc")
	return []page{
		{"overview", "/studio/"},
		{"health", "/studio/health"},
		{"contacts", "/studio/contacts"},
		{"contact", "/studio/contacts/" + contact},
		{"contact-why", "/studio/contacts/" + contact + "?about=mail:nudge"},
		{"contact-edit", "/studio/contacts/" + contact + "/edit"},
		{"contact-erase", "/studio/contacts/" + contact + "/erase"},
		{"contact-merge", "/studio/contacts/" + contact + "/merge?with=new_2"},
		{"event-again", "/studio/events/" + one("select event_id::text from decisions where outcome = 'enrolled' order by id desc") + "/again"},
		{"events", "/studio/events"},
		{"event", "/studio/events/" + one("select event_id::text from decisions where outcome = 'enrolled' order by id desc")},
		{"mails", "/studio/mails"},
		{"mails-refused", "/studio/mails?which=refused"},
		{"mail", "/studio/mails/" + one("select id::text from sends where status = 'clicked' order by id desc")},
		{"mail-refused", "/studio/mails/" + one("select id::text from sends where status = 'skipped' order by id desc")},
		{"journeys", "/studio/journeys"},
		{"journey", "/studio/journeys/activation-welcome"},
		{"journey-branches", "/studio/journeys/abandoned-checkout"},
		{"journey-refused", "/studio/journeys/activation-welcome/refused"},
		{"journey-deploy", "/studio/journeys/activation-welcome/deploy"},
		{"journey-cancel", "/studio/journeys/activation-welcome/cancel?node=send:welcome"},
		{"pause", "/studio/journeys/activation-welcome/pause"},
		{"people", "/studio/journeys/activation-welcome/people?which=failed"},
		{"enrollment", "/studio/enrollments/" + one("select id::text from enrollments where status = 'completed' order by id desc")},
		{"enrollment-failed", "/studio/enrollments/" + one("select id::text from enrollments where status = 'failed' order by id desc")},
		{"buckets", "/studio/buckets"},
		{"bucket", "/studio/buckets/went-dormant"},
		{"bucket-switch", "/studio/buckets/went-dormant/switch?to=off"},
		{"what-if", "/studio/buckets/went-dormant/what-if"},
		{"campaigns", "/studio/campaigns"},
		{"campaign", "/studio/campaigns/" + one("select id::text from campaigns where status = 'sending'")},
		{"campaign-sent", "/studio/campaigns/" + one("select id::text from campaigns where status = 'sent'")},
		{"campaign-new", "/studio/campaigns/new"},
		{"campaign-cancel", "/studio/campaigns/" + one("select id::text from campaigns where status = 'sending'") + "/cancel"},
		{"templates", "/studio/templates"},
		{"template", "/studio/templates/welcome"},
		{"template-dark", "/studio/templates/nudge?scheme=dark"},
		{"imports", "/studio/imports"},
		{"import", "/studio/imports/" + one("select id::text from imports")},
		{"erasures", "/studio/erasures"},
		{"erasure", "/studio/erasures/" + one("select id::text from erasures")},
		{"settings", "/studio/settings"},
		{"mail-resend", "/studio/mails/" + one("select id::text from sends where status = 'failed' order by id desc") + "/resend"},
		{"found", "/studio/find?q=ada"},
		{"help", "/studio/help"},
		{"lists", "/studio/lists"},
		{"suppressions", "/studio/suppressions"},
		{"outbox", "/studio/outbox"},
		{"dead-letters", "/studio/dead-letters"},
		{"keys", "/studio/keys"},
		{"users", "/studio/users"},
		{"audit", "/studio/audit"},
		{"profile", "/studio/profile"},
		{"nothing", "/studio/contacts/00000000-0000-4000-8000-000000000000"},
	}
}

// look is a color and a width in which pages are looked at.
type look struct {
	scheme string
	width  int64
}

// Checks 31 to 34: on every page, light and dark, on a desktop and on a phone, nothing is
// inline, nothing scrolls sideways, at 400 % neither, nothing moves, every action can be
// reached, the console is silent, and nobody is kept out.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	s := open(t, 300)
	b := s.tab(admin)
	script := unpacked(t, axe)
	var problems []string
	pages := s.pages()
	if *only != "" {
		pages = slices.DeleteFunc(pages, func(p page) bool { return !slices.Contains(strings.Split(*only, ","), p.name) })
	}
	find := func(name string, checks ...string) {
		for _, check := range checks {
			if found := eval[string](b, check); found != "" {
				problems = append(problems, name+" "+found)
			}
		}
	}
	for _, width := range []int64{1280, 360} {
		for _, p := range pages {
			b.colored("light", width)
			b.visit(p.path)
			name := p.name + "-light-" + strconv.FormatInt(width, 10)
			find(name, wide, shift, inline, reached)
			eval[bool](b, script+"; true")
			find(name, keepsOut)
			b.picture(name)
			b.colored("dark", width)
			name = p.name + "-dark-" + strconv.FormatInt(width, 10)
			find(name, keepsOut)
			b.picture(name)
			if width == 360 {
				b.colored("light", 320) // what 1,280 are at 400 %
				find(p.name+"-320", wide, reached)
			}
		}
	}
	require.Empty(t, strings.Join(problems, "\n"))
	for _, line := range b.said.all() {
		require.Contains(t, line, "404", "the console") // of the page that is not there
	}
}

const (
	// wide names what reaches out of the window or out of its card.
	wide = `[...document.querySelectorAll(".card--flush")].some(e => e.scrollWidth > e.clientWidth) ? "a card scrolls sideways" : document.documentElement.scrollWidth <= innerWidth ? "" : "reaches out: " + [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
		.map(e => e.tagName + "." + e.className).slice(0, 5).join(" ")`
	// inline names what the policy would not let run.
	inline = `[...document.querySelectorAll("*")].filter(e => e.matches("script:not([src]), style, [style]") || [...e.attributes].some(a => a.name.startsWith("on"))).map(e => "inline: " + e.outerHTML.slice(0, 80)).slice(0, 3).join(" ")`
	// reached names actions that lie outside of the window, or have no size.
	reached = `[...document.querySelectorAll("main a, main button, main select, main input:not([type=hidden])")].filter(e => { const r = e.getBoundingClientRect(); return e.checkVisibility() && (r.width < 1 || r.height < 1 || r.left < -1 || r.right > innerWidth + 1); })
		.map(e => "out of reach: " + e.outerHTML.slice(0, 80)).slice(0, 3).join(" ")`
	shift = `new Promise(done => { let sum = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value; }).observe({type: "layout-shift", buffered: true});
		requestAnimationFrame(() => requestAnimationFrame(() => done(sum ? "moves by " + sum : ""))); })`
	keepsOut = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], iframes: false})
		.then(r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0] ? n.any[0].message : "")).join(" | ")).join("\n"))`
)

// picture takes one, if pictures are asked for.
func (b *tab) picture(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(*shots, 0o750))
	require.NoError(b.t, os.WriteFile(filepath.Join(*shots, strings.ReplaceAll(name, "/", "-")+".png"), png, 0o600))
}
