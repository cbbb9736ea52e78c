package tracing

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/traceparent"
)

// O-54: traces are off unless they are asked for, and what cannot be meant is an error that
// names the variable.
func TestTracesAreExportedIfAskedFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env            map[string]string
		protocol, fail string
	}{
		{env: nil},
		{env: map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "True"}},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, protocol: "http/protobuf"},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, protocol: "http/protobuf"},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, protocol: "grpc"},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, protocol: "http/protobuf"},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, fail: "OTEL_TRACES_EXPORTER"},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, fail: "OTEL_EXPORTER_OTLP_PROTOCOL"},
	} {
		lookup := func(name string) (string, bool) { value, ok := tt.env[name]; return value, ok }
		protocol, err := wanted(func(name string) string { return tt.env[name] })
		require.Equal(t, tt.protocol, protocol, tt.env)
		opened, openErr := Open(t.Context(), lookup, "", "")
		if tt.fail != "" {
			require.ErrorContains(t, err, tt.fail)
			require.ErrorContains(t, openErr, tt.fail)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, openErr)
		require.Equal(t, tt.protocol != "", opened != nil, tt.env)
	}
}

// O-54: without tracing nothing is made, and everything passes as it is.
func TestNoTracingCostsNothing(t *testing.T) {
	t.Parallel()
	var none *Tracing
	require.NoError(t, none.Close(t.Context()))
	interceptors, err := none.Temporal()
	require.NoError(t, err)
	require.Empty(t, interceptors)
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	ctx, done := none.Request(request)
	require.Equal(t, request.Context(), ctx)
	done("", "", 200)
	ctx, ended := none.Delivery(t.Context(), outbox.Row{Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	require.Empty(t, traceparent.Of(ctx))
	ended(nil)
	require.Nil(t, none.Provider(nil, ""))
}

type refusing struct{ email.Provider }

func (refusing) Send(context.Context, email.Message) (string, error) {
	return "", &email.SendError{Kind: email.Permanent, Status: 422, Reason: "ada@example.com is nobody"}
}

// O-54: a request, the row it wrote and the call of the provider are one trace, of which no
// span tells of a person; probes have none.
func TestSpansTellKindsAndNobody(t *testing.T) {
	t.Parallel()
	memory := tracetest.NewInMemoryExporter()
	tracing, err := New(sdktrace.NewSimpleSpanProcessor(memory), "1", "b")
	require.NoError(t, err)
	for _, probe := range []string{"/v1/health/ready", "/metrics"} {
		ctx, done := tracing.Request(httptest.NewRequest(http.MethodGet, probe, nil))
		done("GET", probe, 200)
		require.Empty(t, traceparent.Of(ctx))
	}
	request := httptest.NewRequest(http.MethodGet, "/v1/admin/contacts/ada@example.com?q=ada", nil)
	request.Header.Set("Baggage", "person=ada")
	ctx, done := tracing.Request(request)
	parent := traceparent.Of(ctx)
	require.Len(t, parent, 55)
	done("GET", "/v1/admin/contacts/:contact", 500)

	ctx, ended := tracing.Delivery(t.Context(), outbox.Row{ID: uuid.New(), Kind: contract.OutboxStart, Trace: parent})
	_, err = tracing.Provider(refusing{}, "resend").Send(ctx, email.Message{To: "ada@example.com", Subject: "for ada"})
	require.Error(t, err)
	ended(errors.New("ada@example.com"))

	spans := memory.GetSpans()
	require.Len(t, spans, 3)
	for i, name := range []string{"GET /v1/admin/contacts/:contact", "send mail", "outbox start"} {
		require.Equal(t, name, spans[i].Name)
		require.Equal(t, spans[0].SpanContext.TraceID(), spans[i].SpanContext.TraceID())
		require.Equal(t, codes.Error, spans[i].Status.Code)
		require.Empty(t, spans[i].Status.Description)
		require.Empty(t, spans[i].Events)
		for _, attribute := range spans[i].Attributes {
			require.NotContains(t, attribute.Value.String(), "ada")
		}
	}
	require.Equal(t, spans[0].SpanContext.SpanID(), spans[2].Parent.SpanID())
	require.Equal(t, spans[2].SpanContext.SpanID(), spans[1].Parent.SpanID())
}

// O-54: what Temporal's interceptor would write of an error is left out.
func TestTextsOfErrorsAreLeftOut(t *testing.T) {
	t.Parallel()
	memory := tracetest.NewInMemoryExporter()
	tracing, err := New(sdktrace.NewSimpleSpanProcessor(memory), "", "")
	require.NoError(t, err)
	_, span := tracing.tracer.Start(t.Context(), "RunActivity:Send")
	var quiet trace.Span = silent{span}
	quiet.RecordError(errors.New("ada@example.com"))
	quiet.SetStatus(codes.Error, "ada@example.com")
	quiet.End()
	require.Empty(t, memory.GetSpans()[0].Events)
	require.Empty(t, memory.GetSpans()[0].Status.Description)
}
