package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.temporal.io/sdk/client"
)

// temporalMetrics are those of Temporal's SDK that say how work goes; it has dozens more.
type temporalMetrics struct {
	// timers and counters by the SDK's names, gauges likewise: each has the labels that it
	// takes from the SDK's tags.
	timers   map[string]family[*prometheus.HistogramVec]
	counters map[string]family[*prometheus.CounterVec]
	gauges   map[string]family[*prometheus.GaugeVec]
}

// family is a metric of ours for one of the SDK's: task is its first label where several of
// the SDK's are one of ours, tags are the others.
type family[T any] struct {
	vec  T
	task string
	tags []string
}

func (f family[T]) labels(tags map[string]string) []string {
	var labels []string
	if f.task != "" {
		labels = append(labels, f.task)
	}
	for _, tag := range f.tags {
		labels = append(labels, tags[tag])
	}
	return labels
}

type (
	newCounter   func(name, help string, labels ...string) *prometheus.CounterVec
	newHistogram func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec
)

func newTemporal(counter newCounter, histogram newHistogram, m promauto.Factory) temporalMetrics {
	wait := histogram("temporal_task_wait_seconds", "How long tasks waited for a worker, by what they are: workflow or activity.", waits(), "task")
	took := histogram("activity_seconds", "How long activities took, each attempt.", seconds(), "activity")
	failed := counter("activity_failures_total", "Attempts of activities that failed.", "activity")
	tasks := counter("temporal_workflow_task_failures_total", "Tasks of workflows that failed and are tried again: such workflows are blocked.", "workflow", "reason")
	ended := counter("workflows_ended_total", "Workflows that ended, by how.", "workflow", "result")
	calls := histogram("temporal_request_seconds", "Calls of Temporal, but for those that wait for work.", seconds(), "operation")
	refused := counter("temporal_request_failures_total", "Calls of Temporal that failed.", "operation", "code")
	slots := m.NewGaugeVec(prometheus.GaugeOpts{Name: "hogsend_temporal_slots_available", Help: "Tasks that this worker could take besides those it has."}, []string{"worker"})
	cached := m.NewGaugeVec(prometheus.GaugeOpts{Name: "hogsend_temporal_cached_workflows", Help: "Workflows that this worker holds in memory."}, nil)
	const activity, workflow, operation = "activity_type", "workflow_type", "operation"
	return temporalMetrics{
		timers: map[string]family[*prometheus.HistogramVec]{
			"temporal_workflow_task_schedule_to_start_latency": {vec: wait, task: "workflow"},
			"temporal_activity_schedule_to_start_latency":      {vec: wait, task: "activity"},
			"temporal_activity_execution_latency":              {vec: took, tags: []string{activity}},
			"temporal_local_activity_execution_latency":        {vec: took, tags: []string{activity}},
			"temporal_request_latency":                         {vec: calls, tags: []string{operation}},
		},
		counters: map[string]family[*prometheus.CounterVec]{
			"temporal_activity_execution_failed":       {vec: failed, tags: []string{activity}},
			"temporal_local_activity_execution_failed": {vec: failed, tags: []string{activity}},
			"temporal_workflow_task_execution_failed":  {vec: tasks, tags: []string{workflow, "failure_reason"}},
			"temporal_request_failure":                 {vec: refused, tags: []string{operation, "status_code"}},
			"temporal_workflow_completed":              {vec: ended.MustCurryWith(prometheus.Labels{"result": "completed"}), tags: []string{workflow}},
			"temporal_workflow_failed":                 {vec: ended.MustCurryWith(prometheus.Labels{"result": "failed"}), tags: []string{workflow}},
			"temporal_workflow_canceled":               {vec: ended.MustCurryWith(prometheus.Labels{"result": "canceled"}), tags: []string{workflow}},
		},
		gauges: map[string]family[*prometheus.GaugeVec]{
			"temporal_worker_task_slots_available": {vec: slots, tags: []string{"worker_type"}},
			"temporal_sticky_cache_size":           {vec: cached},
		},
	}
}

// Temporal is what Temporal's SDK tells of its work.
func (m *Metrics) Temporal() client.MetricsHandler { return handler{&m.temporal, nil} }

// handler implements client.MetricsHandler: it takes what it has a family for.
type handler struct {
	metrics *temporalMetrics
	tags    map[string]string
}

// WithTags returns a handler with more tags.
func (h handler) WithTags(tags map[string]string) client.MetricsHandler {
	merged := make(map[string]string, len(h.tags)+len(tags))
	for _, all := range []map[string]string{h.tags, tags} {
		for name, value := range all {
			merged[name] = value
		}
	}
	return handler{h.metrics, merged}
}

// Counter returns a counter.
func (h handler) Counter(name string) client.MetricsCounter {
	if f, ok := h.metrics.counters[name]; ok {
		return counterFunc(func(n int64) { f.vec.WithLabelValues(f.labels(h.tags)...).Add(float64(n)) })
	}
	return counterFunc(func(int64) {})
}

// Gauge returns a gauge.
func (h handler) Gauge(name string) client.MetricsGauge {
	if f, ok := h.metrics.gauges[name]; ok {
		return gaugeFunc(func(v float64) { f.vec.WithLabelValues(f.labels(h.tags)...).Set(v) })
	}
	return gaugeFunc(func(float64) {})
}

// Timer returns a timer.
func (h handler) Timer(name string) client.MetricsTimer {
	if f, ok := h.metrics.timers[name]; ok {
		return timerFunc(func(d time.Duration) { f.vec.WithLabelValues(f.labels(h.tags)...).Observe(d.Seconds()) })
	}
	return timerFunc(func(time.Duration) {})
}

type (
	counterFunc func(int64)
	gaugeFunc   func(float64)
	timerFunc   func(time.Duration)
)

// Inc adds.
func (f counterFunc) Inc(n int64) { f(n) }

// Update sets.
func (f gaugeFunc) Update(v float64) { f(v) }

// Record observes.
func (f timerFunc) Record(d time.Duration) { f(d) }
