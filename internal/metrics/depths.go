package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// clockCollector tells of the clock (W-18).
type clockCollector struct{ clock *clock.Clock }

// Describe is left to Collect: which buckets there are changes.
func (clockCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c clockCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.clock.Stats()
	gauge(metrics, "clock_lag_seconds", "How long ago the oldest instant was due that the clock has not applied; 0 where it does not run.", nil, stats.Lag.Seconds())
	flips := prometheus.NewDesc("hogsend_clock_flips_total", "Transitions that time alone has made.", []string{"bucket", "transition"}, nil)
	for flip, n := range stats.Flips {
		metrics <- prometheus.MustNewConstMetric(flips, prometheus.CounterValue, float64(n), flip.BucketID, flip.Transition)
	}
}

// Bounds of what is read of the database for metrics: however many ask, it is asked once in
// depthMemory, and nobody waits longer than depthTimeout.
const (
	depthMemory  = 5 * time.Second
	depthTimeout = 2 * time.Second
)

// depths tells how much waits in the database. Every process tells the same of it.
type depths struct {
	store  *store.Store
	mu     sync.Mutex
	read   time.Time // zero for never; a duration is measured by it
	up     bool
	rows   []storedb.MetricsOutboxRow
	issues []storedb.MetricsIssuesRow
	counts storedb.MetricsCountsRow
}

func newDepths(s *store.Store) *depths { return &depths{store: s} }

// Describe is left to Collect: what the database does not tell is not there.
func (*depths) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (d *depths) Collect(metrics chan<- prometheus.Metric) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.read.IsZero() || time.Since(d.read) >= depthMemory {
		d.look()
		d.read = time.Now()
	}
	if !d.up {
		gauge(metrics, "database_up", "1 while the database answers.", nil, 0)
		return
	}
	gauge(metrics, "database_up", "1 while the database answers.", nil, 1)
	seen := map[string]bool{}
	for _, row := range d.rows {
		seen[row.Destination] = true
		d.tell(metrics, row)
	}
	for _, destination := range []string{contract.ToTemporal, contract.ToPostHog} {
		if !seen[destination] {
			d.tell(metrics, storedb.MetricsOutboxRow{Destination: destination})
		}
	}
	for _, row := range d.issues {
		gauge(metrics, "enrollments_"+row.Kind, "Enrollments whose workflows cannot go on: blocked ones fail on their code, stranded ones should have moved an hour ago.", map[string]string{"journey": row.JourneyID}, float64(row.Enrollments))
	}
	gauge(metrics, "dead_letters", "What could not be delivered and waits for a decision.", nil, float64(d.counts.DeadLetters))
	gauge(metrics, "workers_up", "Workers that gave a sign within 30 s.", nil, float64(d.counts.Workers))
	gauge(metrics, "waits_overdue_seconds", "How long ago the oldest deadline of a wait was due that is still open.", nil, d.counts.WaitsLagSeconds)
	gauge(metrics, "imports_unfinished", "Imports that wait or run.", nil, float64(d.counts.Imports))
}

func (*depths) tell(metrics chan<- prometheus.Metric, row storedb.MetricsOutboxRow) {
	labels := map[string]string{"destination": row.Destination}
	gauge(metrics, "outbox_pending", "Rows of the outbox that wait for delivery.", labels, float64(row.Pending))
	gauge(metrics, "outbox_lag_seconds", "How long the oldest of them is due.", labels, row.LagSeconds)
}

func (d *depths) look() {
	ctx, cancel := context.WithTimeout(context.Background(), depthTimeout)
	defer cancel()
	var err, failed error
	d.rows, err = d.store.MetricsOutbox(ctx)
	if err == nil {
		d.issues, err = d.store.MetricsIssues(ctx)
	}
	d.counts, failed = d.store.MetricsCounts(ctx)
	d.up = err == nil && failed == nil
}

func gauge(metrics chan<- prometheus.Metric, name, help string, labels map[string]string, value float64) {
	metrics <- prometheus.MustNewConstMetric(prometheus.NewDesc("hogsend_"+name, help, nil, labels), prometheus.GaugeValue, value)
}

// poolCollector tells of the connections to the database, by the names of their pools.
type poolCollector map[string]*store.Store

// Describe is left to Collect.
func (poolCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(metrics chan<- prometheus.Metric) {
	connections := prometheus.NewDesc("hogsend_database_connections", "Connections to the database by what they do: acquired, idle, and the most there may be.", []string{"pool", "state"}, nil)
	waited := prometheus.NewDesc("hogsend_database_wait_seconds_total", "How long was waited for a connection, in all.", []string{"pool"}, nil)
	for pool, s := range c {
		stat := s.Pool.Stat()
		for state, n := range map[string]int32{"acquired": stat.AcquiredConns(), "idle": stat.IdleConns(), "max": stat.MaxConns()} {
			metrics <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(n), pool, state)
		}
		metrics <- prometheus.MustNewConstMetric(waited, prometheus.CounterValue, stat.EmptyAcquireWaitTime().Seconds(), pool)
	}
}
