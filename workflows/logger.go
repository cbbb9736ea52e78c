package workflows

import (
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"
)

type logFieldsKey struct{}

// withLogFields makes workflow.GetLogger carry the pairs, where LogFields is
// registered with the worker (J-120).
func withLogFields(ctx workflow.Context, pairs ...any) workflow.Context {
	return workflow.WithValue(ctx, logFieldsKey{}, pairs)
}

// LogFields is the worker interceptor that puts an enrollment's ids on every line
// its journey logs (J-120).
func LogFields() interceptor.WorkerInterceptor { return &logFields{} }

type logFields struct {
	interceptor.WorkerInterceptorBase
}

func (*logFields) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &logFieldsInbound{}
	in.Next = next
	return in
}

type logFieldsInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (i *logFieldsInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &logFieldsOutbound{}
	out.Next = next
	return i.Next.Init(out)
}

type logFieldsOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (o *logFieldsOutbound) GetLogger(ctx workflow.Context) log.Logger {
	logger := o.Next.GetLogger(ctx)
	if pairs, ok := ctx.Value(logFieldsKey{}).([]any); ok {
		return log.With(logger, pairs...)
	}
	return logger
}
