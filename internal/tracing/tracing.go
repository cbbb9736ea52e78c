// Package tracing makes OpenTelemetry spans of what an event causes: the request, its rows of
// the outbox, the workflow and its activities, the call of the provider, all in one trace
// (O-54). Nothing of a person is in a span: no path, no property, no text of an error.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/traceparent"
)

// Tracing makes spans. The nil value makes none, and costs nothing.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Open makes spans and exports them as the OTEL_… variables of the environment say, if they
// ask for it at all: nil otherwise. It connects when there is something to export.
func Open(ctx context.Context, lookup func(string) (string, bool), version, build string) (*Tracing, error) {
	env := func(name string) string { value, _ := lookup(name); return strings.TrimSpace(value) }
	protocol, err := wanted(env)
	if err != nil || protocol == "" {
		return nil, err
	}
	var client otlptrace.Client
	if protocol == "grpc" {
		client = otlptracegrpc.NewClient()
	} else {
		client = otlptracehttp.NewClient()
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	return New(sdktrace.NewBatchSpanProcessor(exporter), version, build)
}

// wanted is the protocol by which traces are asked to be exported, "" for not at all.
func wanted(env func(string) string) (string, error) {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return "", nil
	}
	switch exporter := env("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return "", nil
	case "otlp":
	case "":
		if env("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return "", nil
		}
	default:
		return "", fmt.Errorf("OTEL_TRACES_EXPORTER: %q is neither otlp nor none", exporter)
	}
	protocol := env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = env("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "", "http/protobuf":
		return "http/protobuf", nil
	case "grpc":
		return protocol, nil
	}
	return "", fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q is neither http/protobuf nor grpc", protocol)
}

// New makes spans for a processor. What is sampled, what service this is and how large a span
// may be is read from the OTEL_… variables of the process.
func New(processor sdktrace.SpanProcessor, version, build string) (*Tracing, error) {
	of, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "hogsend"), attribute.String("service.version", version), attribute.String("hogsend.build_id", build)),
		resource.WithFromEnv()) // the environment's words win
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe this process to traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor), sdktrace.WithResource(of))
	return &Tracing{provider: provider, tracer: provider.Tracer("github.com/hogsend/hogsend")}, nil
}

// Close exports what is left, for as long as ctx lets it.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("export the last traces: %w", err)
	}
	return nil
}

// Request begins the span of a request, in the trace that its client began if it says so.
// done ends it: route is "" for what is no route.
func (t *Tracing) Request(r *http.Request) (ctx context.Context, done func(method, route string, status int)) {
	if t == nil || strings.HasPrefix(r.URL.Path, "/v1/health") || r.URL.Path == "/metrics" {
		return r.Context(), func(string, string, int) {}
	}
	ctx = propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return carry(ctx), func(method, route string, status int) {
		if route != "" {
			span.SetName(method + " " + route)
			span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route))
		}
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Delivery begins the span of an attempt at a row of the outbox, in the trace of what caused
// the row.
func (t *Tracing) Delivery(ctx context.Context, row outbox.Row) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx = remote(ctx, row.Trace)
	ctx, span := t.tracer.Start(ctx, "outbox "+string(row.Kind), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("hogsend.outbox.kind", string(row.Kind)),
		attribute.String("hogsend.outbox.id", row.ID.String()), attribute.Int("hogsend.outbox.attempts", row.Attempts),
		attribute.Float64("hogsend.outbox.age_seconds", time.Since(row.CreatedAt).Seconds()),
	))
	return carry(ctx), func(err error) { end(span, err) }
}

// Provider makes a span of each call of a provider.
func (t *Tracing) Provider(p email.Provider, name string) email.Provider {
	if t == nil {
		return p
	}
	return provider{p, t, name}
}

type provider struct {
	email.Provider
	tracing *Tracing
	name    string
}

// Send calls the provider. The span says what is known of a failure, and nothing of the mail.
func (p provider) Send(ctx context.Context, m email.Message) (string, error) {
	ctx, span := p.tracing.tracer.Start(ctx, "send mail", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("hogsend.provider", p.name)))
	id, err := p.Provider.Send(ctx, m)
	if failure := email.Classify(err); failure != nil {
		span.SetAttributes(attribute.String("error.type", string(failure.Kind)), attribute.Int("http.response.status_code", failure.Status))
	}
	end(span, err)
	return id, err
}

// end ends a span. The text of an error may have an address in it: it is in the log.
func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// carry notes the trace of a context where those find it who know nothing of tracing.
func carry(ctx context.Context) context.Context {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return traceparent.With(ctx, carrier["traceparent"])
}

// remote goes on with a trace that a row names; "" begins one.
func remote(ctx context.Context, parent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}
