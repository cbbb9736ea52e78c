package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/tracking"
)

const (
	sentMail = "9a1e6c34-0c57-4b0f-93a6-5b6e8d7f0a12"
	browser  = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
)

// newReadersOffice is an office with a mail to Ada that was sent a minute ago and has links
// to each of the paths.
func newReadersOffice(t *testing.T, paths ...string) *office {
	t.Helper()
	o := newPostOffice(t)
	o.server.cfg.Tracking = tracking.Classifier{MinAge: 2 * time.Second}
	o.exec(`update sends set sent_at = $1`, o.clock().Add(-time.Minute))
	for _, path := range paths {
		o.exec(`insert into tracked_links (id, send_id, url) values ($1, $2, $3)`, linkOf(path), sentMail, path)
	}
	return o
}

func linkOf(url string) uuid.UUID { return tracking.LinkID(uuid.MustParse(sentMail), url) }

// click follows a link, from an address, as an agent.
func (o *office) click(url string, change ...func(*call)) answer {
	return o.read("/v1/t/c/"+linkOf(url).String(), change...)
}

func (o *office) open(change ...func(*call)) answer {
	return o.read("/v1/t/o/"+sentMail+".gif", change...)
}

func (o *office) read(path string, change ...func(*call)) answer {
	c := call{method: "GET", url: path, headers: map[string]string{"User-Agent": browser}, address: "203.0.113.7"}
	for _, fn := range change {
		fn(&c)
	}
	a := o.do(c)
	o.server.hits.running.Wait()
	return a
}

func as(agent string) func(*call) { return func(c *call) { c.headers["User-Agent"] = agent } }

// engagement is the send's status, when it was opened and clicked, and its hits.
func (o *office) engagement() string {
	o.t.Helper()
	return o.rows(`select concat_ws(' ', s.status, case when s.opened_at is not null then 'opened' end, case when s.clicked_at is not null then 'clicked' end,
		(select string_agg(n || ' ' || class, ', ' order by class) from (select class, count(*) n from hits group by class) c)) from sends s`)[0]
}

func (o *office) told() []string {
	return slices.Clone(o.rows(`select concat_ws(' ', name, properties->>'templateKey', properties->>'linkUrl', source) from events where name like 'email.%' order by received_at, name, id`))
}

// E-48, R-23: a click leads to the stored URL, counts, and is told once.
func TestAClickIsTrackedAndLeadsOn(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example/x?a=1&b=ü x", "https://b.example")
	a := o.click("https://a.example/x?a=1&b=ü x")
	require.Equal(t, 302, a.status)
	require.Equal(t, "https://a.example/x?a=1&b=%C3%BC%20x", a.header.Get("Location"))
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Empty(t, a.body)
	require.Equal(t, "clicked clicked 1 human", o.engagement()) // E-49: no open is made up
	require.Equal(t, []string{"email.link_clicked welcome https://a.example/x?a=1&b=ü x email"}, o.told())
	o.advance(time.Hour)
	o.click("https://a.example/x?a=1&b=ü x") // again
	o.click("https://b.example")             // E-75: another link is another event
	require.Equal(t, []string{
		"email.link_clicked welcome https://a.example/x?a=1&b=ü x email", "email.link_clicked welcome https://b.example email",
	}, o.told())
	require.Equal(t, []string{"2 t", "1 f"}, o.rows(`select click_count || ' ' || (clicked_at = (select clicked_at from sends))::text::char from tracked_links order by click_count desc`))
	require.Equal(t, []string{"203.0.113.7 " + browser}, o.rows(`select distinct ip_address || ' ' || user_agent from hits`))
	require.Equal(t, []string{"ada@example.com"}, o.rows(`select distinct email from contacts`)) // E-75: nothing else of the contact changes
}

// E-49, R-24: the pixel is always there; the first person to open is told.
func TestAnOpenIsTracked(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t)
	for range 2 {
		a := o.open()
		require.Equal(t, 200, a.status)
		require.Equal(t, "image/gif", a.header.Get("Content-Type"))
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.Len(t, a.body, 43)
	}
	require.Equal(t, "opened opened 2 human", o.engagement())
	require.Equal(t, []string{"email.opened welcome email"}, o.told())
	require.Equal(t, 200, o.read("/v1/t/o/"+uuid.NewString()).status) // not known, and without the suffix
	require.Equal(t, 400, o.read("/v1/t/o/1.gif").status)
}

