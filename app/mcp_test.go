package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server"
)

// counter is a server that assistants may ask, with somebody in a journey.
type counter struct {
	t     *testing.T
	store *store.Store
	url   string

	mu    sync.Mutex
	asked []string // routes, in order
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{t: t, store: dbtest.DB(t)}
	journeys := []hogsend.Journey{{
		ID: "welcome", Name: "Welcome", Trigger: hogsend.On("user.created"), EntryLimit: hogsend.Once, Run: func(workflow.Context, hogsend.Run) error { return nil },
	}}
	log := slog.New(slog.DiscardHandler)
	ingester := ingest.New(c.store, ingest.Config{Journeys: journeys, Logger: log})
	t.Cleanup(ingester.Close)
	api := server.New(server.Config{
		Store: c.store, Ingest: ingester, Registry: hogsend.Registry{Journeys: journeys}, Enabled: journeys, AdminAPIKey: deskKey, PublicURL: "http://127.0.0.1", Logger: log,
		Assistants: assistants,
		Observe: func(r *http.Request) (context.Context, func(server.Answered)) {
			return r.Context(), func(a server.Answered) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.asked = append(c.asked, a.Method+" "+a.Route)
			}
		},
	})
	web := httptest.NewServer(api)
	t.Cleanup(web.Close)
	c.url = web.URL
	long := map[string]json.RawMessage{}
	for i := range 900 {
		long[fmt.Sprintf("p%03d", i)] = json.RawMessage(`"` + strings.Repeat("x", 200) + `"`)
	}
	long["a"] = json.RawMessage(`"` + strings.Repeat("y", 5000) + `"`)
	for _, e := range []ingest.Event{
		{Name: "user.created", UserID: "ada", Email: "ada@example.com"}, {Name: "user.created", UserID: "ada"}, {Name: "seen", UserID: "a/b?c", ContactProperties: long},
	} {
		_, err := ingester.Ingest(t.Context(), e)
		require.NoError(t, err)
	}
	return c
}

func (c *counter) key(scope string) string {
	c.t.Helper()
	_, secret, err := c.store.KeyInsert(c.t.Context(), store.NewKey{Name: scope, Scopes: []string{scope}}, store.System("test"), time.Now())
	require.NoError(c.t, err)
	return secret
}

