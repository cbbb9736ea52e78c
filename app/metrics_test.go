package app

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/metrics"
	"github.com/hogsend/hogsend/internal/store"
)

// W-18, R-34, O-43: the private listener tells Prometheus of the clock.
func TestMetricsTellOfTheClock(t *testing.T) {
	t.Parallel()
	d := newDesk(t, hogsend.Bucket{ID: "recent", Name: "Recent", Criteria: hogsend.Event("click").Within(time.Millisecond).Exists()})
	_, err := d.ingester.Ingest(t.Context(), ingest.Event{Name: "click", UserID: "ada"})
	require.NoError(t, err)
	running := clock.New(d.ingester.Engine())
	for len(running.Stats().Flips) == 0 {
		_, err := running.Round(t.Context())
		require.NoError(t, err)
	}
	log := slog.New(slog.DiscardHandler)
	none, err := serveMetrics("", nil, nil, log)
	require.NoError(t, err)
	require.Nil(t, none)
	var ready atomic.Bool
	told := metrics.New(Version, "build")
	told.Watch(running, d.store, map[string]*store.Store{"work": d.store})
	s, err := serveMetrics("127.0.0.1:0", told.Handler(), ready.Load, log)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	_, err = serveMetrics(s.Addr, nil, nil, log)
	require.ErrorContains(t, err, "METRICS_ADDR", "the address is taken")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr+"/metrics", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.True(t, strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain"))
	require.Contains(t, string(body), `hogsend_clock_flips_total{bucket="recent",transition="left"} 1`)
	for _, line := range []string{
		`hogsend_database_up 1`, `hogsend_outbox_pending{destination="temporal"} 0`, `hogsend_outbox_lag_seconds{destination="posthog"} 0`, `hogsend_dead_letters 0`,
		`hogsend_workers_up 0`, `hogsend_waits_overdue_seconds 0`, `hogsend_imports_unfinished 0`, `hogsend_database_connections{pool="work",state="max"} 20`,
	} {
		require.Contains(t, string(body), line)
	}
	require.Contains(t, string(body), "# TYPE hogsend_clock_lag_seconds gauge\nhogsend_clock_lag_seconds ")

	// O-56: who watches over a worker asks the same listener.
	for _, tt := range []struct {
		ready bool
		path  string
		want  int
	}{{false, "/live", 200}, {false, "/ready", 503}, {true, "/ready", 200}, {true, "/live", 200}, {true, "/other", 404}} {
		ready.Store(tt.ready)
		answer, err := http.Get("http://" + s.Addr + tt.path) //nolint:noctx // a probe
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, tt.want, answer.StatusCode, tt.path)
		var out strings.Builder
		code := Run(t.Context(), Options{}, IO{Args: []string{"health", "--url", "http://" + s.Addr + tt.path}, Stdout: &out, Stderr: &out, Dir: t.TempDir()})
		require.Equal(t, tt.want != 200, code != 0, out.String())
	}
}