// E-50: machines are kept as such and do nothing else; a person after them is the first.
func TestMachinesDoNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*call){
		"a scanner":   as("BarracudaCentral/1.0"),
		"no agent":    as(""),
		"mail proxy":  as("Mozilla/5.0"),
		"HEAD":        func(c *call) { c.method = "HEAD" },
		"a prefetch":  func(c *call) { c.headers["Sec-Purpose"] = "prefetch;prerender" },
		"old Firefox": func(c *call) { c.headers["X-Moz"] = "prefetch" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newReadersOffice(t, "https://a.example")
			a := o.click("https://a.example", change)
			require.Equal(t, 302, a.status)
			require.Equal(t, "https://a.example", a.header.Get("Location"))
			require.Equal(t, 200, o.open(change).status)
			require.Equal(t, "sent 2 machine", o.engagement())
			require.Empty(t, o.told())
			require.Equal(t, []string{"0"}, o.rows(`select click_count::text from tracked_links`))
			o.click("https://a.example")
			o.open()
			require.Equal(t, "clicked opened clicked 2 human, 2 machine", o.engagement())
			require.Equal(t, []string{"email.link_clicked welcome https://a.example email", "email.opened welcome email"}, o.told())
		})
	}
}

// E-50: whoever follows everything at once is no person, and neither is who follows a link
// before anybody could read.
func TestMachinesAreKnownByTheirPace(t *testing.T) {
	t.Parallel()
	urls := []string{"https://a.example/1", "https://a.example/2", "https://a.example/3", "https://a.example/4"}
	o := newReadersOffice(t, urls...)
	for _, url := range urls {
		o.click(url)
	}
	require.Equal(t, "clicked clicked 2 human, 2 machine", o.engagement())
	require.Len(t, o.told(), 2)
	o.click(urls[2], func(c *call) { c.address = "203.0.113.8" }) // somebody else
	o.advance(3 * time.Second)
	o.click(urls[3])
	require.Len(t, o.told(), 4)

	o = newReadersOffice(t, urls...)
	o.exec(`update sends set sent_at = $1`, o.clock().Add(-2*time.Second+time.Millisecond))
	o.click(urls[0])
	require.Equal(t, "sent 1 machine", o.engagement())
	o.advance(time.Millisecond)
	o.click(urls[0])
	require.Equal(t, "clicked clicked 1 human, 1 machine", o.engagement())
}

// E-48, E-50: of many at once each first is told once, and no more links than a person
// follows count as a person's.
func TestClicksAtOnce(t *testing.T) {
	t.Parallel()
	urls := []string{"https://a.example/1", "https://a.example/2", "https://a.example/3", "https://a.example/4"}
	o := newReadersOffice(t, urls...)
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			r := call{method: "GET", url: "/v1/t/c/" + linkOf(urls[i%len(urls)]).String(), headers: map[string]string{"User-Agent": browser}, address: fmt.Sprintf("203.0.113.%d", i%3)}
			if a := o.do(r); a.status != 302 {
				panic(a.body)
			}
		})
	}
	group.Wait()
	o.server.hits.running.Wait()
	told := o.told()
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(told))), len(told))
	require.Equal(t, []string{strconv.Itoa(len(told))}, o.rows(`select count(*)::text from tracked_links where clicked_at is not null`))
	require.Equal(t, []string{"24"}, o.rows(`select count(*)::text from hits`))
	require.Equal(t, []string{"t"}, o.rows(`select ((select sum(click_count) from tracked_links) = (select count(*) from hits where class = 'human'))::text::char`))
	require.Equal(t, []string{"6"}, o.rows(`select count(distinct (ip_address, link_id))::text from hits where class = 'human'`))
}

// E-48: what cannot be found leads to us, what is no id is refused, and nothing in the request
// says where to.
func TestLinksThatAreNotKnown(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example")
	for path, status := range map[string]int{
		"/v1/t/c/" + uuid.NewString():                                   302,
		"/v1/t/c/" + uuid.NewString() + "?url=https://evil.example":     302,
		"/v1/t/c/" + linkOf("https://a.example").String() + "?u=//evil": 302,
		"/v1/t/c/https:%2F%2Fevil.example":                              400,
		"/v1/t/c/1":                                                     400,
	} {
		a := o.read(path)
		require.Equal(t, status, a.status, path)
		require.NotContains(t, a.header.Get("Location"), "evil")
		if status == 302 && !strings.Contains(path, "?u=") {
			require.Equal(t, "http://127.0.0.1:3002", a.header.Get("Location"))
		}
	}
}

// E-48, E-49: with a database that is gone, or too busy to keep anything, readers are sent on.
func TestReadersAreNotHeldUp(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example")
	tx, err := o.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `lock table hits`)
	require.NoError(t, err)
	began := time.Now()
	a := o.do(call{method: "GET", url: "/v1/t/c/" + linkOf("https://a.example").String(), headers: map[string]string{"User-Agent": browser}})
	require.Equal(t, "https://a.example", a.header.Get("Location"))
	require.Less(t, time.Since(began), 5*time.Second)
	require.NoError(t, tx.Rollback(t.Context()))
	o.server.Settle(t.Context()) // what was begun goes on
	require.Equal(t, "clicked clicked 1 human", o.engagement())

	gone, err := store.Open(t.Context(), store.Config{URL: "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"})
	require.NoError(t, err)
	defer gone.Close()
	o.server.store = gone
	a = o.click("https://a.example")
	require.Equal(t, 302, a.status)
	require.Equal(t, "http://127.0.0.1:3002", a.header.Get("Location"))
	require.Contains(t, o.logs.String(), "link not found out")
}

