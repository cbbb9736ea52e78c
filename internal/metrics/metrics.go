// Package metrics tells Prometheus of the process: every stage from the request to the
// provider's yes. Names and labels are bounded by what is compiled in; nothing of a person
// is in them (O-43).
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/store"
)

// seconds are the buckets of latencies: from a row written to a call that timed out.
func seconds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

// waits are the buckets of what may wait for an outage to pass.
func waits() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 1800, 7200}
}

// Metrics are those of one process. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests       *prometheus.CounterVec
	requestSeconds *prometheus.HistogramVec

	ingestSeconds       prometheus.Histogram
	ingestFailures      *prometheus.CounterVec
	transactionSeconds  prometheus.Histogram
	transactionChanges  prometheus.Histogram
	transactionRepeats  prometheus.Counter
	transactionFailures *prometheus.CounterVec
	decisions           *prometheus.CounterVec
	transitions         *prometheus.CounterVec

	deliveries      *prometheus.CounterVec
	deliveryWait    *prometheus.HistogramVec
	deliverySeconds *prometheus.HistogramVec

	journeyStart    prometheus.Histogram
	gate            *prometheus.CounterVec
	sendSeconds     prometheus.Histogram
	providerSeconds *prometheus.HistogramVec

	temporal temporalMetrics
}

// New makes the metrics of a process of a version and a build.
func New(version, build string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return m.NewCounterVec(prometheus.CounterOpts{Name: "hogsend_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return m.NewHistogramVec(prometheus.HistogramOpts{Name: "hogsend_" + name, Help: help, Buckets: buckets}, labels)
	}
	plain := func(v *prometheus.HistogramVec) prometheus.Histogram {
		return v.WithLabelValues().(prometheus.Histogram)
	}
	m.NewGaugeVec(prometheus.GaugeOpts{Name: "hogsend_build_info", Help: "1, with the version and the build of this process."}, []string{"version", "build_id"}).WithLabelValues(version, build).Set(1)
	made := &Metrics{
		registry: registry,

		requests:       counter("http_requests_total", "Requests answered; route is none for what is no route.", "method", "route", "status"),
		requestSeconds: histogram("http_request_seconds", "How long requests took to be answered.", seconds(), "route"),

		ingestSeconds:       plain(histogram("ingest_seconds", "From a change handed in to its commit, the wait for a lane included.", seconds())),
		ingestFailures:      counter("ingest_failures_total", "Changes handed in that were not applied, by kind: unavailable, closed, canceled or refused.", "kind"),
		transactionSeconds:  plain(histogram("transaction_seconds", "How long a transaction of the engine took, its repeats included.", seconds())),
		transactionChanges:  plain(histogram("transaction_changes", "Changes that shared a transaction.", []float64{1, 2, 5, 10, 25, 50, 100, 250, 500})),
		transactionRepeats:  counter("transaction_repeats_total", "Transactions made once more, because what they had read changed before their locks.").WithLabelValues(),
		transactionFailures: counter("transaction_failures_total", "Transactions that failed, by kind.", "kind"),
		decisions:           counter("enrollment_decisions_total", "Decisions about journeys: enrolled, or the reason why not.", "journey", "outcome"),
		transitions:         counter("bucket_transitions_total", "Joins and leaves of buckets.", "bucket", "transition"),

		deliveries:      counter("outbox_deliveries_total", "Attempts to deliver rows of the outbox, by result: delivered, failed, dead or released.", "destination", "kind", "result"),
		deliveryWait:    histogram("outbox_wait_seconds", "How long rows of the outbox were due before they were taken.", waits(), "destination"),
		deliverySeconds: histogram("outbox_delivery_seconds", "How long an attempt to deliver took.", seconds(), "destination"),

		journeyStart:    plain(histogram("journey_start_seconds", "From the enrollment to the first step of its workflow.", waits())),
		gate:            counter("gate_decisions_total", "What the gate decided of sends: claim, refuse, defer, hold, not_yet or gives_way, and why.", "action", "reason"),
		sendSeconds:     plain(histogram("send_seconds", "From the claim of a mail to the provider's yes.", waits())),
		providerSeconds: histogram("provider_call_seconds", "Calls of the mail provider by result: accepted, transient, permanent, unknown.", seconds(), "result"),

		temporal: newTemporal(counter, histogram, m),
	}
	made.begin()
	return made
}

// begin makes what is known of labels zero, so that the first failure of a kind is a rise
// and not a beginning.
func (m *Metrics) begin() {
	for _, kind := range []string{kindClosed, kindPaused, kindCanceled, kindUnavailable, kindRefused} {
		m.ingestFailures.WithLabelValues(kind)
		m.transactionFailures.WithLabelValues(kind)
	}
	for _, result := range []string{accepted, string(email.Transient), string(email.Permanent), string(email.Unknown)} {
		m.providerSeconds.WithLabelValues(result)
	}
	for _, kind := range contract.OutboxKinds() {
		if kind == contract.OutboxWebhook {
			continue // its destinations are the author's
		}
		for _, result := range []string{"delivered", "failed", "dead", "released"} {
			m.deliveries.WithLabelValues(kind.Destination(), string(kind), result)
		}
	}
}

// accepted is the result of a call of the provider that was not refused.
const accepted = "accepted"

// Handler answers with everything.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request is told of an answered request: method and route as the tables have them, "" for
// what they have not.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	if route == "" {
		method, route = "none", "none"
	}
	m.requests.WithLabelValues(method, route, statusText(status)).Inc()
	m.requestSeconds.WithLabelValues(route).Observe(took.Seconds())
}

