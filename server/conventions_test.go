package server

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/store"
)

// O-4, H-2, H-3: every route with a key of every scope, and with none.
func TestEveryRouteWithEveryScope(t *testing.T) {
	t.Parallel()
	b := setup(t, withAlerts(t))
	// From H-3: which scopes suffice.
	suffices := map[scope][]scope{
		scopeIngest:       {scopeIngest, scopeFullAdmin},
		scopeRead:         {scopeRead, scopeJourneyAdmin, scopeFullAdmin},
		scopeJourneyAdmin: {scopeJourneyAdmin, scopeFullAdmin},
		scopeFullAdmin:    {scopeFullAdmin},
	}
	for _, rt := range b.server.routes() {
		url := strings.NewReplacer(":contact", "nobody", ":stateId", "00000000-0000-4000-8000-000000000000", ":id", "00000000-0000-4000-8000-000000000000").Replace(rt.path)
		a := b.do(call{method: rt.method, url: url})
		if rt.scope == scopeNone {
			want := []int{200, 302, 400, 404, 503} // 302: to the public base URL; 400: no token; 404: not switched on
			if rt.auth() {
				want = append(want, 401, 403) // nothing to sign in or up with
			}
			require.Contains(t, want, a.status, rt.path)
			continue
		}
		require.Equal(t, 401, a.status, rt.path)
		require.JSONEq(t, `{"error":"Unauthorized"}`, a.plain(t))
		for held, key := range b.keys {
			a := b.do(call{method: rt.method, url: url, key: key})
			if slices.Contains(suffices[rt.scope], held) || slices.Contains(suffices[rt.or], held) {
				require.Contains(t, []int{200, 201, 202, 400, 404}, a.status, "%s %s with %s", rt.method, rt.path, held)
				continue
			}
			require.Equal(t, 403, a.status, "%s %s with %s", rt.method, rt.path, held)
			require.JSONEq(t, `{"error":"Forbidden: insufficient scope","details":[{"path":"scope","message":"requires `+string(rt.scope)+`"}]}`, a.plain(t))
		}
		require.NotEqual(t, 403, b.do(call{method: rt.method, url: url, key: adminKey}).status, rt.path) // O-5
	}
	// A key may hold several scopes.
	several := b.key("ingest", "read")
	require.Equal(t, 200, b.do(call{method: "GET", url: "/v1/admin/contacts", key: several}).status)
	require.Equal(t, 400, b.do(call{method: "POST", url: "/v1/events", key: several}).status)
}

// O-2, O-3.
func TestKeysExpireAndAreRevoked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := b.clock().Add(time.Minute)
	key, secret, err := b.store.KeyInsert(t.Context(), store.NewKey{Name: "k", Scopes: []string{"read"}, ExpiresAt: &at}, store.System("test"), b.clock())
	require.NoError(t, err)
	require.Regexp(t, `^hsk_[A-Za-z0-9_-]{43}$`, secret) // O-1
	require.Equal(t, secret[:12], key.Prefix)
	get := call{method: "GET", url: "/v1/admin/contacts", key: secret}
	require.Equal(t, 200, b.do(get).status)
	b.advance(time.Minute - time.Microsecond)
	require.Equal(t, 200, b.do(get).status)
	b.advance(time.Microsecond)
	a := b.do(get)
	require.Equal(t, 401, a.status)
	require.JSONEq(t, `{"error":"API key expired"}`, a.plain(t))

	get.key = b.keys[scopeRead]
	require.Equal(t, 200, b.do(get).status)
	_, err = b.store.Pool.Exec(t.Context(), "update api_keys set revoked_at = now() where name = 'read'")
	require.NoError(t, err)
	b.advance(time.Second)
	a = b.do(get)
	require.Equal(t, 401, a.status)
	require.JSONEq(t, `{"error":"Unauthorized"}`, a.plain(t))
	for _, header := range []string{"Basic eDp5", "Bearer", "Bearer ", get.key} {
		a := b.do(call{method: "GET", url: "/v1/admin/contacts", headers: map[string]string{"Authorization": header}})
		require.Equal(t, 401, a.status, header)
	}
}

