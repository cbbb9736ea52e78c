// Package traceparent carries in a context which trace a change belongs to, from whoever
// traces to the row of the outbox that goes on with it, so that nothing between them knows of
// tracing.
package traceparent

import "context"

type key struct{}

// length is that of a W3C traceparent of version 00.
const length = 55

// With returns a context that belongs to a trace, named by a W3C traceparent. What cannot be
// one leaves ctx as it is.
func With(ctx context.Context, parent string) context.Context {
	if len(parent) != length {
		return ctx
	}
	return context.WithValue(ctx, key{}, parent)
}

// Of is the traceparent of a context; "" for none.
func Of(ctx context.Context) string {
	parent, _ := ctx.Value(key{}).(string) // absent: ""
	return parent
}

// Column is Of as it is stored: nil for none.
func Column(ctx context.Context) *string {
	if parent := Of(ctx); parent != "" {
		return &parent
	}
	return nil
}
