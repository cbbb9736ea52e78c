package tests

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spans are what processes have exported.
type spans struct {
	mu   sync.Mutex
	all  []*tracev1.Span
	text strings.Builder // what they say, to be searched
}

// collect stands for a collector of traces.
func collect(t *testing.T) (*spans, string) {
	t.Helper()
	s := &spans{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
			http.Error(w, "not a trace", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				s.all = append(s.all, scope.Spans...)
				for _, span := range scope.Spans {
					fmt.Fprintln(&s.text, span.Name, span.Attributes, span.Status, span.Events) // ids are bytes of anything
				}
			}
		}
	}))
	t.Cleanup(web.Close)
	return s, web.URL
}

// of are the spans of one trace.
func (s *spans) of(trace string) []*tracev1.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*tracev1.Span
	for _, span := range s.all {
		if hex.EncodeToString(span.TraceId) == trace {
			found = append(found, span)
		}
	}
	return found
}

func (s *spans) names(trace string) []string {
	var names []string
	for _, span := range s.of(trace) {
		names = append(names, span.Name)
	}
	return names
}

// O-54: one event is one trace, from the request of its client over the outbox and Temporal
// to the call of the provider, by way of separate processes; what follows from it weeks later,
// or from its journey's end, is in it too. Two people's events, stored in one transaction, are
// two. Nothing of a person is in any span.
func TestAnEventIsOneTrace(t *testing.T) {
	t.Parallel()
	seen, url := collect(t)
	r := newRig(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_BSP_SCHEDULE_DELAY=100")
	const ada, bob, used = "0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c", "2cf7651916cd43dd8448eb211c80319c"
	var both sync.WaitGroup
	for trace, e := range map[string]event{
		ada: {Name: "user.created", UserID: "ada-lovelace", Email: "ada@example.com", ContactProperties: map[string]any{"secret": "analytical engine"}},
		bob: {Name: "user.created", UserID: "bob-byron", Email: "bob@example.com"},
	} {
		both.Go(func() { r.postTraced(trace, e) })
	}
	both.Wait()
	r.eventually(2, `select count(*) from enrollments where status = 'waiting' and node = 'wait-event:feature.used'`)
	for _, trace := range []string{ada, bob} {
		for _, name := range []string{"POST /v1/events", "outbox start", "StartWorkflow:journey-activation-welcome", "RunActivity:Send", "send mail"} {
			r.until("no span "+name+" in the trace", func() bool { return slices.Contains(seen.names(trace), name) })
		}
		require.Equal(t, 1, count(seen.names(trace), "send mail"))
		require.Equal(t, 1, count(seen.names(trace), "POST /v1/events"))
	}
	r.postTraced(used, event{Name: "feature.used", UserID: "ada-lovelace"})
	r.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	r.until("no signal in the trace of the second event", func() bool { return slices.Contains(seen.names(used), "outbox signal") })
	r.until("the workflow has no span", func() bool { return slices.Contains(seen.names(ada), "RunWorkflow:journey-activation-welcome") })

	// Each span hangs on another one of its trace, the request on its client's.
	for _, trace := range []string{ada, used} {
		r.until("a span hangs on nothing", func() bool {
			all := seen.of(trace)
			return !slices.ContainsFunc(all, func(span *tracev1.Span) bool {
				parent := hex.EncodeToString(span.ParentSpanId)
				return parent != clientSpan && !slices.ContainsFunc(all, func(other *tracev1.Span) bool { return hex.EncodeToString(other.SpanId) == parent })
			})
		})
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, word := range []string{"lovelace", "byron", "engine", "@", "example"} {
		require.NotContains(t, strings.ToLower(seen.text.String()), word)
	}
}

// clientSpan is the span of the client that sends an event.
const clientSpan = "b7ad6b7169203331"

func count(names []string, name string) (n int) {
	for _, one := range names {
		if one == name {
			n++
		}
	}
	return n
}

// postTraced sends an event as a client does that traces.
func (r *rig) postTraced(trace string, e event) {
	r.t.Helper()
	e.trace = "00-" + trace + "-" + clientSpan + "-01"
	r.mustPost(e)
}