// E-48: what cannot be kept is said in the log, and nobody waits for it.
func TestARecorderGivesUpOnWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t)
	release := make(chan struct{})
	for range maxRecording {
		o.server.hits.slots <- struct{}{}
	}
	o.server.hits.record(t.Context(), "r", func(context.Context) error { panic("never") })
	require.Contains(t, o.logs.String(), "too many at a time")
	<-o.server.hits.slots
	o.server.hits.record(t.Context(), "r", func(context.Context) error { <-release; return errors.New("too late") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.server.Settle(ctx) // does not wait for ever
	close(release)
	o.server.Settle(t.Context())
	require.Contains(t, o.logs.String(), "too late")
}

// E-43, E-44, E-64: what the provider tells of opens and clicks feeds the same columns, and
// is told once whoever tells it.
func TestTheProviderTellsOfOpensAndClicks(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example")
	late := o.clock()
	click := func(url, agent string, at time.Time) string {
		return fmt.Sprintf(`,"click":{"ipAddress":"198.51.100.1","link":%q,"timestamp":%q,"userAgent":%q}`, url, at.UTC().Format(time.RFC3339Nano), agent)
	}
	o.report("m1", resend("clicked", click("https://a.example", "curl/8.0", late), late))
	require.Equal(t, "sent 1 machine", o.engagement())
	for range 2 {
		o.report("m2", resend("clicked", click("https://a.example", browser, late), late))
	}
	o.report("m3", resend("opened", "", late.Add(-10*time.Second)))
	require.Equal(t, "clicked opened clicked 2 human, 1 machine", o.engagement())
	o.report("m4", resend("clicked", click("https://a.example", browser, late.Add(-20*time.Second)), late)) // older than what we know
	require.Equal(t, []string{"t"}, o.rows(`select (clicked_at = $1 and opened_at = $2)::text::char from sends`, late.Add(-20*time.Second), late.Add(-10*time.Second)))
	o.report("m5", resend("clicked", click("https://elsewhere.example/", browser, late.Add(-30*time.Second)), late)) // a link that we do not track
	require.Equal(t, []string{
		"email.link_clicked welcome https://a.example email", "email.link_clicked welcome https://elsewhere.example/ email", "email.opened welcome email",
	}, slices.Sorted(slices.Values(o.told())))
	before := o.engagement()
	o.report("m6", resend("clicked", click("http://127.0.0.1:3002/v1/t/c/"+linkOf("https://a.example").String(), browser, late), late)) // our own route tells it
	o.report("m7", resend("clicked", "", late))
	require.Equal(t, before, o.engagement())

	// E-43: a bounce stays above, and an outcome that was unknown is proven.
	o = newReadersOffice(t)
	o.exec(`update sends set status = 'bounced', bounced_at = now()`)
	o.report("m1", resend("opened", "", late))
	require.Equal(t, "bounced opened 1 human", o.engagement())
	o = newReadersOffice(t)
	o.exec(`update sends set status = 'failed', reason = 'unknown_outcome', sent_at = null, first_attempt_at = $1`, late.Add(-time.Minute))
	o.report("m1", resend("opened", "", late))
	require.Equal(t, []string{"opened t"}, o.rows(`select status || ' ' || (reason is null and sent_at is not null)::text::char from sends`))
}

// E-75: without a contact nothing is told, and the hit counts all the same.
func TestHitsOfMailsWithoutContact(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example")
	o.exec(`update sends set contact_id = null`)
	o.click("https://a.example")
	o.open()
	require.Equal(t, "clicked opened clicked 2 human", o.engagement())
	require.Empty(t, o.told())
}

// E-48, E-50: however often a link is followed, what is kept of one mail has a bound.
func TestHitsAreBounded(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example")
	o.exec(`insert into hits (id, send_id, class, at) select gen_random_uuid(), $1, 'machine', now() from generate_series(1, 1000)`, sentMail)
	o.click("https://a.example", as("curl/8"))
	require.Equal(t, "sent 1000 machine", o.engagement())
	o.click("https://a.example")
	o.click("https://a.example")
	require.Equal(t, "clicked clicked 1 human, 1000 machine", o.engagement())
	require.Equal(t, []string{"2"}, o.rows(`select click_count::text from tracked_links`))
}
