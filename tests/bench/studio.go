package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server"
)

// studioBench is a server over a large installation, and who looks at it.
type studioBench struct {
	size    installation
	server  *server.Server
	ingest  *ingest.Ingester
	pool    *pgxpool.Pool
	cookie  string
	started time.Duration
	asked   *statements
}

// benchStudio measures the ten bars of Studio (STUDIO.md, section 11).
func benchStudio(ctx context.Context, base, binary string, size installation) ([]line, error) {
	b, err := newStudioBench(ctx, base, size)
	if err != nil {
		return nil, err
	}
	defer b.pool.Close()
	defer b.ingest.Close()
	var lines []line
	for _, bar := range []func(context.Context) ([]line, error){b.pages, b.busiest, b.searches, b.weight, b.painted, b.tabs, b.plans, func(context.Context) ([]line, error) { return b.added(ctx, binary) }} {
		got, err := bar(ctx)
		if err != nil {
			return nil, err
		}
		lines = append(lines, got...)
	}
	return lines, nil
}

func newStudioBench(ctx context.Context, base string, size installation) (*studioBench, error) {
	plain, address, err := database(ctx, base, "bench_studio")
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	fmt.Fprintf(os.Stderr, "storing %d contacts, %d events, %d mails\n", size.contacts, size.events, size.sends)
	if err := size.fill(ctx, plain); err != nil {
		return nil, err
	}
	b := &studioBench{size: size, asked: &statements{}}
	cfg, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("parse url: %w", err)
	}
	cfg.MaxConns = 20
	cfg.ConnConfig.RuntimeParams["jit"] = "off" // as store.Open sets it
	cfg.ConnConfig.Tracer = b.asked
	if b.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	registry, s, log := saas.Registry(), store.New(b.pool), slog.New(slog.DiscardHandler)
	b.ingest = ingest.New(store.New(b.pool), ingest.Config{Journeys: registry.Journeys, Logger: log})
	definitions, err := bucket.DescribeAll(registry.Buckets)
	if err != nil {
		return nil, err
	}
	if err := rollout.New(b.ingest.Engine()).Register(ctx, "bench", "3f9c2ab", definitions); err != nil {
		return nil, err
	}
	if _, err := b.pool.Exec(ctx, "update backfills set status = 'completed'"); err != nil {
		return nil, fmt.Errorf("end backfills: %w", err)
	}
	began := time.Now()
	b.server = server.New(server.Config{
		Store: s, Ingest: b.ingest, Registry: registry, Enabled: registry.Journeys, PublicURL: "http://127.0.0.1:3002", Version: "bench", Logger: log,
		RateLimitAdmin: 1 << 30, Temporal: func(context.Context) error { return nil },
	})
	b.started = time.Since(began)
	people := users.New(s, nil)
	if _, err := people.Create(ctx, store.System("bench"), users.NewUser{Name: "Eve", Email: "eve@example.com", Role: users.Admin, Password: "correct horse battery"}); err != nil {
		return nil, err
	}
	token, err := people.SignInLink(ctx, store.System("bench"), "eve@example.com")
	if err != nil {
		return nil, err
	}
	b.cookie, _, _ = strings.Cut(b.get("/studio/enter?token="+url.QueryEscape(token)).Header().Get("Set-Cookie"), ";")
	if b.cookie == "" {
		return nil, errors.New("sign in: no cookie came")
	}
	return b, nil
}

func (b *studioBench) get(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Cookie", b.cookie)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w
}