// H-5, H-1: paths and methods that are not there.
func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, url := range []string{"/health", "/v1", "/v1/", "/v1/events/", "/V1/events", "/v1/admin/none", "/v1/admin/contacts/a%2Fb/c"} {
		a := b.do(call{method: "GET", url: url})
		require.Equal(t, 404, a.status, url)
		require.JSONEq(t, `{"error":"Not Found"}`, a.plain(t))
		require.Equal(t, "application/json; charset=utf-8", a.header.Get("Content-Type"))
	}
	a := b.do(call{method: "DELETE", url: "/v1/events"})
	require.Equal(t, 405, a.status)
	require.JSONEq(t, `{"error":"Method Not Allowed"}`, a.plain(t))
	require.Contains(t, a.header.Get("Allow"), "POST")
}

// H-13, H-16.
func TestHeadersOfEveryReply(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.PublicURL = "https://hogsend.example.com" })
	for id, echoed := range map[string]bool{
		"req-1_A.b": true, repeat(128): true, repeat(129): false, "": false, "a b": false, "é": false,
	} {
		a := b.do(call{method: "GET", url: "/none", headers: map[string]string{"X-Request-Id": id}})
		if echoed {
			require.Equal(t, id, a.header.Get("X-Request-Id"))
			require.Contains(t, a.body, id)
		} else {
			require.Regexp(t, "^"+uuids.String()+"$", a.header.Get("X-Request-Id"))
		}
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		require.Equal(t, "SAMEORIGIN", a.header.Get("X-Frame-Options"))
		require.NotEmpty(t, a.header.Get("Strict-Transport-Security"))
	}
	a := b.do(call{method: "GET", url: "/v1/admin/contacts", key: b.keys[scopeRead]})
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
}

// H-15.
func TestCORS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for origin, trusted := range map[string]bool{
		"http://127.0.0.1:3002": true, "https://studio.example.com": true, "https://evil.example.com": false, "null": false,
	} {
		a := b.do(call{method: "OPTIONS", url: "/v1/events", headers: map[string]string{"Origin": origin, "Access-Control-Request-Method": "POST"}})
		require.Equal(t, 204, a.status)
		require.Equal(t, "600", a.header.Get("Access-Control-Max-Age"))
		require.Contains(t, a.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key")
		require.Contains(t, a.header.Values("Vary"), "Origin")
		if trusted {
			require.Equal(t, origin, a.header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, "true", a.header.Get("Access-Control-Allow-Credentials"))
		} else {
			require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
			require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"))
		}
	}
	a := b.do(call{method: "GET", url: "/v1/admin/contacts", headers: map[string]string{"Origin": "https://studio.example.com"}})
	require.Equal(t, 401, a.status)
	require.Equal(t, "https://studio.example.com", a.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, a.header.Get("Access-Control-Expose-Headers"), "Retry-After")
}

// H-14: sliding 60 s per key; refused requests do not count; a batch costs ⌈n/100⌉.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.RateLimitIngest, c.RateLimitAdmin = 5, 2 })
	one := call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: `{"name":"n","userId":"u"}`}
	batch := one
	batch.url, batch.body = "/v1/events/batch", `{"events":[`+strings.TrimSuffix(strings.Repeat(`{"name":"n","userId":"u"},`, 201), ",")+`]}`
	quotas := func(a answer) string {
		return strings.Join([]string{a.header.Get("X-RateLimit-Limit"), a.header.Get("X-RateLimit-Remaining"), a.header.Get("X-RateLimit-Reset"), a.header.Get("Retry-After")}, " ")
	}
	a := b.do(one)
	require.Equal(t, 202, a.status)
	require.Equal(t, "5 4 60 ", quotas(a))
	b.advance(10 * time.Second)
	a = b.do(batch)
	require.Equal(t, 202, a.status)
	require.Equal(t, "5 1 50 ", quotas(a))
	a = b.do(batch)
	require.Equal(t, 429, a.status)
	require.JSONEq(t, `{"error":"Rate limit exceeded"}`, a.plain(t))
	require.Equal(t, "5 1 60 60", quotas(a))
	require.Equal(t, 202, b.do(one).status)
	a = b.do(one)
	require.Equal(t, 429, a.status)
	require.Equal(t, "5 0 50 50", quotas(a))
	b.advance(50*time.Second - time.Millisecond)
	require.Equal(t, 429, b.do(one).status)
	b.advance(time.Millisecond)
	require.Equal(t, 202, b.do(one).status)
	require.Equal(t, 429, b.do(one).status)
	require.Equal(t, []string{"204"}, b.rows(countEvents)) // O-12: 429 stores nothing

	other := one
	other.key = b.keys[scopeFullAdmin]
	require.Equal(t, 202, b.do(other).status)
	admin := call{method: "GET", url: "/v1/admin/contacts", key: b.keys[scopeFullAdmin]}
	require.Equal(t, 200, b.do(admin).status)
	require.Equal(t, 200, b.do(admin).status)
	require.Equal(t, 429, b.do(admin).status)
	require.Equal(t, 200, b.do(call{method: "GET", url: "/v1/health/live"}).status)
}

