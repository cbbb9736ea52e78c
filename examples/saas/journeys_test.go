package saas

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/workflows"
	"github.com/hogsend/hogsend/workflows/names"
)

func TestJourneys(t *testing.T) {
	t.Parallel()
	day := hogsend.Day
	tests := []struct {
		name    string
		journey hogsend.Journey
		props   hogsend.Properties
		happens map[time.Duration]string // what the person does afterwards
		want    []string                 // days since the trigger, and what was done
	}{
		{
			name: "a new user who uses nothing is nudged after two days", journey: Welcome,
			want: []string{"0 send welcome", "2 send nudge", "2 completed"},
		},
		{
			name: "a new user who uses a feature is left alone", journey: Welcome,
			happens: map[time.Duration]string{day: "feature.used"},
			want:    []string{"0 send welcome", "1 completed"},
		},
		{
			name: "a feature used after the nudge changes nothing", journey: Welcome,
			happens: map[time.Duration]string{3 * day: "feature.used"},
			want:    []string{"0 send welcome", "2 send nudge", "2 completed"},
		},
		{
			name: "a deleted user gets no more mail", journey: Welcome,
			happens: map[time.Duration]string{day: "user.deleted"},
			want:    []string{"0 send welcome", "1 exited"},
		},
		{
			name: "a trial lasts two weeks unless it says otherwise", journey: TrialEnding,
			want: []string{"11 send trial-ending", "14 send trial-ended", "14 completed"},
		},
		{
			name: "a longer trial is reminded of later", journey: TrialEnding, props: hogsend.Properties{"trialDays": 30.0},
			want: []string{"27 send trial-ending", "30 send trial-ended", "30 completed"},
		},
		{
			name: "a trial shorter than the lead is reminded of at once", journey: TrialEnding, props: hogsend.Properties{"trialDays": 2.0},
			want: []string{"0 send trial-ending", "2 send trial-ended", "2 completed"},
		},
		{
			name: "who subscribes is not told that the trial ends", journey: TrialEnding,
			happens: map[time.Duration]string{12 * day: "subscription.started"},
			want:    []string{"11 send trial-ending", "12 exited"},
		},
		{
			name: "a payment that stays failed is given up after six days", journey: PaymentFailed, props: hogsend.Properties{"amount": 49.0},
			want: []string{
				"0 send payment-failed", "2 send payment-reminder", "6 send payment-reminder", "6 trigger payment.abandoned", "6 completed",
			},
		},
		{
			name: "a payment that succeeds ends the reminders", journey: PaymentFailed, props: hogsend.Properties{"amount": 49.0},
			happens: map[time.Duration]string{3 * day: "payment.succeeded"},
			want:    []string{"0 send payment-failed", "2 send payment-reminder", "3 exited"},
		},
		{
			name: "an order is thanked for", journey: OrderThanks, props: hogsend.Properties{"amount": 20.0},
			want: []string{"0 send order-thanks", "0 completed"},
		},
		{
			name: "an order without an amount is thanked for as well", journey: OrderThanks,
			want: []string{"0 send order-thanks", "0 completed"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, live(tt.journey, tt.props, tt.happens))
		})
	}
}

// life is one enrollment in virtual time. It stands in for what Postgres decides
// about waits and exits; that it decides so is proved with Postgres itself.
type life struct {
	env     *testsuite.TestWorkflowEnvironment
	journey hogsend.Journey
	props   hogsend.Properties
	start   time.Time

	mu     sync.Mutex
	exited bool
	wait   activities.WaitState
	event  string // awaited by the open wait
	diary  []string
}

// live runs a journey to its end and returns what was done on which day.
func live(j hogsend.Journey, props hogsend.Properties, happens map[time.Duration]string) []string {
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	l := &life{env: env, journey: j, props: props, start: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	env.SetStartTime(l.start)
	env.SetWorkflowRunTimeout(hogsend.Forever)
	env.SetTestTimeout(20 * time.Second)
	env.RegisterWorkflowWithOptions(workflows.Journey(j), workflow.RegisterOptions{Name: names.JourneyType(j.ID)})
	for name, fn := range map[string]any{
		activities.ClaimEnrollmentName:  l.claim,
		activities.FinishEnrollmentName: l.finish,
		activities.BeginWaitName:        l.beginWait,
		activities.EndWaitName:          l.endWait,
		activities.SendName:             l.send,
		activities.TriggerName:          l.trigger,
	} {
		env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
	for after, event := range happens {
		env.RegisterDelayedCallback(func() { l.happen(event) }, after)
	}
	env.ExecuteWorkflow(names.JourneyType(j.ID), "enrollment")
	return l.diary
}

// happen is an event of the person: it may end the journey or its wait.
func (l *life) happen(event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, exit := range l.journey.ExitOn {
		if exit.Event == event {
			l.exited = true
			l.env.CancelWorkflow()
			return
		}
	}
	if event == l.event && !l.wait.Closed {
		l.wait.Closed, l.wait.Event = true, &hogsend.StoredEvent{Name: event}
		l.env.SignalWorkflow(names.SignalWait, map[string]string{"waitId": l.wait.WaitID})
	}
}

func (l *life) note(format string, args ...any) {
	days := l.env.Now().Sub(l.start).Round(time.Hour) / hogsend.Day
	l.diary = append(l.diary, fmt.Sprintf("%d ", days)+fmt.Sprintf(format, args...))
}

func (l *life) claim(context.Context, activities.ClaimRequest) (activities.Claim, error) {
	return activities.Claim{
		Claimed: true,
		Event:   hogsend.StoredEvent{Name: l.journey.Trigger.Event, Properties: l.props, OccurredAt: l.start, ReceivedAt: l.start},
		Now:     activities.Moment{At: l.start},
	}, nil
}

func (l *life) finish(_ context.Context, request activities.FinishRequest) (activities.Finish, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exited {
		request.Status = "exited"
	}
	l.note("%s", request.Status)
	return activities.Finish{Status: request.Status}, nil
}

func (l *life) beginWait(_ context.Context, request activities.BeginWaitRequest) (activities.WaitState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wait, l.event = activities.WaitState{WaitID: request.Step.Key, Deadline: request.Deadline}, request.Event
	return l.outcome(), nil
}

func (l *life) endWait(context.Context, activities.EndWaitRequest) (activities.WaitState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.outcome(), nil
}

// outcome closes the wait when its deadline has passed.
func (l *life) outcome() activities.WaitState {
	l.wait.Ended = l.exited
	l.wait.Closed = l.wait.Closed || !l.env.Now().Before(*l.wait.Deadline)
	l.wait.Now = activities.Moment{At: l.env.Now()}
	return l.wait
}

func (l *life) send(_ context.Context, request activities.SendRequest) (activities.SendResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exited {
		return activities.SendResult{Ended: true}, nil
	}
	l.note("send %s", request.Template)
	return activities.SendResult{Verdict: hogsend.Verdict{Status: hogsend.SendSent}}, nil
}

func (l *life) trigger(_ context.Context, request activities.TriggerRequest) (activities.Effect, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("trigger %s", request.Event.Event)
	return activities.Effect{}, nil
}