// times are how long a page took the server, again and again, in order.
func (b *studioBench) times(path string, n int) ([]time.Duration, error) {
	var all []time.Duration
	for range n {
		began := time.Now()
		w := b.get(path)
		if w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
			return nil, fmt.Errorf("%s: status %d: %s", path, w.Code, strings.TrimSpace(unzip(w)))
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all, nil
}

// at is the time that a share of them did not go beyond.
func at(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func took(d time.Duration) string { return fmt.Sprintf("%.1f ms", ms(d)) }

// one is an id of the installation.
func (b *studioBench) one(ctx context.Context, sql string) (id string, err error) {
	if err := b.pool.QueryRow(ctx, sql).Scan(&id); err != nil {
		return "", fmt.Errorf("%s: %w", sql, err)
	}
	return id, nil
}

// paths are every page, with a row of the installation where one shows one.
func (b *studioBench) paths(ctx context.Context) ([]string, error) {
	paths := []string{
		"/studio/", "/studio/health", "/studio/contacts", "/studio/contacts?order=newest", "/studio/events", "/studio/events?name=feature.used", "/studio/mails",
		"/studio/mails?which=refused", "/studio/mails?which=failed", "/studio/mails?template=tip", "/studio/mails?journey=trial-ending", "/studio/journeys",
		"/studio/journeys/activation-welcome", "/studio/journeys/activation-welcome/pause", "/studio/journeys/activation-welcome/people", "/studio/journeys/activation-welcome/people?which=failed",
		"/studio/journeys/activation-welcome/people?which=completed", "/studio/journeys/activation-welcome/people?node=send%3Anudge", "/studio/buckets", "/studio/buckets/went-dormant",
		"/studio/buckets/went-dormant?members=left", "/studio/lists", "/studio/suppressions", "/studio/outbox", "/studio/dead-letters", "/studio/keys", "/studio/users",
		"/studio/audit", "/studio/profile", "/studio/help",
	}
	for prefix, sql := range map[string]string{
		"/studio/contacts/":    "select id::text from contacts where id > '00000000-0005-7000-8000-000000000000' order by id limit 1",
		"/studio/events/":      "select event_id::text from decisions order by id desc limit 1",
		"/studio/mails/":       "select id::text from sends where html <> '' order by id desc limit 1",
		"/studio/enrollments/": "select id::text from enrollments where status = 'waiting' order by id desc limit 1",
	} {
		id, err := b.one(ctx, sql)
		if err != nil {
			return nil, err
		}
		paths = append(paths, prefix+id)
	}
	slices.Sort(paths)
	return paths, nil
}

// pages is bar 1: what each page takes the server.
func (b *studioBench) pages(ctx context.Context) ([]line, error) {
	began := time.Now()
	if w := b.get("/studio/"); w.Code != http.StatusOK {
		return nil, fmt.Errorf("overview: status %d: %s", w.Code, unzip(w))
	}
	cold := time.Since(began)
	paths, err := b.paths(ctx)
	if err != nil {
		return nil, err
	}
	const rounds = 60
	var worst50, worst99 time.Duration
	var slow50, slow99 string
	for _, path := range paths {
		if _, err := b.times(path, 3); err != nil { // warm
			return nil, err
		}
		all, err := b.times(path, rounds)
		if err != nil {
			return nil, err
		}
		p50, p99 := at(all, .5), at(all, .99)
		fmt.Fprintf(os.Stderr, "%-72s p50 %8s p99 %8s\n", path, took(p50), took(p99))
		if p50 > worst50 {
			worst50, slow50 = p50, path
		}
		if p99 > worst99 {
			worst99, slow99 = p99, path
		}
	}
	return []line{
		{what: "1 slowest page, p50 in ms", ours: took(worst50), limit: short(slow50), value: ms(worst50), atMost: 25},
		{what: "1 slowest page, p99 in ms", ours: took(worst99), limit: short(slow99), value: ms(worst99), atMost: 100},
		{what: "1 overview, cold, in ms", ours: took(cold), value: ms(cold), atMost: 500},
	}, nil
}

func short(path string) string {
	path = strings.TrimPrefix(path, "/studio")
	return path[:min(len(path), 28)]
}

// busiest is bar 2: a contact with very many events, at any depth.
func (b *studioBench) busiest(ctx context.Context) ([]line, error) {
	id, err := b.one(ctx, "select "+fmt.Sprintf(studioPerson, "0")+"::text")
	if err != nil {
		return nil, err
	}
	deep, err := b.one(ctx, "select to_char(received_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') || '&seq=' || seq from events where contact_id = '"+id+"' order by seq offset 500 limit 1") // as the link to it says
	if err != nil {
		return nil, err
	}
	var lines []line
	for what, path := range map[string]string{"first page": "/studio/contacts/" + id, "a page near the end": "/studio/contacts/" + id + "?before=" + deep} {
		all, err := b.times(path, 60)
		if err != nil {
			return nil, err
		}
		p99 := at(all, .99)
		lines = append(lines, line{what: fmt.Sprintf("2 contact of %d events, %s, p99 in ms", b.size.busiest(), what), ours: took(p99), value: ms(p99), atMost: 100})
	}
	slices.SortFunc(lines, func(x, y line) int { return strings.Compare(y.what, x.what) })
	return lines, nil
}

// searches is bar 3.
func (b *studioBench) searches(context.Context) ([]line, error) {
	n := 4321 % b.size.contacts
	address, err := b.times(fmt.Sprintf("/studio/find?q=person%d@mail%d.example", n, n%997), 60)
	if err != nil {
		return nil, err
	}
	var lines []line
	p99 := at(address, .99)
	lines = append(lines, line{what: "3 search by address, p99 in ms", ours: took(p99), value: ms(p99), atMost: 20})
	part, err := b.times("/studio/find?q=n43", 60)
	if err != nil {
		return nil, err
	}
	p99 = at(part, .99)
	return append(lines, line{what: "3 search by three letters, p99 in ms", ours: took(p99), value: ms(p99), atMost: 100}), nil
}

func unzip(w *httptest.ResponseRecorder) string {
	body := w.Body.Bytes()
	if w.Header().Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, _ = io.ReadAll(z)
		}
	}
	return string(body)
}

