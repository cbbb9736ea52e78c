package server

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/users"
)

// What every page has around it: which installation it is, who needs somebody, what is
// wrong, and what can be taken along.
func TestStudioFrame(t *testing.T) { // U-1, U-2, U-11, U-12
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Environment, c.Unset = "development", []string{"RESEND_WEBHOOK_SECRET"}
		c.TestMode = trial.New(trial.Config{Mode: trial.ModeOn, To: "me@example.com"})
	})
	cookie := b.user(users.Admin)
	b.people()
	body := b.open("/studio/contacts?search=ada", cookie).body
	require.Contains(t, body, `<span class="environment">development</span>`)
	require.Contains(t, body, "Test mode is on, mails go to me@example.com.")
	require.Contains(t, body, "for want of RESEND_WEBHOOK_SECRET")
	require.Contains(t, body, `data-copy="http://127.0.0.1:3002/studio/contacts?search=ada">link`)
	require.Contains(t, body, `data-copy="curl -s &#39;http://127.0.0.1:3002/v1/admin/contacts?search=ada&#39; -H &#34;Authorization: Bearer $HOGSEND_API_KEY&#34;">curl`)
	require.Contains(t, body, `data-copy="hogsend contacts list --search ada">command`)
	require.NotContains(t, body, "tally")
	require.NotContains(t, body, "different definitions")
	b.rows(`with w as (insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at)
		select 'w' || n, 'b', 'digest-' || n, 'q', now(), $1 from generate_series(1, 2) n returning id),
		i as (insert into enrollment_issues (enrollment_id, kind, detail, since, seen_at) select id, 'stranded', '', now(), now() from enrollments returning kind),
		d as (insert into dead_letters (id, source, source_id, payload, error, retry_count, created_at, updated_at) select gen_random_uuid(), 'outbox.start', n::text, '{}', 'no', 3, now(), now() from generate_series(1, 3) n returning source)
		select id from w`, b.clock())
	b.advance(10e9)
	body = b.open("/studio/contacts", cookie).body
	require.Contains(t, body, "Workers run 2 different definitions")
	require.Contains(t, body, `Journeys<span class="tally"><b>1</b> <span class="sr">in trouble</span>`)
	require.Contains(t, body, `Dead letters<span class="tally"><b>3</b> <span class="sr">to decide</span>`)
	require.Contains(t, b.open("/studio/help", cookie).words(t), "g and then c goes to contacts")
	require.Contains(t, b.open("/studio/keys", b.user(users.Viewer)).words(t), "It can be done by admin@example.com.")
	require.Contains(t, b.open("/studio/contacts/00000000-0000-4000-8000-000000000000", cookie).body, `value="00000000-0000-4000-8000-000000000000"`)
}

// The search opens what is meant, and lists what it may be.
func TestStudioFind(t *testing.T) { // U-3
	t.Parallel()
	b := setup(t, welcome)
	cookie := b.user(users.Viewer)
	b.people()
	find := func(q string) answer { return b.open("/studio/find?q="+q, cookie) }
	workflow := b.rows("select workflow_id from enrollments")[0]
	enrollment := "/studio/enrollments/" + b.rows("select id::text from enrollments")[0]
	require.Equal(t, enrollment, find(strings.ReplaceAll(workflow, "/", "%2F")).header.Get("Location"))
	mail := b.sent("user_1", "welcome", ", provider_id", "'sent', 'ada@example.com', 'Hi', now(), now(), 're_123'")
	require.Equal(t, "/studio/mails/"+mail, find("re_123").header.Get("Location"))
	require.Equal(t, "/studio/journeys/trial-nudge", find("nud").header.Get("Location"), "the word of a name, and nothing else")
	tri := find("tri").words(t)
	require.Contains(t, tri, "Journeys Trial nudge trial-nudge")
	require.Contains(t, tri, "Events trial.started")
	require.Equal(t, 404, find("nobody%26nothing").status)
	require.Contains(t, find("nobody%26nothing").words(t), "Nothing is called “nobody&amp;nothing”")
	require.Contains(t, find("ex").words(t), "Nothing is called", "two letters are too few for people")
	b.do(call{method: "DELETE", url: "/v1/admin/contacts/user_1", key: adminKey})
	require.Contains(t, find("user_1").words(t), "This contact was deleted")
}