func statusText(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)})
}

// Engine is what the engine is measured by.
func (m *Metrics) Engine() engine.Measure {
	return engine.Measure{Shared: m.shared, Applied: m.applied}
}

func (m *Metrics) shared(changes int, took time.Duration, err error) {
	if err != nil {
		m.ingestFailures.WithLabelValues(kindOf(err)).Add(float64(changes))
		return
	}
	m.ingestSeconds.Observe(took.Seconds())
}

func (m *Metrics) applied(a engine.Applied) {
	m.transactionSeconds.Observe(a.Took.Seconds())
	m.transactionChanges.Observe(float64(a.Changes))
	if a.Attempts > 1 {
		m.transactionRepeats.Add(float64(a.Attempts - 1))
	}
	if a.Err != nil {
		m.transactionFailures.WithLabelValues(kindOf(a.Err)).Inc()
	}
	for _, d := range a.Decisions {
		outcome := string(contract.OutcomeEnrolled)
		if d.Reason != "" {
			outcome = string(d.Reason)
		}
		m.decisions.WithLabelValues(d.JourneyID, outcome).Inc()
	}
	for _, t := range a.Transitions {
		transition := "left"
		if t.Enters {
			transition = "entered"
		}
		m.transitions.WithLabelValues(t.BucketID, transition).Inc()
	}
}

// Delivered is told of attempts at rows of the outbox.
func (m *Metrics) Delivered(a outbox.Attempt) {
	m.deliveries.WithLabelValues(a.Destination, string(a.Kind), a.Result).Inc()
	m.deliveryWait.WithLabelValues(a.Destination).Observe(a.Waited.Seconds())
	m.deliverySeconds.WithLabelValues(a.Destination).Observe(a.Took.Seconds())
}

// Began is told how long an enrollment waited for its first step.
func (m *Metrics) Began(waited time.Duration) { m.journeyStart.Observe(waited.Seconds()) }

// Gated is told what the gate decided.
func (m *Metrics) Gated(action steps.GateAction, reason contract.SendReason) {
	m.gate.WithLabelValues(string(action), string(reason)).Inc()
}

// Accepted is told how long a mail took from its claim.
func (m *Metrics) Accepted(took time.Duration) { m.sendSeconds.Observe(took.Seconds()) }

// Provider measures the calls of a provider.
func (m *Metrics) Provider(p email.Provider) email.Provider { return provider{p, m} }

type provider struct {
	email.Provider
	metrics *Metrics
}

// Send measures a call.
func (p provider) Send(ctx context.Context, mail email.Message) (string, error) {
	began := time.Now() // a duration, not an instant of the product
	id, err := p.Provider.Send(ctx, mail)
	result := accepted
	if failure := email.Classify(err); failure != nil {
		result = string(failure.Kind)
	}
	p.metrics.providerSeconds.WithLabelValues(result).Observe(time.Since(began).Seconds())
	return id, err
}

// Watch adds what is read when somebody asks: the clock, the database and the pools by their
// names.
func (m *Metrics) Watch(c *clock.Clock, readers *store.Store, pools map[string]*store.Store) {
	m.registry.MustRegister(clockCollector{c}, newDepths(readers), poolCollector(pools))
}