// weight are bars 4 and 5: what goes over the wire.
func (b *studioBench) weight(ctx context.Context) ([]line, error) {
	page := b.get("/studio/")
	later, first, requests := 0, page.Body.Len(), 1
	var script, packed, css, cssPacked int
	body := unzip(page)
	for _, m := range regexp.MustCompile(`(?:src|href)="(/studio/assets/[^"]+)"`).FindAllStringSubmatch(body, -1) {
		a := b.get(m[1])
		size := a.Body.Len()
		plain := len(unzip(a))
		first, requests = first+size, requests+1
		if strings.HasSuffix(m[1], ".js") {
			script, packed = script+plain, packed+size
		} else {
			css, cssPacked = css+plain, cssPacked+size
		}
	}
	others := len(regexp.MustCompile(`(?:src|href)="https?:`).FindAllString(body, -1))
	paths, err := b.paths(ctx)
	if err != nil {
		return nil, err
	}
	heaviest := ""
	for _, path := range paths {
		if n := b.get(path).Body.Len(); n > later {
			later, heaviest = n, path
		}
	}
	kb := func(n int) (string, float64) { return fmt.Sprintf("%.1f kB", float64(n)/1000), float64(n) / 1000 }
	var lines []line
	for _, bar := range []struct {
		what, limit string
		n           int
		atMost      float64
	}{
		{"4 first visit, kB", "", first, 150},
		{"4 heaviest later page, kB", short(heaviest), later, 40},
		{"5 script, kB", "", script, 60},
		{"5 script packed, kB", "", packed, 20},
		{"5 style, kB", "", css, 30},
		{"5 style packed, kB", "", cssPacked, 9},
	} {
		ours, value := kb(bar.n)
		lines = append(lines, line{what: bar.what, ours: ours, limit: bar.limit, value: value, atMost: bar.atMost})
	}
	return append(lines,
		line{what: "4 requests of a first visit", ours: strconv.Itoa(requests), value: float64(requests), atMost: 5},
		line{what: "4 links to other hosts", ours: strconv.Itoa(others), value: float64(others) + 1, atMost: 1}), nil
}

// tabs is bar 7: fifty tabs that renew themselves, while events come in.
func (b *studioBench) tabs(ctx context.Context) ([]line, error) {
	const tabs, load, conns = 50, 3000, 8
	run := func() (rate float64, p99 time.Duration, err error) {
		var mu sync.Mutex
		var each []time.Duration
		all, err := timed(ctx, load, conns, func(ctx context.Context, n int) error {
			began := time.Now()
			_, err := b.ingest.Ingest(ctx, ingest.Event{Name: "page.viewed", UserID: fmt.Sprintf("user-%d", n*7919%b.size.contacts), Properties: json.RawMessage(bareProperties)})
			mu.Lock()
			defer mu.Unlock()
			each = append(each, time.Since(began))
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		slices.Sort(each)
		return load / all.Seconds(), at(each, .99), nil
	}
	if _, _, err := run(); err != nil { // warm
		return nil, err
	}
	var speeds, waits []float64
	for range rounds {
		alone, quiet, err := run()
		if err != nil {
			return nil, err
		}
		ctx, stop := context.WithCancel(ctx)
		var group sync.WaitGroup
		var asked atomic.Int64
		for n := range tabs {
			group.Go(func() { b.tab(ctx, n, &asked) })
		}
		together, busy, err := run()
		stop()
		group.Wait()
		if err != nil {
			return nil, err
		}
		speeds, waits = append(speeds, together/alone), append(waits, float64(busy)/float64(quiet))
	}
	return []line{
		{what: "7 events taken in beside 50 tabs, against none", ours: fmt.Sprintf("%.0f %%", 100*median(speeds)), value: median(speeds), atLeast: .97},
		{what: "7 p99 of an event beside 50 tabs, against none", ours: fmt.Sprintf("%.0f %%", 100*median(waits)), value: median(waits), atMost: 1.10},
	}, nil
}

// tab asks for its part again as the page's script does: the feed every two seconds, others
// every five, of what was seen nothing.
func (b *studioBench) tab(ctx context.Context, n int, asked *atomic.Int64) {
	path, every := "/studio/journeys/activation-welcome?part=live&seen=", 5*time.Second
	if n%5 == 0 {
		path, every = "/studio/events?part=feed&seen=", 2*time.Second
	}
	seen := ""
	wait := time.NewTimer(every * time.Duration(n) / 50) // they were opened one after another
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		w := b.get(path + seen)
		asked.Add(1)
		if m := regexp.MustCompile(`seen=([0-9a-f]{16})"`).FindStringSubmatch(unzip(w)); m != nil {
			seen = m[1]
		}
		wait.Reset(every)
	}
}

// added is bar 10: what Studio adds to the binary and to its start.
func (b *studioBench) added(ctx context.Context, binary string) ([]line, error) {
	lines := []line{{what: "10 start of the server with its pages, ms", ours: took(b.started), value: ms(b.started), atMost: 150}}
	if binary == "" {
		return lines, nil
	}
	out, err := exec.CommandContext(ctx, "go", "tool", "nm", "-size", binary).Output()
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	total := 0
	for _, row := range strings.Split(string(out), "\n") {
		if fields := strings.Fields(row); len(fields) > 3 && strings.Contains(fields[3], "hogsend/server/studio") {
			if n, err := strconv.Atoi(fields[1]); err == nil {
				total += n
			}
		}
	}
	for _, folder := range []string{"server/studio/static", "server/studio/templates"} { // embedded
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, fmt.Errorf("read assets: %w", err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				total += int(info.Size())
			}
		}
	}
	mb := float64(total) / 1e6
	return append(lines, line{what: "10 Studio in the binary, MB", ours: fmt.Sprintf("%.2f MB", mb), value: mb, atMost: 2}), nil
}

