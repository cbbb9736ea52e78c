package saas_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/workflows"
	"github.com/hogsend/hogsend/workflows/names"
)

// sent is one mail of a virtual run: when, counted from the start, and what.
type sent struct {
	after    time.Duration
	template string
}

// world runs one journey of the example in virtual time: the production workflow on
// Temporal's test environment, with only the activities replaced.
type world struct {
	t        *testing.T
	env      *testsuite.TestWorkflowEnvironment
	renderer *email.Renderer
	start    time.Time
	trigger  hogsend.StoredEvent

	waits     map[string]*activities.BeginWaitRequest // open waits by id
	matched   map[string]hogsend.StoredEvent
	mails     []sent
	triggered []string
	finished  activities.FinishRequest
}

func newWorld(t *testing.T, trigger hogsend.Properties) *world {
	t.Helper()
	renderer, err := email.Compile(saas.Registry())
	require.NoError(t, err)
	w := &world{
		t: t, env: new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment(), renderer: renderer,
		start: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC),
		waits: map[string]*activities.BeginWaitRequest{}, matched: map[string]hogsend.StoredEvent{},
	}
	w.env.SetStartTime(w.start)
	w.trigger = hogsend.StoredEvent{ID: "trigger", Properties: trigger, OccurredAt: w.start, ReceivedAt: w.start}
	for name, fn := range map[string]any{
		activities.ClaimEnrollmentName: w.claim, activities.FinishEnrollmentName: w.finish, activities.BeginWaitName: w.begin,
		activities.EndWaitName: w.end, activities.SendName: w.send, activities.TriggerName: w.ingest,
	} {
		w.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
	return w
}

// at lets an event arrive after a while.
func (w *world) at(after time.Duration, event string) {
	w.env.RegisterDelayedCallback(func() {
		for id, wait := range w.waits {
			if wait.Event == event {
				w.matched[id] = hogsend.StoredEvent{ID: event, Name: event, ReceivedAt: w.env.Now()}
				w.env.SignalWorkflow(names.SignalWait, map[string]string{"waitId": id, "eventId": event})
			}
		}
	}, after)
}

// run runs the journey to its end.
func (w *world) run(j hogsend.Journey) {
	w.t.Helper()
	require.NoError(w.t, hogsend.Registry{Journeys: []hogsend.Journey{j}, Templates: saas.Templates()}.Validate())
	w.env.ExecuteWorkflow(workflows.Journey(j), "00000000-0000-0000-0000-000000000001")
	require.True(w.t, w.env.IsWorkflowCompleted())
	require.NoError(w.t, w.env.GetWorkflowError())
}

func (w *world) claim(context.Context, activities.ClaimRequest) (activities.Claim, error) {
	return activities.Claim{Claimed: true, Event: w.trigger, Now: activities.Moment{At: w.start}}, nil
}

func (w *world) finish(_ context.Context, r activities.FinishRequest) (activities.Finish, error) {
	w.finished = r
	return activities.Finish{Status: r.Status}, nil
}

func (w *world) begin(_ context.Context, r activities.BeginWaitRequest) (activities.WaitState, error) {
	w.waits[r.Step.Key] = &r
	return activities.WaitState{WaitID: r.Step.Key, Deadline: r.Deadline}, nil
}

func (w *world) end(_ context.Context, r activities.EndWaitRequest) (activities.WaitState, error) {
	state := activities.WaitState{WaitID: r.WaitID, Closed: true, Now: activities.Moment{At: w.env.Now()}}
	if event, ok := w.matched[r.WaitID]; ok {
		state.Event = &event
	}
	delete(w.waits, r.WaitID)
	return state, nil
}

// send renders the real template, so that a misspelt field fails the test.
func (w *world) send(_ context.Context, r activities.SendRequest) (activities.SendResult, error) {
	_, err := w.renderer.Render(r.Template, email.Input{Props: r.Props, Contact: hogsend.Contact{Email: "ada@example.com"}})
	w.mails = append(w.mails, sent{w.env.Now().Sub(w.start), r.Template})
	return activities.SendResult{Verdict: hogsend.Verdict{Status: hogsend.SendSent}}, err
}

func (w *world) ingest(_ context.Context, r activities.TriggerRequest) (activities.Effect, error) {
	raw, err := json.Marshal(r.Event.Properties)
	w.triggered = append(w.triggered, r.Event.Event+string(raw))
	return activities.Effect{}, err
}

func TestWelcomeNudgesOnceWhoDoesNotTryTheProduct(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(saas.Welcome)
	require.Equal(t, []sent{{0, "welcome"}, {2 * hogsend.Day, "nudge"}}, w.mails)
	require.Equal(t, "completed", w.finished.Status)
}

func TestWelcomeLeavesAloneWhoDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.at(hogsend.Day, "feature.used")
	w.run(saas.Welcome)
	require.Equal(t, []sent{{0, "welcome"}}, w.mails)
}

func TestTheTrialIsRemindedThreeDaysBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		trigger hogsend.Properties
		days    int
	}{{nil, 14}, {hogsend.Properties{"trialDays": 30.0}, 30}, {hogsend.Properties{"trialDays": "soon"}, 14}} {
		w := newWorld(t, tt.trigger)
		w.run(saas.TrialEnding)
		length := time.Duration(tt.days) * hogsend.Day
		require.Equal(t, []sent{{length - 3*hogsend.Day, "trial-ending"}, {length, "trial-ended"}}, w.mails)
	}
}

func TestAFailedPaymentIsRemindedTwiceAndThenGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hogsend.Properties{"amount": 49.0})
	w.run(saas.PaymentFailed)
	require.Equal(t, []sent{{0, "payment-failed"}, {2 * hogsend.Day, "payment-reminder"}, {6 * hogsend.Day, "payment-reminder"}}, w.mails)
	require.Equal(t, []string{`payment.abandoned{"amount":49}`}, w.triggered)
}

func TestTheFirstOrderIsThankedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hogsend.Properties{"amount": 11.77})
	w.run(saas.OrderThanks)
	require.Equal(t, []sent{{0, "order-thanks"}}, w.mails)
}
