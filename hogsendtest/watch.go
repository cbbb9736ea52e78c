package hogsendtest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
)

// call is one thing that the code of a workflow asked for.
type call struct {
	// what names it, with the step if it has one; detail is what it was given.
	what, detail string
	// place is where the journey's code did so.
	place string
	// wait is the label of a wait that it begins.
	wait string
}

func (c call) String() string {
	s := c.what
	if c.place != "" {
		s += " at " + c.place
	}
	if c.detail != "" {
		s += " with " + clip.First(c.detail, 400)
	}
	return s
}

// trace is what one execution of a workflow's code asked for, in order.
type trace struct {
	calls []call
	// marks are the lengths of calls after each workflow task.
	marks []int
	place string
}

// watcher follows the code of workflows, in a worker or in a replayer.
type watcher struct {
	interceptor.WorkerInterceptorBase

	// lost reports that the worker is lost: its code must not get any further.
	lost func() bool
	// now is the virtual time, in a worker.
	now func() time.Time
	// activity runs an activity, in a worker.
	activity func(s step, run func() (any, error)) (any, error)
	// asked is told what activities of the product's are asked for; nil in a replayer.
	asked func(activity string, arg any)

	order *order

	mu     sync.Mutex
	traces map[string]*trace // the newest execution of each run
	bare   []string          // where a bare goroutine called Run
	waste  []discarded
}

func newWatcher() *watcher { return &watcher{order: newOrder(), traces: map[string]*trace{}} }

// trace is that of the newest execution of a run.
func (w *watcher) trace(runID string) *trace {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.traces[runID]; t != nil {
		return t
	}
	return &trace{}
}

func (w *watcher) begin(runID string) *trace {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := &trace{}
	w.traces[runID] = t
	return t
}

func (w *watcher) isLost() bool { return w.lost != nil && w.lost() }

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (w *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &watchedWorkflow{watcher: w}
	in.Next = next
	return in
}

type watchedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	watcher *watcher
	out     *watchedCalls
}

func (i *watchedWorkflow) Init(next interceptor.WorkflowOutboundInterceptor) error {
	i.out = &watchedCalls{watcher: i.watcher, trace: &trace{}}
	i.out.Next = next
	return i.Next.Init(i.out)
}

func (i *watchedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	i.out.runID = workflow.GetInfo(ctx).WorkflowExecution.RunID
	i.out.trace = i.watcher.begin(i.out.runID)
	i.watcher.order.forget(i.out.runID)
	return i.Next.ExecuteWorkflow(ctx, in)
}

type watchedCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
	watcher *watcher
	trace   *trace
	runID   string
	locals  int // local activities so far: the SDK numbers them like that
}

// note adds a call, unless the worker is lost: then the code stops here for good, as
// that of a process that died.
func (o *watchedCalls) note(ctx workflow.Context, what string, args ...any) {
	if o.watcher.isLost() {
		apart, _ := workflow.NewDisconnectedContext(ctx)
		_ = o.Next.Await(apart, func() bool { return false }) // it is never woken again
	}
	c := call{what: what, place: o.trace.place}
	for _, arg := range args {
		if step, ok := stepOf(arg); ok {
			c.what = step.Key + " (" + what + ")"
		}
		if wait, ok := arg.(contract.BeginWaitRequest); ok {
			c.wait = wait.Label
		}
		c.detail += detailOf(arg)
	}
	o.trace.calls = append(o.trace.calls, c)
}

// stepOf is the step that a request of an activity is about.
func stepOf(arg any) (contract.Step, bool) {
	if step, ok := arg.(contract.Step); ok {
		return step, true
	}
	v := reflect.ValueOf(arg)
	if v.Kind() != reflect.Struct {
		return contract.Step{}, false
	}
	f := v.FieldByName("Step")
	if !f.IsValid() {
		return contract.Step{}, false
	}
	step, ok := f.Interface().(contract.Step)
	return step, ok
}

func detailOf(arg any) string {
	raw, err := json.Marshal(arg)
	if err != nil {
		return fmt.Sprintf("%T", arg)
	}
	return string(raw)
}

// Now is exact: an activity that runs inside of a workflow task takes no time.
func (o *watchedCalls) Now(ctx workflow.Context) time.Time {
	if o.watcher.now == nil || o.Next.IsReplaying(ctx) {
		return o.Next.Now(ctx)
	}
	return o.watcher.now()
}

