package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server"
)

const (
	batchSize   = 100
	singleConns = 64
	batchConns  = 4
	people      = 10_000
	apiKey      = "hsk_bench_bench_bench_bench_bench_bench_bench_b"
)

// api is the product's server on a database, in this process.
type api struct {
	host string
	idle chan *connection
	stop func()
}

func newAPI(host string) *api {
	return &api{host: host, idle: make(chan *connection, 1024), stop: func() {}}
}

func startAPI(pool *pgxpool.Pool, cfg ingest.Config, change ...func(*server.Config)) (*api, error) {
	registry := saas.Registry()
	s := store.New(pool)
	cfg.Journeys = registry.Journeys
	ingester := ingest.New(s, cfg)
	settings := server.Config{
		Store: s, Ingest: ingester, Registry: registry, Enabled: registry.Journeys, AdminAPIKey: apiKey,
		RateLimitIngest: 1 << 30, RateLimitAdmin: 1 << 30, PublicURL: "http://127.0.0.1",
	}
	for _, each := range change {
		each(&settings)
	}
	handler := server.New(settings)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	httpServer := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	go httpServer.Serve(listener) //nolint:errcheck // ends with Close
	a := newAPI(listener.Addr().String())
	a.stop = func() {
		httpServer.Close()
		ingester.Close()
	}
	return a, nil
}

// post sends one request over a kept connection. It is written by hand because the
// load comes from this very machine: what the client costs is taken from the server.
func (a *api) post(ctx context.Context, path string, body []byte) error {
	_, err := a.once(ctx, path, body)
	return err
}

// insist sends a request whose items have idempotency keys, again if its connection is
// lost, as one is that the server closed while it was idle, or if the server is busy.
func (a *api) insist(ctx context.Context, path string, body []byte) error {
	const tries = 10
	for try := 1; ; try++ {
		again, err := a.once(ctx, path, body)
		if err == nil || !again || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(time.Duration(try) * 50 * time.Millisecond):
		}
	}
}

// once sends a request once; again says whether a repetition may help.
func (a *api) once(ctx context.Context, path string, body []byte) (again bool, err error) {
	conn, err := a.take(ctx)
	if err != nil {
		return true, err
	}
	status, reply, err := conn.post(path, body)
	if err != nil {
		return true, errors.Join(fmt.Errorf("POST http://%s%s: %w", a.host, path, err), conn.Close())
	}
	a.idle <- conn
	if status != http.StatusAccepted {
		return status == http.StatusTooManyRequests || status >= 500, fmt.Errorf("POST http://%s%s: answered %d: %s", a.host, path, status, reply)
	}
	return false, nil
}

// take is an idle connection or a new one.
func (a *api) take(ctx context.Context) (*connection, error) {
	select {
	case conn := <-a.idle:
		return conn, nil
	default:
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.host)
	if err != nil {
		return nil, fmt.Errorf("connect to server: %w", err)
	}
	return &connection{Conn: conn, in: bufio.NewReader(conn)}, nil
}

type connection struct {
	net.Conn
	in  *bufio.Reader
	out []byte
}

func (c *connection) post(path string, body []byte) (status int, reply []byte, err error) {
	c.out = fmt.Appendf(c.out[:0], "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		path, apiKey, len(body))
	c.out = append(c.out, body...)
	if _, err := c.Write(c.out); err != nil {
		return 0, nil, err
	}
	length := 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		switch text := bytes.TrimSpace(line); {
		case first && len(text) > 12:
			if status, err = strconv.Atoi(string(text[9:12])); err != nil {
				return 0, nil, err
			}
		case len(text) == 0:
			reply = make([]byte, length)
			_, err := io.ReadFull(c.in, reply)
			return status, reply, err
		case bytes.HasPrefix(text, []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(text[len("Content-Length: "):])); err != nil {
				return 0, nil, err
			}
		}
	}
}

// event is an event that nothing listens to, of a random contact.
func event(user int) map[string]any {
	return map[string]any{
		"name": "page.viewed", "userId": fmt.Sprintf("user-%d", user),
		"eventProperties": map[string]any{"path": "/pricing", "seconds": 12, "plan": "free"},
	}
}

func batchBody(rng *rand.Rand, people int) []byte {
	events := make([]map[string]any, batchSize)
	for i := range events {
		events[i] = event(rng.IntN(people))
	}
	body, _ := json.Marshal(map[string]any{"events": events}) //nolint:errchkjson // plain data
	return body
}