// turned are the rows of a list, from its beginning to its end and back again.
func (b *bundle) turned(t *testing.T, first, cookie string) (there, back []string) {
	t.Helper()
	rows := regexp.MustCompile(`class="row-link" href="([^"]+)"`)
	way := func(path, rel string) (all []string, last string) {
		for path != "" {
			a := b.open(path, cookie)
			require.Equal(t, 200, a.status, path)
			var page []string
			for _, m := range rows.FindAllStringSubmatch(a.body, -1) {
				page = append(page, m[1])
			}
			if rel == "prev" {
				slices.Reverse(page)
			}
			all, last, path = append(all, page...), path, ""
			if m := regexp.MustCompile(`rel="` + rel + `" href="([^"]+)"`).FindStringSubmatch(a.body); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		return all, last
	}
	there, last := way(first, "next")
	back, _ = way(last, "prev")
	slices.Reverse(back)
	return there, back
}

// Lists turn both ways, show each row once, and say how many there are.
func TestStudioLists(t *testing.T) { // U-5
	t.Parallel()
	b := setup(t, welcome)
	cookie := b.user(users.Admin)
	var events []string
	for i := range 120 {
		events = append(events, `{"name":"trial.started","userId":"u`+itoa(i)+`","eventProperties":{"plan":"pro"}}`)
	}
	for i := 0; i < len(events); i += 60 {
		require.Equal(t, 202, b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[` + strings.Join(events[i:i+60], ",") + `]}`}).status)
	}
	b.rows(`with s as (insert into sends (id, contact_id, key, template_key, to_email, from_email, subject, status, category, html, text, created_at, updated_at)
		select gen_random_uuid(), c.id, c.id::text, 'welcome', 'a@example.com', 'b@example.com', 'Hi', 'sent', 'journey', '', '', $1::timestamptz - row_number() over () / 3 * interval '1 minute', now() from contacts c returning id::text)
		select id from s`, b.clock())
	for path, total := range map[string]int{
		"/studio/contacts": 120, "/studio/contacts?order=newest": 120, "/studio/contacts?search=u1": 31, "/studio/events": 120, "/studio/events?name=trial.started": 120,
		"/studio/mails": 120, "/studio/mails?which=sent": 120, "/studio/journeys/trial-nudge/people": 120,
	} {
		there, back := b.turned(t, path, cookie)
		require.Len(t, there, total, path)
		require.Len(t, sortedUnique(there), total, path)
		require.Equal(t, there[:min(50, total)], back[:min(50, total)], path)
		require.Subset(t, there, back, path)
		require.Contains(t, b.open(path, cookie).words(t), itoa(total)+" in all", path)
	}
	require.Contains(t, b.open("/studio/mails?which=failed", cookie).words(t), "No mail like this")
	require.Contains(t, b.open("/studio/mails?before=nonsense&after=nonsense", cookie).words(t), "120 in all", "what is no place begins the list")
}

// A page asks for its part again and gets nothing while nothing has changed.
func TestStudioLive(t *testing.T) { // U-6
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Admin)
	b.people()
	for _, path := range []string{"/studio/journeys/trial-nudge", "/studio/outbox", "/studio/health"} {
		require.Contains(t, b.open(path, cookie).body, `hx-get="`+path+`?part=live&amp;seen="`)
		part := b.open(path+"?part=live&seen=", cookie)
		require.True(t, strings.HasPrefix(part.body, `<div class="live" id="live"`), part.body)
		seen := regexp.MustCompile(`seen=([0-9a-f]{16})"`).FindStringSubmatch(part.body)
		require.Len(t, seen, 2, path)
		if path == "/studio/health" {
			continue // it tells how long parts took to answer
		}
		require.Equal(t, 204, b.open(path+"?part=live&seen="+seen[1], cookie).status, path)
		require.Equal(t, 200, b.open(path+"?part=live&seen=0000000000000000", cookie).status, path)
	}
	require.NotContains(t, b.open("/studio/users", cookie).body, "data-region")
}

// A user may ask for so many pages in a minute, with what they ask of the API.
func TestStudioRates(t *testing.T) { // U-53
	t.Parallel()
	b := setup(t, func(c *Config) { c.RateLimitAdmin = 5 })
	cookie := b.user(users.Viewer)
	for range 5 {
		require.Equal(t, 200, b.open("/studio/lists", cookie).status)
	}
	refused := b.open("/studio/lists", cookie)
	require.Equal(t, 429, refused.status)
	require.Equal(t, "60", refused.header.Get("Retry-After"))
	require.Contains(t, refused.words(t), "Try again in 60 s.")
	require.Equal(t, 429, b.do(call{method: "GET", url: "/v1/admin/contacts", headers: map[string]string{"Cookie": cookie}}).status)
	b.advance(61e9)
	require.Equal(t, 200, b.open("/studio/lists", cookie).status)
}

// The log as a file holds what the page shows, and nothing that a spreadsheet runs.
func TestStudioAuditCSV(t *testing.T) { // U-41
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Admin)
	b.rows(`with a as (insert into audit_logs (id, actor_type, actor, action, resource, resource_id, detail, request_id, created_at)
		values (gen_random_uuid(), 'user', '=cmd()', 'journeys.pause', 'journeys', 'trial-nudge', '{}', 'r', now()) returning id::text) select id from a`)
	file := b.open("/studio/audit.csv?action=journeys.pause", cookie)
	require.Equal(t, `attachment; filename="audit.csv"`, file.header.Get("Content-Disposition"))
	lines := strings.Split(strings.TrimSpace(file.body), "\r\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[1], "'=cmd(),user,journeys.pause,journeys,trial-nudge,{},,r")
	require.Contains(t, b.open("/studio/audit?action=journeys.pause", cookie).body, `href="/studio/audit.csv?action=journeys.pause"`)
	require.Contains(t, b.open("/studio/audit", cookie).body, `<a href="/studio/journeys/trial-nudge">trial-nudge</a>`)
	require.Equal(t, 403, b.open("/studio/audit.csv", b.user(users.Viewer)).status)
}

// What takes long to count comes by itself while the page is there; what cannot be read
// leaves the rest of the page as it is.
func TestStudioSlowParts(t *testing.T) { // U-7, U-10
	t.Parallel()
	b := setup(t)
	cookie := b.user(users.Viewer)
	b.people()
	const path = "/studio/journeys/trial-nudge"
	require.Contains(t, b.open(path, cookie).words(t), "The beginning 1 here")
	tx, err := b.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), "lock table waits in access exclusive mode")
	require.NoError(t, err)
	impatient := b.server.cfg
	impatient.Patience = 0
	b.server = New(impatient)
	a := b.open(path, cookie)
	require.Equal(t, 200, a.status)
	require.Contains(t, a.words(t), "Counting…")
	require.Contains(t, a.words(t), "1 in it now")
	require.Contains(t, a.body, "data-region", "it asks again")
	require.Eventually(t, func() bool { return strings.Contains(b.open(path, cookie).words(t), "This part could not be read.") }, 20e9, 50e6)
	require.Contains(t, b.logs.String(), "part of a page failed")
}
