package app

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
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
	none, err := serveMetrics("", nil, log)
	require.NoError(t, err)
	require.Nil(t, none)
	s, err := serveMetrics("127.0.0.1:0", metricsHandler(running), log)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	_, err = serveMetrics(s.Addr, nil, log)
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
	require.Contains(t, string(body), "# TYPE hogsend_clock_lag_seconds gauge\nhogsend_clock_lag_seconds ")
}