// H-14: a stream of requests is counted exactly enough: never over, at most 100 ms late.
func TestLimiterSlides(t *testing.T) {
	t.Parallel()
	l, now := newLimiter(100), time.Unix(0, 0)
	took := 0
	for range 3 * 60 * 1000 { // one try a millisecond, three minutes
		if l.take("a", 1, now).ok {
			took++
		}
		now = now.Add(time.Millisecond)
	}
	require.LessOrEqual(t, took, 300)
	require.GreaterOrEqual(t, took, 290)
	require.LessOrEqual(t, len(l.history("a", now).slots), 700)
}

// H-14, O-10: wrong keys are limited per address; a right one is never held up by them.
func TestFailedAuthentications(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wrong := call{method: "GET", url: "/v1/admin/contacts", key: "hsk_wrong", address: "198.51.100.7"}
	for range 30 {
		require.Equal(t, 401, b.do(wrong).status)
	}
	a := b.do(wrong)
	require.Equal(t, 429, a.status)
	require.Equal(t, "60", a.header.Get("Retry-After"))
	require.Equal(t, []string{"30", "0", "60"}, []string{a.header.Get("X-RateLimit-Limit"), a.header.Get("X-RateLimit-Remaining"), a.header.Get("X-RateLimit-Reset")})
	wrong.key = "hsk_other"
	require.Equal(t, 429, b.do(wrong).status, "whichever key is guessed")
	for _, key := range []string{b.keys[scopeRead], b.keys[scopeFullAdmin], adminKey, b.key("read")} {
		right := wrong
		right.key = key
		require.Equal(t, 200, b.do(right).status)
	}
	wrong.address = "198.51.100.8"
	require.Equal(t, 401, b.do(wrong).status)
	wrong.address = "198.51.100.7"
	b.advance(time.Minute)
	require.Equal(t, 401, b.do(wrong).status)
}

// O-10: whoever has an IPv6 address has as many as a /64.
func TestIPv6CountsByNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "::ffff:198.51.100.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"2001:db8:1:2::1": "2001:db8:1:2::/64", "2001:db8:1:3::1": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64", "nonsense": "nonsense",
	} {
		require.Equal(t, want, network(address), address)
	}
}

// O-10: the table of addresses is bounded, and each request costs the same.
func TestTheLimiterForgetsTheOldest(t *testing.T) {
	t.Parallel()
	l, now := newLimiter(1), time.Unix(0, 0)
	for i := range maxLimited {
		require.True(t, l.take(strconv.Itoa(i), 1, now).ok)
	}
	require.False(t, l.take("0", 1, now).ok, "used last, now")
	require.True(t, l.take("new", 1, now).ok)
	require.Equal(t, maxLimited, l.callers.order.Len())
	require.Len(t, l.callers.entries, maxLimited)
	require.False(t, l.take("0", 1, now).ok)
	require.True(t, l.take("1", 1, now).ok, "it was the oldest")
}

// O-10: a digest that no key has is not looked up again for 10 s, and what is guessed
// pushes no key out of memory.
func TestGuessesAreRemembered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 200, b.do(call{method: "GET", url: "/v1/admin/contacts", key: b.keys[scopeRead]}).status)
	for i := range 20 {
		require.Equal(t, 401, b.do(call{method: "GET", url: "/v1/admin/contacts", key: "hsk_" + strconv.Itoa(i)}).status)
	}
	require.Equal(t, 1, b.server.auth.keys.order.Len())
	require.Equal(t, 20, b.server.auth.unknown.order.Len())
	hash := string(store.KeyHash("hsk_1"))
	require.Nil(t, b.server.auth.known(hash, b.clock().Add(9*time.Second)))
	require.NotNil(t, b.server.auth.known(hash, b.clock().Add(10*time.Second)))
}

