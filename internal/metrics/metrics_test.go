package metrics

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/outbox"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

// O-43: every stage has a metric, under names that keep to Prometheus' rules.
func TestEveryStageIsMeasured(t *testing.T) {
	t.Parallel()
	m := New("1", "b")
	m.Request("POST", "/v1/events", 202, time.Second)
	measure := m.Engine()
	measure.Shared(2, time.Second, nil)
	measure.Shared(2, time.Second, context.Canceled)
	measure.Applied(engine.Applied{
		Changes: 3, Attempts: 3, Took: time.Second,
		Decisions:   []engine.Decided{{JourneyID: "j"}, {JourneyID: "j", Reason: contract.GuardOnce}},
		Transitions: []engine.Transition{{BucketID: "b", Enters: true}, {BucketID: "b"}},
	})
	measure.Applied(engine.Applied{Changes: 1, Attempts: 1, Err: context.DeadlineExceeded})
	m.Delivered(outbox.Attempt{Destination: "temporal", Kind: contract.OutboxStart, Result: "delivered", Waited: time.Second, Took: time.Second})
	m.Began(time.Second)
	m.Gated(steps.GateRefuse, contract.SendFrequencyCapped)
	m.Accepted(time.Second)
	sdk := m.Temporal().WithTags(map[string]string{"namespace": "default"}).WithTags(map[string]string{"activity_type": "a", "operation": "Poll", "workflow_type": "w", "worker_type": "ActivityWorker"})
	sdk.Timer("temporal_activity_execution_latency").Record(time.Second)
	sdk.Timer("temporal_activity_schedule_to_start_latency").Record(time.Second)
	sdk.Counter("temporal_workflow_completed").Inc(2)
	sdk.Gauge("temporal_worker_task_slots_available").Update(7)
	sdk.Gauge("temporal_sticky_cache_size").Update(3)
	sdk.Counter("temporal_sticky_cache_hit").Inc(1) // none of ours
	sdk.Gauge("another").Update(1)
	sdk.Timer("another").Record(1)

	text := scrape(t, m)
	for _, line := range []string{
		`hogsend_build_info{build_id="b",version="1"} 1`,
		`hogsend_http_requests_total{method="POST",route="/v1/events",status="202"} 1`,
		`hogsend_http_request_seconds_count{route="/v1/events"} 1`,
		`hogsend_ingest_seconds_count 1`,
		`hogsend_ingest_failures_total{kind="canceled"} 2`,
		`hogsend_transaction_changes_sum 4`,
		`hogsend_transaction_repeats_total 2`,
		`hogsend_transaction_failures_total{kind="unavailable"} 1`,
		`hogsend_transaction_failures_total{kind="refused"} 0`,
		`hogsend_enrollment_decisions_total{journey="j",outcome="enrolled"} 1`,
		`hogsend_enrollment_decisions_total{journey="j",outcome="already_entered_once"} 1`,
		`hogsend_bucket_transitions_total{bucket="b",transition="entered"} 1`,
		`hogsend_bucket_transitions_total{bucket="b",transition="left"} 1`,
		`hogsend_outbox_deliveries_total{destination="temporal",kind="` + string(contract.OutboxStart) + `",result="delivered"} 1`,
		`hogsend_outbox_deliveries_total{destination="posthog",kind="` + string(contract.OutboxCapture) + `",result="dead"} 0`,
		`hogsend_outbox_wait_seconds_sum{destination="temporal"} 1`,
		`hogsend_journey_start_seconds_sum 1`,
		`hogsend_gate_decisions_total{action="refuse",reason="frequency_capped"} 1`,
		`hogsend_send_seconds_sum 1`,
		`hogsend_activity_seconds_sum{activity="a"} 1`,
		`hogsend_temporal_task_wait_seconds_sum{task="activity"} 1`,
		`hogsend_workflows_ended_total{result="completed",workflow="w"} 2`,
		`hogsend_temporal_slots_available{worker="ActivityWorker"} 7`,
		`hogsend_temporal_cached_workflows 3`,
	} {
		require.Contains(t, text, "\n"+line+"\n")
	}
	families, err := m.registry.Gather()
	require.NoError(t, err)
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// O-43: whatever is asked, the number of series is that of the routes.
func TestWhatNobodyKnowsIsOneSeries(t *testing.T) {
	t.Parallel()
	m := New("", "")
	before := strings.Count(scrape(t, m), "\n")
	for _, method := range []string{"GET", "PROPFIND", "X"} {
		m.Request(method, "", 404, time.Millisecond)
	}
	m.Request("", "", 404, time.Millisecond)
	m.Request("", "", 70_000, time.Millisecond)
	text := scrape(t, m)
	require.Contains(t, text, `hogsend_http_requests_total{method="none",route="none",status="404"} 4`)
	require.Contains(t, text, `hogsend_http_requests_total{method="none",route="none",status="none"} 1`)
	require.Less(t, strings.Count(text, "\n")-before, 30)
}

type failing struct {
	email.Provider
	err error
}

func (f failing) Send(context.Context, email.Message) (string, error) { return "id", f.err }

// E-35, O-43: a call counts by what is known of it, and the answer passes unchanged.
func TestCallsOfTheProviderAreMeasuredByResult(t *testing.T) {
	t.Parallel()
	m := New("", "")
	for want, err := range map[string]error{
		"accepted": nil, "transient": &email.SendError{Kind: email.Transient}, "permanent": &email.SendError{Kind: email.Permanent}, "unknown": errors.New("a stranger's text"),
	} {
		id, got := m.Provider(failing{err: err}).Send(t.Context(), email.Message{})
		require.Equal(t, "id", id)
		require.Equal(t, err, got)
		require.Contains(t, scrape(t, m), `hogsend_provider_call_seconds_count{result="`+want+`"} 1`)
	}
}