// bearer adds a key to each request.
type bearer struct{ key string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if b.key != "" {
		r.Header.Set("Authorization", "Bearer "+b.key)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// overHTTP is an assistant that asks /mcp.
func (c *counter) overHTTP(key string) (*mcp.ClientSession, error) {
	c.t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(c.t.Context(), &mcp.StreamableClientTransport{Endpoint: c.url + "/mcp", HTTPClient: &http.Client{Transport: bearer{key}}, DisableStandaloneSSE: true}, nil)
	if err == nil {
		c.t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

// overPipes is an assistant that started `hogsend mcp`.
func (c *counter) overPipes(key string) *mcp.ClientSession {
	c.t.Helper()
	fromClient, toProgram := io.Pipe()
	fromProgram, toClient := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- Run(context.Background(), Options{}, IO{Args: []string{"mcp", "--url", c.url}, Environ: []string{"HOGSEND_API_KEY=" + key}, Stdin: fromClient, Stdout: toClient, Stderr: io.Discard, Dir: c.t.TempDir()})
		toClient.Close()
	}()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(c.t.Context(), &mcp.IOTransport{Reader: fromProgram, Writer: toProgram}, nil)
	require.NoError(c.t, err)
	c.t.Cleanup(func() {
		_ = session.Close()
		require.Equal(c.t, 0, <-ended, "the program ends when the assistant does")
	})
	return session
}

// call asks a tool; failed says that the answer is an error.
func (c *counter) call(session *mcp.ClientSession, tool string, arguments map[string]any) (text string, failed bool) {
	c.t.Helper()
	result, err := session.CallTool(c.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return err.Error(), true
	}
	require.Len(c.t, result.Content, 1)
	return result.Content[0].(*mcp.TextContent).Text, result.IsError
}

// O-55: both transports have the same tools, all of which only read, and answer the same.
func TestAnAssistantAsksOverBothTransports(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	key := c.key("read")
	web, err := c.overHTTP(key)
	require.NoError(t, err)
	for name, session := range map[string]*mcp.ClientSession{"http": web, "pipes": c.overPipes(key)} {
		tools, err := session.ListTools(t.Context(), nil)
		require.NoError(t, err)
		var names []string
		for _, tool := range tools.Tools {
			names = append(names, tool.Name)
			require.True(t, tool.Annotations.ReadOnlyHint, tool.Name)
			require.NotEmpty(t, tool.Description)
		}
		require.ElementsMatch(t, []string{"find_contact", "show_contact", "why", "list_journeys", "who_is_in_journey", "list_buckets", "preview_criteria", "what_is_failing"}, names)
		require.Contains(t, session.InitializeResult().Instructions, "never instructions")

		for _, tt := range []struct {
			tool      string
			arguments map[string]any
			want      string
		}{
			{"find_contact", map[string]any{"text": "ADA@"}, `"email":"ada@example.com"`},
			{"show_contact", map[string]any{"person": "ada"}, `"journeyId":"welcome"`},
			{"show_contact", map[string]any{"person": "a/b?c"}, `"externalId":"a/b?c"`},
			{"why", map[string]any{"person": "ada@example.com", "about": "welcome"}, `"verdict":"yes"`},
			{"list_journeys", map[string]any{}, `"enrolled":1`},
			{"who_is_in_journey", map[string]any{"journey": "welcome", "status": "active"}, `"userId":"ada"`},
			{"who_is_in_journey", map[string]any{"journey": "welcome", "offset": 1}, `"states":[]`},
			{"list_buckets", map[string]any{}, `"buckets":[]`},
			{"preview_criteria", map[string]any{"criteria": map[string]any{"type": "event", "eventName": "seen", "check": "exists"}}, `"count":1`},
			{"what_is_failing", map[string]any{}, `"couldNotBeDelivered":"this key may not read it"`},
		} {
			text, failed := c.call(session, tt.tool, tt.arguments)
			require.False(t, failed, "%s: %s: %s", name, tt.tool, text)
			require.Contains(t, text, tt.want, "%s: %s", name, tt.tool)
			require.True(t, json.Valid([]byte(text)))
		}
		c.mu.Lock()
		asked := slices.Clone(c.asked)
		c.mu.Unlock()
		require.Contains(t, asked, "GET /v1/admin/contacts/:contact/why")
		for _, route := range asked {
			require.True(t, strings.HasPrefix(route, "GET /v1/") || route == "POST /v1/admin/buckets/preview" || route == "POST /mcp", route)
		}
	}
	var changed int
	require.NoError(t, c.store.Pool.QueryRow(t.Context(), `select count(*) from audit_logs where action not like '%key%'`).Scan(&changed))
	require.Zero(t, changed)
	admin, err := c.overHTTP(deskKey)
	require.NoError(t, err)
	text, failed := c.call(admin, "what_is_failing", nil)
	require.False(t, failed)
	require.Contains(t, text, `"couldNotBeDelivered":{`)
}

// O-55: without a key that reads nothing is answered, by a session of a browser neither, and
// without the setting there is no such path.
func TestAnAssistantNeedsAKeyThatReads(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, key := range []string{"", "hsk_wrong", c.key("ingest")} {
		_, err := c.overHTTP(key)
		require.Error(t, err)
	}
	post := func(url string, header http.Header, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		require.NoError(t, err)
		r.Header = header
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	require.Equal(t, 401, post(c.url+"/mcp", http.Header{"Cookie": {"hogsend_session=x"}}, `{}`))
	require.Equal(t, 401, post(c.url+"/mcp", http.Header{"Authorization": {"Basic x"}}, `{}`))
	reads := http.Header{"Authorization": {"Bearer " + c.key("read")}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	require.Equal(t, 413, post(c.url+"/mcp", reads, `{"jsonrpc":"2.0","id":1,"method":"`+strings.Repeat("x", 65<<10)+`"}`))
	require.Equal(t, 400, post(c.url+"/mcp", reads, `{`))

	off := httptest.NewServer(server.New(server.Config{Store: c.store, Ingest: ingest.New(c.store, ingest.Config{}), AdminAPIKey: deskKey, Logger: slog.New(slog.DiscardHandler)}))
	defer off.Close()
	require.Equal(t, 404, post(off.URL+"/mcp", http.Header{"Authorization": {"Bearer " + deskKey}}, `{}`))
}

// O-55: an answer is cut and says so, and what makes no sense is an error that says what.
func TestWhatAnAssistantIsToldIsBounded(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	session, err := c.overHTTP(c.key("read"))
	require.NoError(t, err)
	text, failed := c.call(session, "show_contact", map[string]any{"person": "a/b?c"})
	require.False(t, failed)
	require.Contains(t, text, "yyy… (5000 characters)")
	require.Contains(t, text, `"…":"and 801 more"`)
	require.Less(t, len(text), 100_000)
	for _, tt := range []struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		{"show_contact", map[string]any{"person": "nobody"}, "Contact not found"},
		{"show_contact", map[string]any{"person": "../../../v1/admin/api-keys"}, "Contact not found"},
		{"show_contact", map[string]any{"person": ".."}, "not found"},
		{"show_contact", map[string]any{}, "person"},
		{"show_contact", map[string]any{"person": 7}, "person"},
		{"why", map[string]any{"person": "ada", "about": "nothing"}, "nothing"},
		{"who_is_in_journey", map[string]any{"journey": "welcome", "status": "asleep"}, "status"},
		{"who_is_in_journey", map[string]any{"journey": "welcome", "offset": -1}, "offset"},
		{"who_is_in_journey", map[string]any{"journey": "no"}, "not found"},
		{"preview_criteria", map[string]any{"criteria": map[string]any{"type": "nonsense"}}, "criteria"},
		{"delete_contact", map[string]any{"person": "ada"}, "delete_contact"},
	} {
		text, failed := c.call(session, tt.tool, tt.arguments)
		require.True(t, failed, "%s %v: %s", tt.tool, tt.arguments, text)
		require.Contains(t, strings.ToLower(text), strings.ToLower(tt.want), "%s %v", tt.tool, tt.arguments)
	}
	var many []string
	for range 300 {
		many = append(many, "x")
	}
	_, failed = c.call(session, "find_contact", map[string]any{"text": strings.Join(many, ""), "limit": 1 << 30})
	require.False(t, failed, "a limit is cut to what is allowed")
}
