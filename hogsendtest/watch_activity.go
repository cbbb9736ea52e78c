package hogsendtest

import (
	"context"
	"strconv"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/hogsend/hogsend/internal/calls"
)

// InterceptActivity implements interceptor.WorkerInterceptor.
func (w *watcher) InterceptActivity(ctx context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &watchedActivity{watcher: w}
	in.Next = next
	return in
}

type watchedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	watcher *watcher
}

func (i *watchedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if id, err := strconv.Atoi(info.ActivityID); err == nil && info.IsLocalActivity && !i.watcher.isLost() {
		i.watcher.order.await(info.WorkflowExecution.RunID, id)
	}
	s := step{name: info.ActivityType.Name, id: info.WorkflowExecution.RunID + "/" + info.ActivityID, attempt: int(info.Attempt)}
	if header := calls.HeaderOf(ctx); header != nil {
		s.key, s.call, s.args = header.Step.Key, header, in.Args
	}
	for _, arg := range in.Args {
		if step, ok := stepOf(arg); ok {
			s.key = step.Key
		}
	}
	return i.watcher.activity(s, func() (any, error) { return i.Next.ExecuteActivity(ctx, in) })
}