// H-16: X-Forwarded-For counts only behind a configured proxy.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	p := parseProxies([]string{"10.0.0.0/8", "192.0.2.1", "nonsense"})
	for _, c := range []struct{ remote, forwarded, want string }{
		{"198.51.100.7:1", "203.0.113.9", "198.51.100.7"},
		{"10.1.2.3:1", "203.0.113.9", "203.0.113.9"},
		{"10.1.2.3:1", "1.1.1.1, 203.0.113.9, 192.0.2.1", "203.0.113.9"},
		{"10.1.2.3:1", "", "10.1.2.3"},
		{"[2001:db8::1]:1", "203.0.113.9", "2001:db8::1"},
		{"10.1.2.3:1", "203.0.113.9, evil, 192.0.2.1", "192.0.2.1"}, // no proxy of ours writes that
		{"10.1.2.3:1", "<script>", "10.1.2.3"},
		{"10.1.2.3:1", "203.0.113.9:4711", "203.0.113.9"},
		{"10.1.2.3:1", "[2001:db8::7]:4711", "2001:db8::7"},
		{"10.1.2.3:1", "2001:db8::7", "2001:db8::7"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}
		require.Equal(t, c.want, p.client(r))
	}
}

// H-4: bodies above 1 KiB are compressed on request.
func TestCompression(t *testing.T) {
	t.Parallel()
	b := setup(t)
	get := call{method: "GET", url: "/v1/admin/journeys", key: b.keys[scopeRead], headers: map[string]string{"Accept-Encoding": "br, gzip;q=0.5"}}
	require.Empty(t, b.do(get).header.Get("Content-Encoding"))
	post := call{method: "POST", url: "/v1/events/batch", key: b.keys[scopeIngest], headers: get.headers, body: `{"events":[` + strings.TrimSuffix(strings.Repeat(`{"name":"n","userId":"u"},`, 50), ",") + `]}`}
	a := b.do(post)
	require.Equal(t, "gzip", a.header.Get("Content-Encoding"))
	unpacked, err := gzip.NewReader(strings.NewReader(a.body))
	require.NoError(t, err)
	data, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Contains(t, string(data), `"accepted":50`)
	post.headers = map[string]string{"Accept-Encoding": "gzip;q=0"}
	require.Empty(t, b.do(post).header.Get("Content-Encoding"))
}

// H-5, O-42: a panic is a 500 whose cause is logged once and told to nobody.
func TestPanicsAreAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.echo.GET("/panic", func(echo.Context) error { panic("secret cause") })
	b.server.echo.GET("/failure", func(echo.Context) error { return errors.New("secret cause") })
	for i, url := range []string{"/panic", "/failure"} {
		a := b.do(call{method: "GET", url: url, headers: map[string]string{"X-Request-Id": "id-1"}})
		require.Equal(t, 500, a.status)
		require.JSONEq(t, `{"error":"Internal Server Error"}`, a.plain(t))
		require.Equal(t, i+1, strings.Count(b.logs.String(), "\"msg\":\"request failed\""))
		require.Contains(t, b.logs.String(), `"request_id":"id-1"`)
		require.Contains(t, b.logs.String(), "secret cause")
	}
}

// I-3: an unreachable database is 503 with Retry-After.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"n","userId":"u"}`}
	require.Equal(t, 202, b.do(post).status)
	closed, err := store.Open(t.Context(), store.Config{URL: "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"})
	require.NoError(t, err)
	defer closed.Close()
	down := New(Config{Store: closed, Ingest: b.server.cfg.Ingest, AdminAPIKey: adminKey, Now: b.clock, Logger: b.server.log})
	b.server = down
	a := b.do(call{method: "GET", url: "/v1/admin/contacts", key: adminKey})
	require.Equal(t, 503, a.status)
	require.JSONEq(t, `{"error":"Database unavailable"}`, a.plain(t))
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, 503, b.do(call{method: "GET", url: "/v1/admin/contacts", key: "hsk_x"}).status)

	a = b.do(call{method: "GET", url: "/v1/health/ready"})
	require.Equal(t, 503, a.status)
	require.JSONEq(t, `{"error":"Database unavailable","status":"not_ready"}`, a.plain(t))
	a = b.do(call{method: "GET", url: "/v1/health"})
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `"status":"degraded"`) // never migration_pending (O-30)
}

