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

// looks are each color and each width once; for pictures all of them.
func looks() []look {
	if *shots == "" {
		return []look{{"light", 1280}, {"dark", 360}}
	}
	return []look{{"light", 1280}, {"light", 360}, {"dark", 1280}, {"dark", 360}}
}

// Checks 31 to 34 of U-49 and the visual system: on every page nothing scrolls sideways,
// nothing moves, the console is silent, and nobody is kept out.
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
	for _, look := range looks() {
		b.colored(look.scheme, look.width)
		for _, p := range pages {
			b.visit(p.path)
			name := p.name + "-" + look.scheme + "-" + strconv.FormatInt(look.width, 10)
			checks := []string{wide, shift}
			if (look.width == 360) == (look.scheme == "dark") { // it takes its time
				eval[bool](b, script+"; true")
				checks = append(checks, keepsOut)
			}
			for _, check := range checks {
				if found := eval[string](b, check); found != "" {
					problems = append(problems, name+" "+found)
				}
			}
			if *shots != "" {
				b.picture(name)
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
	shift = `new Promise(done => { let sum = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value; }).observe({type: "layout-shift", buffered: true});
		requestAnimationFrame(() => requestAnimationFrame(() => done(sum ? "moves by " + sum : ""))); })`
	keepsOut = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], iframes: false})
		.then(r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0] ? n.any[0].message : "")).join(" | ")).join("\n"))`
)

func (b *tab) picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(*shots, 0o750))
	require.NoError(b.t, os.WriteFile(filepath.Join(*shots, strings.ReplaceAll(name, "/", "-")+".png"), png, 0o600))
}
