package tracing

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// Temporal are the interceptors of a client, and so of its workers, that carry a trace
// through Temporal in the header of each workflow, signal and activity.
func (t *Tracing) Temporal() ([]interceptor.ClientInterceptor, error) {
	if t == nil {
		return nil, nil
	}
	spans, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: t.tracer, TextMapPropagator: propagation.TraceContext{}, DisableBaggage: true, DisableQueryTracing: true, AllowInvalidParentSpans: true,
		SpanStarter: func(ctx context.Context, tracer trace.Tracer, name string, opts ...trace.SpanStartOption) trace.Span {
			_, span := tracer.Start(ctx, name, opts...)
			return silent{span}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("trace temporal: %w", err)
	}
	return []interceptor.ClientInterceptor{spans, &carrying{}}, nil
}

// silent keeps the texts of errors to itself: they may say anything of anybody.
type silent struct{ trace.Span }

// RecordError records nothing.
func (silent) RecordError(error, ...trace.EventOption) {}

// SetStatus leaves out why.
func (s silent) SetStatus(code codes.Code, _ string) { s.Span.SetStatus(code, "") }

// carrying lets what an activity changes go on with the activity's trace.
type carrying struct{ interceptor.InterceptorBase }

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*carrying) InterceptActivity(ctx context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &carryingActivity{}
	in.Next = next
	return in
}

type carryingActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *carryingActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	return a.Next.ExecuteActivity(carry(ctx), in)
}
