package virtual

import (
	"fmt"
	"math"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (a *activity) ready() {
	s := a.execution.server
	s.ready = append(s.ready, &activityTask{activity: a, attempt: a.attempt})
}

// drop forgets the activity: it is not tried again.
func (a *activity) drop() {
	a.dropped = true
	if a.retry != nil {
		a.execution.server.cancelTimer(a.retry)
	}
	delete(a.execution.activities, a.scheduled)
}

func (t *activityTask) void() bool { return t.activity.dropped || t.activity.attempt != t.attempt }

// attemptTimeout is that of an attempt. The worker counts it in real time: the one that
// the workflow asked for would be over on a machine that is busy enough.
const attemptTimeout = 24 * time.Hour

// fill is the task as the worker polls it. Its instants are real.
func (t *activityTask) fill(r *workflowservice.PollActivityTaskQueueResponse) {
	a, now := t.activity, timestamppb.Now()
	r.TaskToken = []byte(a.execution.runID)
	r.WorkflowNamespace = Namespace
	r.WorkflowType = &commonpb.WorkflowType{Name: a.execution.kind}
	r.WorkflowExecution = &commonpb.WorkflowExecution{WorkflowId: a.execution.id, RunId: a.execution.runID}
	r.ActivityType, r.ActivityId = a.command.GetActivityType(), a.command.GetActivityId()
	r.Header, r.Input, r.Attempt = a.command.GetHeader(), a.command.GetInput(), t.attempt
	r.ScheduledTime, r.CurrentAttemptScheduledTime, r.StartedTime = now, now, now
	r.ScheduleToCloseTimeout, r.StartToCloseTimeout = durationpb.New(attemptTimeout), durationpb.New(attemptTimeout)
	r.HeartbeatTimeout, r.RetryPolicy = a.command.GetHeartbeatTimeout(), a.command.GetRetryPolicy()
}

func (t *activityTask) run(s *Server) (runID string, err error) {
	a := t.activity
	got, err := s.exchange("activity "+a.command.GetActivityType().GetName()+" of "+a.execution.String(), func(tick <-chan time.Time) bool {
		select {
		case s.activityTasks <- t:
			return true
		case <-tick:
			return false
		}
	})
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, Stacks(a.execution.runID))
	}
	if s.lost.Load() {
		s.replace()
		s.ready = append([]task{t}, s.ready...)
		got.end(reply{err: errGone()})
		return "", nil
	}
	err = a.answered(got)
	if s.forget.Load() {
		s.replace()
	}
	got.end(reply{})
	return "", err
}

func (a *activity) answered(got *answer) error {
	x := a.execution
	switch r := got.request.(type) {
	case *workflowservice.RespondActivityTaskCompletedRequest:
		started := a.started()
		x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
			ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
				Result: r.GetResult(), ScheduledEventId: a.scheduled, StartedEventId: started, Identity: "hogsendtest",
			},
		}})
	case *workflowservice.RespondActivityTaskFailedRequest:
		pause, state := a.again(r.GetFailure())
		if state == enumspb.RETRY_STATE_IN_PROGRESS {
			a.attempt++
			a.failure = r.GetFailure()
			a.retry = x.server.setTimer(x.server.now.Add(pause), a.ready)
			return nil
		}
		started := a.started()
		x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
			ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
				Failure: r.GetFailure(), ScheduledEventId: a.scheduled, StartedEventId: started, Identity: "hogsendtest",
				RetryState: state,
			},
		}})
	case *workflowservice.RespondActivityTaskCanceledRequest:
		a.cancel(r.GetDetails(), a.started())
		return nil
	default:
		return errUnexpected
	}
	a.drop()
	x.wake()
	return nil
}

// started adds the event that precedes an outcome.
func (a *activity) started() int64 {
	return a.execution.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
		ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{
			ScheduledEventId: a.scheduled, Identity: "hogsendtest", RequestId: a.command.GetActivityId(), Attempt: a.attempt, LastFailure: a.failure,
		},
	}}).EventId
}

// cancel ends an activity that its workflow gave up.
func (a *activity) cancel(details *commonpb.Payloads, started int64) {
	x := a.execution
	x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCanceledEventAttributes{
		ActivityTaskCanceledEventAttributes: &historypb.ActivityTaskCanceledEventAttributes{
			Details: details, ScheduledEventId: a.scheduled, StartedEventId: started, Identity: "hogsendtest",
		},
	}})
	a.drop()
	x.wake()
}

// again is in progress if a failed attempt is followed by another one, and says after how
// long, or else why it is not: the retry policy, as Temporal reads it.
func (a *activity) again(failure *failurepb.Failure) (time.Duration, enumspb.RetryState) {
	policy, info := a.command.GetRetryPolicy(), failure.GetApplicationFailureInfo()
	if info.GetNonRetryable() || slices.Contains(policy.GetNonRetryableErrorTypes(), info.GetType()) {
		return 0, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	}
	if most := policy.GetMaximumAttempts(); most > 0 && a.attempt >= most {
		return 0, enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
	}
	initial, factor := time.Second, 2.0
	if d := policy.GetInitialInterval().AsDuration(); d > 0 {
		initial = d
	}
	if f := policy.GetBackoffCoefficient(); f >= 1 {
		factor = f
	}
	longest := 100 * initial
	if d := policy.GetMaximumInterval().AsDuration(); d > 0 {
		longest = d
	}
	pause := time.Duration(math.Min(float64(initial)*math.Pow(factor, float64(a.attempt-1)), float64(longest)))
	if info.GetNextRetryDelay() != nil {
		pause = info.GetNextRetryDelay().AsDuration()
	}
	if all := a.command.GetScheduleToCloseTimeout().AsDuration(); all > 0 && a.execution.server.now.Add(pause).Sub(a.began) > all {
		return 0, enumspb.RETRY_STATE_TIMEOUT
	}
	return pause, enumspb.RETRY_STATE_IN_PROGRESS
}
