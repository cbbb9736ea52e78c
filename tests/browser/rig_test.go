// Package browser looks at Studio as people do: in a browser without a window.
package browser

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/chromium"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/demo"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server"
	"github.com/hogsend/hogsend/server/studio"
)

// installVariable lets a missing browser be installed by the package manager, as root.
const installVariable = "HOGSEND_INSTALL_BROWSER"

var (
	shots   = flag.String("shots", "", "folder for a picture of every page, in each width and color")
	only    = flag.String("only", "", "names of pages, with commas: look at these only")
	browser context.Context // the one of the package, as chromedp keeps it
)

func TestMain(m *testing.M) {
	dbtest.Keep()
	flag.Parse()
	path, err := find()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))...)
	started, end := chromedp.NewContext(allocator)
	browser = started //nolint:fatcontext // set once
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, "start browser:", err)
		os.Exit(1)
	}
	code := m.Run()
	end()
	stop()
	os.Exit(code)
}

// find is the path of a browser.
func find() (string, error) {
	path, err := chromium.Find()
	if err == nil {
		return path, nil
	}
	if os.Getenv(installVariable) == "true" {
		out, err := exec.Command("sh", "-c", "apt-get update -q && apt-get install -y --no-install-recommends chromium-headless-shell fonts-dejavu-core").CombinedOutput() //nolint:noctx // before any test
		if path, missing := chromium.Find(); missing == nil {
			return path, nil
		}
		return "", fmt.Errorf("install browser: %w: %s", err, out)
	}
	return "", errors.New("the tests of Studio and of mails need Chromium or Chrome: install it (Debian: apt-get install chromium-headless-shell), or set " +
		installVariable + "=true to have the package manager do it")
}

// site is a server with the people of the demo, and how a test gets at it.
type site struct {
	t      *testing.T
	url    string
	store  *store.Store
	users  *users.Users
	server *server.Server
	// asked counts requests.
	asked atomic.Int64
}

func open(t *testing.T, people int, changes ...func(*server.Config)) *site {
	t.Helper()
	s := &site{t: t, store: dbtest.DB(t)}
	registry := saas.Registry()
	log := slog.New(slog.DiscardHandler)
	ingester := ingest.New(s.store, ingest.Config{Journeys: registry.Journeys, Logger: log})
	t.Cleanup(ingester.Close)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.server.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s.url, s.users = web.URL, users.New(s.store, nil)
	drawn, err := flow.Parse(saas.Flow())
	require.NoError(t, err)
	cfg := server.Config{
		Store: s.store, Ingest: ingester, Registry: registry, Enabled: registry.Journeys, PublicURL: s.url, Version: "1.0.0", BuildID: "3f9c2ab", Logger: log,
		Temporal:  func(context.Context) error { return nil },
		FailedRun: func(_ context.Context, workflowID string) (string, error) { return "run of " + workflowID, nil },
		Flow:      drawn, Patience: time.Minute, Settings: []studio.SettingGroup{{Title: "HTTP", Settings: []studio.Setting{{Name: "PORT", Value: "3002", Meaning: "port to listen on"}, {Name: "HOGSEND_SECRET", Value: "set", Meaning: "what is signed is under it", Given: true}}}},
	}
	for _, change := range changes {
		change(&cfg)
	}
	s.server = server.New(cfg)
	_, err = s.users.Create(t.Context(), store.System("test"), users.NewUser{Name: "Eve Adams", Email: admin, Role: users.Admin, Password: password})
	require.NoError(t, err)
	if people > 0 {
		s.fill(ingester, drawn, people)
	}
	return s
}

const (
	admin    = "eve@example.com"
	password = "correct horse battery"
)

