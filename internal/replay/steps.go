package replay

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

// kind is what a step leaves in a history.
type kind string

const (
	local    kind = "local activity"
	activity kind = "activity"
	timer    kind = "timer"
	child    kind = "child workflow"
)

// step is one thing that code asked Temporal for.
type step struct {
	kind            kind
	name            string // the activity's, the child's type
	label, template string
	deadline        *time.Time    // of a wait
	length          time.Duration // of a timer
	eventID         int64         // where it is recorded
	order           int           // of local activities: when it was asked for
}

func (s step) String() string {
	text := string(s.kind)
	if s.name != "" {
		text = s.name
	}
	if s.label != "" {
		return fmt.Sprintf("%s %q", text, s.label)
	}
	return text
}

// watcher is the interceptor that sees what the code asks for.
type watcher struct {
	interceptor.WorkerInterceptorBase
	steps []step
}

func (w *watcher) reset() { w.steps = nil }

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (w *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &watchInbound{watcher: w}
	in.Next = next
	return in
}

type watchInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	watcher *watcher
}

func (i *watchInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &watchOutbound{watcher: i.watcher}
	out.Next = next
	return i.Next.Init(out)
}

type watchOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	watcher *watcher
}

func (o *watchOutbound) add(s step) { o.watcher.steps = append(o.watcher.steps, s) }

func (o *watchOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	s := step{kind: activity, name: name, label: workflow.GetActivityOptions(ctx).Summary}
	if len(args) == 1 {
		if request, ok := args[0].(contract.SendRequest); ok {
			s.template = request.Template
		}
	}
	o.add(s)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *watchOutbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	s := step{kind: local, name: name, label: workflow.GetLocalActivityOptions(ctx).Summary}
	if len(args) == 1 {
		if request, ok := args[0].(contract.BeginWaitRequest); ok {
			s.deadline = request.Deadline
		}
	}
	o.add(s)
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (o *watchOutbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	o.add(step{kind: child, name: name})
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

func (o *watchOutbound) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	return o.NewTimerWithOptions(ctx, d, workflow.TimerOptions{})
}

func (o *watchOutbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	if d > 0 { // another one leaves nothing
		o.add(step{kind: timer, label: options.Summary, length: d})
	}
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

// localMarker is what the SDK writes of a local activity.
type localMarker struct {
	ActivityID, ActivityType string
	Backoff                  time.Duration
}

const localMarkerName = "LocalActivity"

// recorded are the steps of a history, in its order.
func recorded(data converter.DataConverter, history *historypb.History) []step {
	var steps []step
	for _, e := range history.GetEvents() {
		s := step{eventID: e.GetEventId(), label: summaryOf(data, e)}
		switch e.GetEventType() { // the rest are no steps
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			a := e.GetActivityTaskScheduledEventAttributes()
			s.kind, s.name = activity, a.GetActivityType().GetName()
			if s.name == contract.SendName {
				var request contract.SendRequest
				if data.FromPayloads(a.GetInput(), &request) == nil {
					s.template = request.Template
				}
			}
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			a := e.GetMarkerRecordedEventAttributes()
			var marker localMarker
			if a.GetMarkerName() != localMarkerName || data.FromPayloads(a.GetDetails()["data"], &marker) != nil {
				continue
			}
			if marker.Backoff > 0 {
				continue // an attempt that failed; the next one leaves the step
			}
			s.kind, s.name = local, marker.ActivityType
			s.order, _ = strconv.Atoi(marker.ActivityID)
			if s.name == contract.BeginWaitName {
				var state contract.WaitState
				if data.FromPayloads(a.GetDetails()["result"], &state) == nil {
					s.deadline = state.Deadline
				}
			}
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			s.kind, s.length = timer, e.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration()
		case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			s.kind, s.name = child, e.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowType().GetName()
		default:
			continue
		}
		steps = append(steps, s)
	}
	return steps
}

func summaryOf(data converter.DataConverter, e *historypb.HistoryEvent) string {
	var label string
	if summary := e.GetUserMetadata().GetSummary(); summary != nil && data.FromPayload(summary, &label) != nil {
		return ""
	}
	return label
}

// difference is where a history and the code part; eventID is 0 for nowhere.
type difference struct {
	eventID int64
	text    string
}

// firstDifference is the first recorded step that the code does not ask for.
func firstDifference(data converter.DataConverter, history *historypb.History, asked []step) difference {
	steps := recorded(data, history)
	for i, was := range steps {
		if i >= len(asked) {
			return difference{was.eventID, fmt.Sprintf("recorded %s, this binary asks for nothing more", was)}
		}
		if is := asked[i]; was.kind != is.kind || was.name != is.name {
			return difference{was.eventID, fmt.Sprintf("recorded %s, this binary asks for %s", was, is)}
		}
	}
	if len(asked) > len(steps) && len(steps) > 0 {
		last := history.Events[len(history.Events)-1].GetEventId()
		return difference{last, fmt.Sprintf("recorded nothing more, this binary asks for %s", asked[len(steps)])}
	}
	return difference{}
}

// tolerance is what Postgres rounds a deadline by, and more.
const tolerance = time.Second

// changes are the labels, templates and durations of steps already taken that the
// code has others for now. The order of steps of a kind is the same in both: it is
// the replayer that saw to it.
func changes(data converter.DataConverter, history *historypb.History, asked []step) difference {
	steps := recorded(data, history)
	// Local activities are recorded as they end, which need not be as they began.
	slices.SortStableFunc(steps, func(a, b step) int {
		if a.kind == local && b.kind == local {
			return a.order - b.order
		}
		return 0
	})
	of := func(all []step, k kind) []step {
		return slices.DeleteFunc(slices.Clone(all), func(s step) bool { return s.kind != k })
	}
	first := difference{}
	for _, k := range []kind{local, activity, timer} {
		were, are := of(steps, k), of(asked, k)
		for i := range min(len(were), len(are)) {
			if were[i].name != are[i].name {
				break // they cannot be told apart, so nothing is said
			}
			text := change(were[i], are[i])
			if text != "" && (first.eventID == 0 || were[i].eventID < first.eventID) {
				first = difference{were[i].eventID, text}
			}
		}
	}
	return first
}

func change(was, is step) string {
	switch {
	case was.template != is.template && was.template != "":
		return fmt.Sprintf("template %q is %q now", was.template, is.template)
	case was.label != is.label && was.label != "":
		return fmt.Sprintf("step %q is %q now", was.label, is.label)
	case was.kind == timer && apart(was.length, is.length) > tolerance:
		return fmt.Sprintf("timer %q of %s is one of %s now", was.label, was.length.Round(time.Second), is.length.Round(time.Second))
	case was.deadline != nil && is.deadline == nil:
		return fmt.Sprintf("wait %q has no deadline any more", was.label)
	case was.deadline != nil && apart(is.deadline.Sub(*was.deadline), 0) > tolerance:
		by := is.deadline.Sub(*was.deadline).Round(time.Second)
		return fmt.Sprintf("wait %q ends %s later now", was.label, by)
	}
	return ""
}

func apart(a, b time.Duration) time.Duration { return max(a-b, b-a) }