func (o *watchedCalls) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.note(ctx, "activity "+name, args...)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *watchedCalls) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.note(ctx, "local activity "+name, args...)
	for _, arg := range args {
		if o.watcher.asked != nil {
			o.watcher.asked(name, arg)
		}
	}
	o.locals++
	id, replaying := o.locals, o.Next.IsReplaying(ctx)
	if !replaying {
		o.watcher.order.expect(o.runID, id)
	}
	// Its limit counts real time: on a machine that is busy enough it would be over.
	limits := workflow.GetLocalActivityOptions(ctx)
	limits.StartToCloseTimeout = max(limits.StartToCloseTimeout, time.Hour)
	result := o.Next.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, limits), name, args...)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	o.Next.Go(apart, "hogsendtest", func(ctx workflow.Context) {
		_ = result.Get(ctx, nil) // whatever came of it
		if !replaying {
			o.watcher.order.done(o.runID, id)
		}
	})
	return result
}

func (o *watchedCalls) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	o.note(ctx, "child workflow "+name, args...)
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

func (o *watchedCalls) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	o.note(ctx, "timer of "+d.String())
	return o.Next.NewTimer(ctx, d)
}

func (o *watchedCalls) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	o.note(ctx, "timer "+options.Summary+" of "+d.String())
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *watchedCalls) Sleep(ctx workflow.Context, d time.Duration) error {
	o.note(ctx, "sleep of "+d.String())
	return o.Next.Sleep(ctx, d)
}

func (o *watchedCalls) SideEffect(ctx workflow.Context, f func(workflow.Context) any) converter.EncodedValue {
	o.note(ctx, "side effect")
	return o.Next.SideEffect(ctx, f)
}

func (o *watchedCalls) SideEffectWithOptions(ctx workflow.Context, options workflow.SideEffectOptions, f func(workflow.Context) any) converter.EncodedValue {
	o.note(ctx, "side effect "+options.Summary)
	return o.Next.SideEffectWithOptions(ctx, options, f)
}

func (o *watchedCalls) MutableSideEffect(ctx workflow.Context, id string, f func(workflow.Context) any, equals func(a, b any) bool) converter.EncodedValue {
	o.note(ctx, "mutable side effect "+id)
	return o.Next.MutableSideEffect(ctx, id, f, equals)
}

func (o *watchedCalls) GetVersion(ctx workflow.Context, change string, lowest, highest workflow.Version) workflow.Version {
	o.note(ctx, fmt.Sprintf("version %s to %d", change, highest))
	return o.Next.GetVersion(ctx, change, lowest, highest)
}

func (o *watchedCalls) SignalExternalWorkflow(ctx workflow.Context, id, runID, name string, arg any) workflow.Future {
	o.note(ctx, "signal "+name+" to "+id, arg)
	return o.Next.SignalExternalWorkflow(ctx, id, runID, name, arg)
}

func (o *watchedCalls) RequestCancelExternalWorkflow(ctx workflow.Context, id, runID string) workflow.Future {
	o.note(ctx, "cancel of "+id)
	return o.Next.RequestCancelExternalWorkflow(ctx, id, runID)
}

// caller is the place in the author's code that called a method of Run.
func caller(skip int) (place, file string, line int) {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "", "", 0
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line), file, line
}

// inWorkflow reports whether this goroutine is one that Temporal's SDK started for
// the code of a workflow.
func inWorkflow() bool {
	pcs := make([]uintptr, 64)
	n := runtime.Callers(2, pcs)
	for n == len(pcs) {
		pcs = make([]uintptr, 2*len(pcs))
		n = runtime.Callers(2, pcs)
	}
	outermost := ""
	for frames := runtime.CallersFrames(pcs[max(0, n-2):n]); ; { // the last is runtime.goexit
		frame, more := frames.Next()
		if frame.Function != "runtime.goexit" && frame.Function != "" {
			outermost = frame.Function
		}
		if !more {
			break
		}
	}
	return strings.HasPrefix(outermost, "go.temporal.io/sdk/internal.")
}

// step is one activity that was run.
type step struct {
	name, key string
	id        string // of the activity, the same for each attempt
	task      int    // the ordinal of the task that it is part of
	attempt   int
	call      *contract.CallHeader // of an activity of the author's that Run.Do called
	args      []any                // of it
}

// discarded is an error of a Run method that a journey took no notice of.
type discarded struct {
	journey, method, place string
	err                    error
}