// statements keeps what was asked of the database, each text once with its arguments.
type statements struct {
	mu   sync.Mutex
	seen map[string][]any
	on   bool
}

// TraceQueryStart is called by pgx.
func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on && strings.HasPrefix(data.SQL, "-- name:") {
		s.seen[data.SQL] = data.Args
	}
	return ctx
}

// TraceQueryEnd is called by pgx.
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// record keeps what is asked while do runs.
func (s *statements) record(do func()) map[string][]any {
	s.mu.Lock()
	s.on, s.seen = true, map[string][]any{}
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = false
	return s.seen
}

// plans is bar 9: no statement of a page reads a large table from end to end.
func (b *studioBench) plans(ctx context.Context) ([]line, error) {
	paths, err := b.paths(ctx)
	if err != nil {
		return nil, err
	}
	paths = append(paths, "/studio/find?q=n43", "/studio/find?q="+uuid.NewString(), "/studio/contacts?search=n43")
	asked := b.asked.record(func() {
		for _, path := range paths {
			for _, next := range regexp.MustCompile(`rel="next" href="([^"]+)"`).FindAllStringSubmatch(unzip(b.get(path)), -1) {
				back := unzip(b.get(strings.ReplaceAll(next[1], "&amp;", "&")))
				for _, prev := range regexp.MustCompile(`rel="prev" href="([^"]+)"`).FindAllStringSubmatch(back, -1) {
					b.get(strings.ReplaceAll(prev[1], "&amp;", "&"))
				}
			}
		}
	})
	large := []string{"contacts", "events", "sends", "step_logs", "decisions", "memberships", "enrollments"}
	var bad []string
	for sql, args := range asked {
		if verb := strings.ToLower(strings.Fields(sql[strings.Index(sql, "\n")+1:])[0]); verb == "insert" || verb == "update" || verb == "delete" {
			continue
		}
		rows, err := b.pool.Query(ctx, "explain (analyze, timing off) "+sql, args...)
		if err != nil {
			return nil, fmt.Errorf("explain %s: %w", sql, err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("explain %s: %w", sql, err)
		}
		for _, step := range plan {
			for _, table := range large {
				if strings.Contains(step, "Seq Scan on "+table+" ") && !strings.Contains(step, "never executed") {
					name, _, _ := strings.Cut(strings.TrimPrefix(sql, "-- name: "), " ")
					bad = append(bad, name+" reads all of "+table)
				}
			}
		}
	}
	slices.Sort(bad)
	bad = slices.Compact(bad)
	for _, b := range bad {
		fmt.Fprintln(os.Stderr, b)
	}
	return []line{{what: fmt.Sprintf("9 statements of %d that read a large table, + 1", len(asked)), ours: strconv.Itoa(len(bad)), value: float64(len(bad)) + 1, atMost: 1}}, nil
}