// fill brings the buckets into force and makes the people of the demo, some of whom
// stand where a worker would have brought them.
func (s *site) fill(ingester *ingest.Ingester, drawn *flow.File, people int) {
	s.t.Helper()
	registry := saas.Registry()
	require.NoError(s.t, demo.Fill(s.t.Context(), demo.Config{Store: s.store, Ingest: ingester, Registry: registry, Flow: drawn, PublicURL: s.url, People: people, Now: time.Now()}))
	definitions, err := bucket.DescribeAll(registry.Buckets)
	require.NoError(s.t, err)
	roll := rollout.New(ingester.Engine())
	require.NoError(s.t, roll.Register(s.t.Context(), "demo", "3f9c2ab", definitions))
	for done := false; !done; {
		done, _, err = roll.Backfill(s.t.Context())
		require.NoError(s.t, err)
	}
	for _, j := range registry.Journeys {
		code, found := drawn.Of(j)
		require.True(s.t, found, j.ID)
		var nodes []string
		code.Root.Nodes(func(n *flow.Node) {
			if n.ID != "" {
				nodes = append(nodes, strings.ReplaceAll(n.ID, "*", "1"))
			}
		})
		s.exec(`with stands as (select id, row_number() over (order by id) as n from enrollments where status = 'active' and journey_id = $1)
			update enrollments e set status = 'waiting', node = ($2::text[])[1 + n % cardinality($2::text[])] from stands s where s.id = e.id and n % 5 > 0`, j.ID, nodes)
	}
	for _, sql := range []string{
		`update campaigns set status = 'sending', canceled_at = null, completed_at = null, started_at = now() - interval '12 minutes' where status = 'canceled'`,
		`update campaign_recipients r set status = 'open', reason = null from campaigns c where c.id = r.campaign_id and c.status = 'sending' and r.reason = 'canceled'`,
		`insert into imports (id, kind, format, file_name, status, total_rows, processed_rows, failed_rows, errors, created_at, updated_at) values
			(gen_random_uuid(), 'contacts', 'csv', 'people-of-march.csv', 'processing', 12000, 7400, 2, '[{"row": 17, "error": "email: must be an e-mail address"}, {"row": 4012, "error": "externalId: is missing"}]', now() - interval '2 minutes', now())`,
		`insert into erasures (id, contact_id, contact_ids, lookups, reason, suppression_kept, removed, requested_at, completed_at)
			select g, g, array[g], '{}', 'asked for by letter', true, '{"events": 42, "sends": 7, "memberships": 2}', now() - interval '1 hour', now() - interval '59 minutes' from gen_random_uuid() g`,
		`insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, deadline, status, registered_at)
		select gen_random_uuid(), id, contact_id, 'w', node, case when node like 'wait-event:%' then substr(node, 12) end, now() + random() * interval '60 hours', 'open', updated_at
		from enrollments where status = 'waiting' and node like 'wait%'`,
		`insert into enrollment_issues (enrollment_id, kind, detail, since, seen_at) select id, 'blocked', 'nondeterministic: history differs at step 4', now() - interval '3 hours', now() from enrollments where status = 'waiting' order by id limit 2`,
		`insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at)
		select 'host/worker-' || n, '3f9c2ab', 'demo', 'hogsend', now() - interval '2 days', now() - n * interval '20 seconds' from generate_series(0, 2) n`,
		`update outbox set created_at = now() - interval '90 seconds', attempts = 3, last_error = 'dial tcp 127.0.0.1:7233: connection refused' where id in (select id from outbox order by seq limit 5)`,
		`update outbox set status = 'dead', attempts = 15, last_error = E'POST https://hooks.example.com/crm: 503 Service Unavailable' where id in (select id from outbox order by seq desc limit 3)`,
		`insert into dead_letters (id, source, source_id, payload, error, retry_count, created_at, updated_at) select gen_random_uuid(), 'outbox.' || kind, id::text, payload, last_error, 15, now(), now() from outbox where status = 'dead'`,
		`update outbox set status = 'delivered', delivered_at = now() where status = 'pending' and id not in (select id from outbox order by seq limit 5)`,
	} {
		s.exec(sql)
	}
}

// check is one of the checks of STUDIO.md, under its number and in its words.
func (s *site) check(name string, do func(t *testing.T)) {
	s.t.Helper()
	whole := s.t
	whole.Run(name, func(t *testing.T) {
		s.t = t
		defer func() { s.t = whole }()
		do(t)
	})
}

// busy is the journey that most people are in.
func (s *site) busy() string {
	s.t.Helper()
	return s.rows("select journey_id from enrollments where status in ('active', 'waiting') and journey_id not like 'bucket:%' group by 1 order by count(*) desc, 1 limit 1")[0]
}

func (s *site) exec(sql string, args ...any) {
	s.t.Helper()
	_, err := s.store.Pool.Exec(s.t.Context(), sql, args...)
	require.NoError(s.t, err, sql)
}

// rows are the values of a one-column query.
func (s *site) rows(sql string, args ...any) []string {
	s.t.Helper()
	rows, _ := s.store.Pool.Query(s.t.Context(), sql, args...) // the error is in rows
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	return out
}

// tab is a page of a browser that has nothing of the others.
type tab struct {
	*site
	ctx context.Context //nolint:containedctx // that is what a tab is to chromedp
	// said is what the console said.
	said *lines
}

// tab opens one, signed in as the user with an address; "" is nobody.
func (s *site) tab(email string) *tab {
	s.t.Helper()
	said := &lines{}
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(said.hear))
	s.t.Cleanup(end)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	s.t.Cleanup(cancel)
	b := &tab{site: s, ctx: ctx, said: said}
	b.colored("light", 1280)
	if email != "" {
		token, err := s.users.SignInLink(s.t.Context(), store.System("test"), email)
		require.NoError(s.t, err)
		b.visit("/studio/enter?token=" + token)
	}
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// colored asks for pages as a system in light or dark does, of a width.
func (b *tab) colored(scheme string, width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // no click falls into a transition
	}})
	require.NoError(b.t, err)
}

func eval[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, script)
	return v
}
