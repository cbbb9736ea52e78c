package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/front"
)

// metricsHandler tells Prometheus of this process (O-43).
func metricsHandler(c *clock.Clock) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(clockCollector{c})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// clockCollector tells of the clock (W-18).
type clockCollector struct{ clock *clock.Clock }

// Describe is left to Collect: which buckets there are changes.
func (clockCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c clockCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.clock.Stats()
	metrics <- prometheus.MustNewConstMetric(prometheus.NewDesc("hogsend_clock_lag_seconds",
		"How long ago the oldest instant was due that the clock has not applied; 0 where it does not run.", nil, nil), prometheus.GaugeValue, stats.Lag.Seconds())
	flips := prometheus.NewDesc("hogsend_clock_flips_total", "Transitions that time alone has made.", []string{"bucket", "transition"}, nil)
	for flip, n := range stats.Flips {
		metrics <- prometheus.MustNewConstMetric(flips, prometheus.CounterValue, float64(n), flip.BucketID, flip.Transition)
	}
}

// serveMetrics answers GET /metrics on a private address until the server it returns
// is closed; nil when there is no address.
func serveMetrics(address string, handler http.Handler, log *slog.Logger) (*http.Server, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // there is none, as was asked for
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (METRICS_ADDR)", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", handler)
	var outer http.Handler = mux
	if front.OnLoopback(listener.Addr()) {
		outer = front.Local(mux)
	}
	s := front.NewServer(outer, slog.NewLogLogger(log.Handler(), slog.LevelWarn))
	s.Addr = listener.Addr().String()
	go func() {
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics ended", "error", err)
		}
	}()
	return s, nil
}
