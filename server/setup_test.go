package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// adminKey is the key of the environment (O-5).
const adminKey = "bootstrap-key-of-the-tests-0123456789"

// bundle is a server on a database of the test's own, with a key of each scope and
// a clock that the test moves.
type bundle struct {
	t      *testing.T
	store  *store.Store
	server *Server
	keys   map[scope]string
	logs   *syncBuffer

	mu  sync.Mutex
	now time.Time
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func nothing(workflow.Context, hogsend.Run) error { return nil }

func journeys() []hogsend.Journey {
	return []hogsend.Journey{
		{
			ID: "trial-nudge", Name: "Trial nudge", Description: "Welcome and nudge",
			Trigger:    hogsend.On("trial.started").Where(hogsend.Prop("plan").Eq("pro")),
			EntryLimit: hogsend.Once, ExitOn: []hogsend.Exit{{Event: "subscription.created"}}, Run: nothing,
		},
		{ID: "old", Name: "Old", Disabled: true, Trigger: hogsend.On("old.started"), EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 90 * time.Minute, Run: nothing},
	}
}

func setup(t *testing.T, changes ...func(*Config)) *bundle {
	t.Helper()
	b := &bundle{t: t, store: dbtest.DB(t), keys: map[scope]string{}, logs: &syncBuffer{}, now: time.Now().UTC().Truncate(time.Second)}
	log := slog.New(slog.NewJSONHandler(b.logs, nil))
	ingester := ingest.New(b.store, ingest.Config{Journeys: journeys(), Logger: log})
	t.Cleanup(ingester.Close)
	cfg := Config{
		Store: b.store, Ingest: ingester, Registry: hogsend.Registry{Journeys: journeys()}, Enabled: journeys(),
		AdminAPIKey: adminKey, PublicURL: "http://127.0.0.1:3002", TrustedOrigins: []string{"https://studio.example.com"},
		Version: "1.0.0", Logger: log, Now: b.clock, Patience: time.Minute,
	}
	for _, change := range changes {
		change(&cfg)
	}
	b.server = New(cfg)
	for _, s := range []scope{scopeIngest, scopeRead, scopeJourneyAdmin, scopeFullAdmin} {
		b.keys[s] = b.key(string(s))
	}
	return b
}

// key makes a key with the scopes.
func (b *bundle) key(scopes ...string) string {
	b.t.Helper()
	_, secret, err := b.store.KeyInsert(b.t.Context(), store.NewKey{Name: strings.Join(scopes, " "), Scopes: scopes}, store.System("test"), b.clock())
	require.NoError(b.t, err)
	return secret
}

func (b *bundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bundle) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// call is one request; the zero value of everything but Method and URL is common.
type call struct {
	method, url string
	// key is the API key; "" sends none.
	key     string
	body    string
	headers map[string]string
	address string
}

// answer is a reply.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bundle) do(c call) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), c.method, c.url, strings.NewReader(c.body))
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.address != "" {
		r.RemoteAddr = c.address + ":1234"
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	data, err := io.ReadAll(w.Result().Body)
	require.NoError(b.t, err)
	a := answer{status: w.Code, header: w.Result().Header, body: string(data)}
	b.check(c, a)
	return a
}

var (
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)
)

// plain replaces what differs from run to run: uuids, instants of the system, the
// request id of an error.
func (a answer) plain(t *testing.T) string {
	t.Helper()
	text := uuids.ReplaceAllString(instant.ReplaceAllString(a.body, "<ts>"), "<uuid>")
	var body any
	require.NoError(t, json.Unmarshal([]byte(text), &body), a.body)
	if object, ok := body.(map[string]any); ok && a.status >= 400 {
		require.Equal(t, object["error"], object["message"]) // H-5
		require.NotEmpty(t, object["requestId"])
		delete(object, "message")
		delete(object, "requestId")
	}
	out, err := json.Marshal(body)
	require.NoError(t, err)
	return string(out)
}

// rows are the values of a one-column query.
func (b *bundle) rows(sql string, args ...any) []string {
	b.t.Helper()
	rows, _ := b.store.Pool.Query(b.t.Context(), sql, args...) // the error is in rows
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return out
}

// scenario is one row of a table: what is asked, what is answered, what is stored.
type scenario struct {
	name string
	call
	status int
	// want is the whole body, with <uuid> and <ts> for what differs.
	want string
	// sql and rows are a one-column query and its result afterwards.
	sql  string
	rows []string
}

// play runs scenarios one after another on one database.
func (b *bundle) play(scenarios []scenario) {
	b.t.Helper()
	for _, s := range scenarios {
		a := b.do(s.call)
		require.Equal(b.t, s.status, a.status, "%s: %s", s.name, a.body)
		if s.want != "" {
			require.JSONEq(b.t, s.want, a.plain(b.t), s.name)
		}
		if s.sql != "" {
			require.Equal(b.t, s.rows, b.rows(s.sql), s.name)
		}
	}
}