// O-30, O-40, Q-1.
func TestHealth(t *testing.T) {
	t.Parallel()
	temporal := errors.New("away")
	b := setup(t, func(c *Config) { c.Temporal = func(context.Context) error { return temporal } })
	get := func(url string) answer { return b.do(call{method: "GET", url: url}) }
	require.JSONEq(t, `{"status":"ok"}`, get("/v1/health/live").body)
	require.JSONEq(t, `{"status":"ready"}`, get("/v1/health/ready").body)
	a := get("/v1/health")
	require.Contains(t, a.body, `{"status":"degraded"`)
	require.Contains(t, a.body, `"worker":{"status":"down","count":0,"lastSeenAt":null,"instances":[]}`)

	temporal = nil
	now := b.clock()
	for id, age := range map[string]time.Duration{"hogsend@secret-host/w-1": 0, "w-2": 20 * time.Second, "w-3": time.Minute} {
		_, err := b.store.Pool.Exec(t.Context(), `insert into worker_heartbeats values ($1, 'b', 'd', 'q', $2, $2)`, id, now.Add(-age))
		require.NoError(t, err)
	}
	require.Contains(t, get("/v1/health").body, `{"status":"degraded"`) // reused for a second
	b.advance(time.Second)
	a = get("/v1/health")
	latency := `"status":"up","latencyMs":[0-9.]+`
	require.Regexp(t, `^\{"status":"healthy","uptime":1,"timestamp":"[^"]+","version":"1.0.0","components":\{"database":\{`+latency+
		`\},"temporal":\{`+latency+`\},"redis":\{`+latency+`\},"worker":\{"status":"up","count":2,"lastSeenAt":"[^"]+","instances":\[`+
		`\{"id":"w-1","status":"up","lastSeenAt":"[^"]+"\},\{"id":"w-2","status":"up","lastSeenAt":"[^"]+"\},\{"id":"w-3","status":"down","lastSeenAt":"[^"]+"\}\]\},`+
		`"outbox":\{"status":"up","pending":0,"lagSeconds":0\}\},"email":\{"testMode":false\},"webhooks":\{"withoutSecret":0\},"schema":\{"engine":\{"applied":"\d{4}_\w+","required":"\d{4}_\w+","inSync":true,"pending":\[\]\},`+
		`"client":\{"applied":null,"required":null,"inSync":true,"pending":\[\]\}\}\}`, a.body)

	_, err := b.store.Pool.Exec(t.Context(), `insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at)
		values (gen_random_uuid(), gen_random_uuid(), 'start', 'k', '{}', $1, $1)`, now.Add(-time.Minute))
	require.NoError(t, err)
	b.advance(time.Second)
	a = get("/v1/health")
	require.Contains(t, a.body, `{"status":"degraded"`)
	require.Contains(t, a.body, `"outbox":{"status":"down","pending":1,"lagSeconds":62}`)
	require.Equal(t, 200, get("/v1/health/ready").status)

	_, err = b.store.Pool.Exec(t.Context(), "delete from hogsend_migrations")
	require.NoError(t, err)
	b.advance(time.Second)
	require.Contains(t, get("/v1/health").body, `{"status":"migration_pending"`)
	a = get("/v1/health/ready")
	require.Equal(t, 503, a.status)
	require.JSONEq(t, `{"error":"Schema is behind","status":"not_ready"}`, a.plain(t))
	b.server.Drain()
	require.JSONEq(t, `{"error":"Server is stopping","status":"not_ready"}`, get("/v1/health/ready").plain(t))
}

// A client that went away is no failure of the server, and a key that another
// request is reading holds nobody beyond the deadline (H-12).
func TestRequestsThatEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.server.auth.known(string(store.KeyHash(b.keys[scopeRead])), b.clock()).turn <- struct{}{}
	_, err := b.server.auth.authenticate(ctx, "Bearer "+b.keys[scopeRead], "127.0.0.1", b.clock())
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, statusClientGone, classify(err).status)
	b.server.echo.GET("/gone", func(echo.Context) error { return err })
	require.Equal(t, statusClientGone, b.do(call{method: "GET", url: "/gone"}).status)
	require.NotContains(t, b.logs.String(), `"level":"ERROR"`)
	require.Contains(t, b.logs.String(), `"route":"/gone","status":499`) // O-42
}

// metrics are for who may read; without any there is no such route.
func TestMetricsAreForWhoMayRead(t *testing.T) {
	t.Parallel()
	told := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hogsend_up 1")) })
	b := setup(t, func(cfg *Config) { cfg.Metrics = told })
	for key, want := range map[string]int{b.keys[scopeRead]: 200, b.keys[scopeFullAdmin]: 200, b.keys[scopeIngest]: 403, "": 401} {
		a := b.do(call{method: "GET", url: "/metrics", key: key})
		require.Equal(t, want, a.status, a.body)
		require.Equal(t, want == 200, a.body == "hogsend_up 1")
	}
	require.Equal(t, 404, setup(t).do(call{method: "GET", url: "/metrics", key: adminKey}).status)
}