// timed runs n calls of fn over conns goroutines.
func timed(ctx context.Context, n, conns int, fn func(ctx context.Context, i int) error) (time.Duration, error) {
	var next atomic.Int64
	var failed error
	var once sync.Once
	var group sync.WaitGroup
	began := time.Now()
	for range conns {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := fn(ctx, i); err != nil {
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(began), failed
}

// median of the ratios of several rounds, ours and bare in turn: a slow moment of
// the machine then hits both.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

const rounds = 5

func benchIngest(ctx context.Context, base string) ([]line, error) {
	pool, _, err := database(ctx, base, "bench_ingest")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if err := bareTable(ctx, pool); err != nil {
		return nil, err
	}
	a, err := startAPI(pool, ingest.Config{})
	if err != nil {
		return nil, err
	}
	defer a.stop()
	if err := seed(ctx, pool, people); err != nil {
		return nil, err
	}
	batch, err := compareBatch(ctx, a, pool)
	if err != nil {
		return nil, err
	}
	single, err := compareSingle(ctx, a, pool)
	if err != nil {
		return nil, err
	}
	return append([]line{batch}, single...), nil
}

// seed stores n contacts as ingest would have.
func seed(ctx context.Context, pool *pgxpool.Pool, n int) error {
	for _, statement := range []string{
		fmt.Sprintf(`with c as (
			insert into contacts (id, external_id, email, email_key, first_seen_at, last_seen_at, created_at, updated_at)
			select gen_random_uuid(), 'user-' || i, 'user-' || i || '@example.com', 'user-' || i || '@example.com', now(), now(), now(), now()
			from generate_series(0, %d) i returning id, external_id)
		insert into contact_keys (kind, key, contact_id, created_at) select 'user', external_id, id, now() from c
		on conflict do nothing`, n-1),
		"vacuum analyze contacts", "vacuum analyze contact_keys",
	} {
		if _, err := pool.Exec(ctx, statement); err != nil {
			return fmt.Errorf("seed contacts: %w", err)
		}
	}
	return nil
}

// bareTable is the event table with its indexes and nothing around it.
func bareTable(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `create table bare_events (like events including all)`)
	if err != nil {
		return fmt.Errorf("create bare table: %w", err)
	}
	return nil
}

const bareColumns = `insert into bare_events (id, contact_id, name, properties, source, occurred_at, received_at) `

var bareProperties = []byte(`{"path":"/pricing","seconds":12,"plan":"free"}`)

// bareBatch inserts 100 event rows with one multi-row statement.
func bareBatch(ctx context.Context, pool *pgxpool.Pool, contacts []uuid.UUID, rng *rand.Rand) error {
	ids, people := make([]uuid.UUID, batchSize), make([]uuid.UUID, batchSize)
	names, props, at := make([]string, batchSize), make([][]byte, batchSize), make([]time.Time, batchSize)
	for i := range ids {
		ids[i], people[i] = uuid.Must(uuid.NewV7()), contacts[rng.IntN(len(contacts))]
		names[i], props[i], at[i] = "page.viewed", bareProperties, time.Now()
	}
	_, err := pool.Exec(ctx, bareColumns+`select i, c, n, p, 'api', t, t
		from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[]) as u(i, c, n, p, t)`, ids, people, names, props, at)
	return err
}

func contactIDs(ctx context.Context, pool *pgxpool.Pool) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := pool.QueryRow(ctx, "select array_agg(id) from (select id from contacts limit 10000) c").Scan(&ids)
	return ids, err
}

func compareBatch(ctx context.Context, a *api, pool *pgxpool.Pool) (line, error) {
	contacts, err := contactIDs(ctx, pool)
	if err != nil {
		return line{}, err
	}
	const requests = 100
	var ratios, ours, bares []float64
	for round := range rounds {
		bodies := make([][]byte, requests)
		rng := rand.New(rand.NewPCG(1, uint64(round))) // a fixed load
		for i := range bodies {
			bodies[i] = batchBody(rng, people)
		}
		took, err := timed(ctx, requests, batchConns, func(ctx context.Context, i int) error { return a.post(ctx, "/v1/events/batch", bodies[i]) })
		if err != nil {
			return line{}, err
		}
		bare, err := timed(ctx, requests, batchConns, func(ctx context.Context, i int) error {
			return bareBatch(ctx, pool, contacts, rand.New(rand.NewPCG(uint64(i), uint64(round)))) // a fixed load
		})
		if err != nil {
			return line{}, err
		}
		n := requests * batchSize
		ours, bares = append(ours, rate(n, took)), append(bares, rate(n, bare))
		ratios = append(ratios, rate(n, took)/rate(n, bare))
	}
	return line{
		what: "batch ingest, 100 events a request / bare inserts of 100", ours: fmt.Sprintf("%.0f events/s", median(ours)),
		limit: fmt.Sprintf("%.0f rows/s", median(bares)), value: median(ratios), atLeast: 0.20,
	}, nil
}

