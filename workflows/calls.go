package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

// callKey finds, in the context of a workflow, the header of the activity that Run.Do asks
// for.
type callKey struct{}

// CallHeaders is the worker interceptor that sends along, with an activity of the
// author's, for which step of which enrollment it runs (J-162).
func CallHeaders() interceptor.WorkerInterceptor { return &callHeaders{} }

type callHeaders struct {
	interceptor.WorkerInterceptorBase
}

func (*callHeaders) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &callHeadersInbound{}
	in.Next = next
	return in
}

type callHeadersInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (i *callHeadersInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &callHeadersOutbound{}
	out.Next = next
	return i.Next.Init(out)
}

type callHeadersOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

// ExecuteActivity sends the header along.
func (o *callHeadersOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if header, ok := ctx.Value(callKey{}).(contract.CallHeader); ok {
		payload, err := converter.GetDefaultDataConverter().ToPayload(header)
		if fields := interceptor.WorkflowHeader(ctx); err == nil && fields != nil { // a struct of texts and numbers encodes
			fields[contract.CallField] = payload
		}
	}
	return o.Next.ExecuteActivity(ctx, name, args...)
}
