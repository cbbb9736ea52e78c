package virtual

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// tick is how often a wait looks whether anything has moved.
const tick = 20 * time.Millisecond

// Progress is what moves in a worker: calls of workflow code, and activities. It tells
// code that hangs from a machine that is busy. A wait gives up when nothing has moved
// for so many ticks, and a process that is not let run does not tick either: however
// slow the machine, as long as something moves, nothing is given up.
type Progress struct {
	moved atomic.Int64
	busy  atomic.Int64 // activities under way
}

// NewProgress is that of a worker, whose interceptor is Interceptor, or of a replayer.
func NewProgress() *Progress { return &Progress{} }

// Move says that something has moved.
func (p *Progress) Move() { p.moved.Add(1) }

// outside is how many times as long activities may be silent: what they wait for may
// be another process on the same machine.
const outside = 20

// Await tries until done, and reports false when nothing has moved for limit. A try
// returns false with a tick.
func (p *Progress) Await(limit time.Duration, try func(tick <-chan time.Time) (done bool)) bool {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	seen, quiet := p.moved.Load(), time.Duration(0)
	for {
		if try(ticker.C) {
			return true
		}
		quiet += tick
		if now := p.moved.Load(); now != seen {
			seen, quiet = now, 0
		}
		if quiet >= limit && p.busy.Load() == 0 || quiet >= limit*outside {
			return false
		}
	}
}

// runLabel is the label of goroutines that names the run whose code they are in.
const runLabel = "hogsendtest-run"

// enter labels the goroutine it is called by as one that runs code of a run, until leave.
// Those that the code starts inherit it.
func (p *Progress) enter(runID string) (leave func()) {
	p.Move()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(runLabel, runID)))
	return func() {
		p.Move()
		pprof.SetGoroutineLabels(context.Background())
	}
}

// Stacks are those of the goroutines in code of a run that do not wait as workflows
// and activities are meant to: in Temporal's SDK.
func Stacks(runID string) string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	var found []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, strconv.Quote(runLabel)+":"+strconv.Quote(runID)) && !strings.Contains(stack, "ield+") { // yield and initialYield of a coroutine
			found = append(found, strings.TrimSpace(stack))
		}
	}
	return strings.Join(found, "\n\n")
}

// Interceptor follows a worker or a replayer.
func (p *Progress) Interceptor() interceptor.WorkerInterceptor { return &follower{progress: p} }

type follower struct {
	interceptor.WorkerInterceptorBase
	progress *Progress
}

func (f *follower) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &followedActivity{progress: f.progress}
	in.Next = next
	return in
}

func (f *follower) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &followedWorkflow{progress: f.progress}
	in.Next = next
	return in
}

type followedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	progress *Progress
}

func (i *followedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	i.progress.busy.Add(1)
	defer i.progress.busy.Add(-1)
	defer i.progress.enter(sdkactivity.GetInfo(ctx).WorkflowExecution.RunID)()
	return i.Next.ExecuteActivity(ctx, in)
}

type followedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	progress *Progress
	out      *followedCalls
}

func (i *followedWorkflow) Init(next interceptor.WorkflowOutboundInterceptor) error {
	i.out = &followedCalls{progress: i.progress}
	i.out.Next = next
	return i.Next.Init(i.out)
}

func (i *followedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	i.out.runID = workflow.GetInfo(ctx).WorkflowExecution.RunID
	defer i.progress.enter(i.out.runID)()
	return i.Next.ExecuteWorkflow(ctx, in)
}

// followedCalls are those calls of a workflow's code without which it does not get far.
type followedCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
	progress *Progress
	runID    string
}

func (o *followedCalls) Go(ctx workflow.Context, name string, f func(workflow.Context)) workflow.Context {
	return o.Next.Go(ctx, name, func(ctx workflow.Context) {
		defer o.progress.enter(o.runID)()
		f(ctx)
	})
}

func (o *followedCalls) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.progress.Move()
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *followedCalls) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.progress.Move()
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (o *followedCalls) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	o.progress.Move()
	return o.Next.NewTimer(ctx, d)
}

func (o *followedCalls) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	o.progress.Move()
	return o.Next.NewTimerWithOptions(ctx, d, options)
}