func compareSingle(ctx context.Context, a *api, pool *pgxpool.Pool) ([]line, error) {
	contacts, err := contactIDs(ctx, pool)
	if err != nil {
		return nil, err
	}
	alone, err := startAPI(pool, ingest.Config{MaxBatch: 1, Lanes: singleConns})
	if err != nil {
		return nil, err
	}
	defer alone.stop()
	bodies := make([][]byte, people)
	for i := range bodies {
		bodies[i], _ = json.Marshal(event(i)) //nolint:errchkjson // plain data
	}
	const requests = 6000
	var toBare, toAlone, ours, bares, alones []float64
	for range rounds {
		took, err := timed(ctx, requests, singleConns, func(ctx context.Context, i int) error { return a.post(ctx, "/v1/events", bodies[i%people]) })
		if err != nil {
			return nil, err
		}
		bare, err := timed(ctx, requests, singleConns, func(ctx context.Context, i int) error {
			_, err := pool.Exec(ctx, bareColumns+`values ($1, $2, $3, $4, 'api', $5, $5)`,
				uuid.Must(uuid.NewV7()), contacts[i%len(contacts)], "page.viewed", bareProperties, time.Now())
			return err
		})
		if err != nil {
			return nil, err
		}
		one, err := timed(ctx, requests/4, singleConns, func(ctx context.Context, i int) error { return alone.post(ctx, "/v1/events", bodies[i%people]) })
		if err != nil {
			return nil, err
		}
		o, b, s := rate(requests, took), rate(requests, bare), rate(requests/4, one)
		ours, bares, alones = append(ours, o), append(bares, b), append(alones, s)
		toBare, toAlone = append(toBare, o/b), append(toAlone, o/s)
	}
	figure := fmt.Sprintf("%.0f events/s", median(ours))
	return []line{
		{what: "single events, 64 connections / bare one-row inserts", ours: figure, limit: fmt.Sprintf("%.0f rows/s", median(bares)), value: median(toBare), atLeast: 0.70},
		{what: "single events, 64 connections / one transaction each", ours: figure, limit: fmt.Sprintf("%.0f events/s", median(alones)), value: median(toAlone), atLeast: 3},
	}, nil
}

// benchScale compares the cost of an event with few and with many contacts stored.
func benchScale(ctx context.Context, base string) ([]line, error) {
	small, large := 10_000, 1_000_000
	var costs [2][]float64
	apis := make([]*api, 2)
	for i, n := range []int{small, large} {
		pool, _, err := database(ctx, base, fmt.Sprintf("bench_scale_%d", i))
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		if err := seed(ctx, pool, n); err != nil {
			return nil, err
		}
		if apis[i], err = startAPI(pool, ingest.Config{}); err != nil {
			return nil, err
		}
		defer apis[i].stop()
	}
	const requests = 100
	for round := range rounds {
		for i, n := range []int{small, large} {
			rng := rand.New(rand.NewPCG(7, uint64(round))) // a fixed load
			bodies := make([][]byte, requests)
			for j := range bodies {
				bodies[j] = batchBody(rng, n)
			}
			took, err := timed(ctx, requests, batchConns, func(ctx context.Context, j int) error { return apis[i].post(ctx, "/v1/events/batch", bodies[j]) })
			if err != nil {
				return nil, err
			}
			costs[i] = append(costs[i], took.Seconds()/float64(requests*batchSize)*1e6)
		}
	}
	var ratios []float64
	for i := range costs[0] {
		ratios = append(ratios, costs[1][i]/costs[0][i])
	}
	return []line{{
		what: "cost per event, 1,000,000 contacts / 10,000", ours: fmt.Sprintf("%.0f us", median(costs[1])),
		limit: fmt.Sprintf("%.0f us", median(costs[0])), value: median(ratios), atMost: 1.3,
	}}, nil
}
