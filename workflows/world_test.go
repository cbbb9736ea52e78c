package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/workflows"
)

const (
	enrollmentID = "00000000-0000-0000-0000-00000000000e"
	contactID    = "00000000-0000-0000-0000-00000000000c"
)

// world is what a journey is to the outside, in memory: its row, its waits, the
// events of its contact. Temporal's test environment runs the journey in it, in
// virtual time. What is in it may be set before the run and looked at after it.
type world struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	suite *testsuite.WorkflowTestSuite
	start time.Time

	mu       sync.Mutex
	row      row
	contact  hogsend.Contact
	optedOut map[string]bool
	events   []contract.WaitState // Event and Now of each that was received
	waits    []*openWait
	once     map[string]json.RawMessage
	// exitsOn are the events that end the enrollment; slow makes the cancel that
	// follows come never.
	exitsOn []string
	slow    bool
	// deaf loses every signal.
	deaf bool
	// fails are errors that an activity returns before it does anything, by its name.
	fails map[string][]error
	// during runs inside the next activity of a name, before it does anything.
	during map[string]func()

	asked    []string        // names of activities, each attempt
	steps    []string        // "instant key" of every step that was done
	done     map[string]bool // keys of these
	timers   []time.Duration
	sends    []contract.SendRequest
	learned  []map[string]json.RawMessage
	caused   []contract.TriggerRequest
	begun    []contract.BeginWaitRequest
	finishes []contract.FinishRequest
}

// row is the enrollment as it would stand in Postgres.
type row struct {
	status              contract.EnrollmentStatus
	reason              contract.ExitReason
	firstRun, errorText string
}

type openWait struct {
	request  contract.BeginWaitRequest
	status   contract.WaitStatus // open, matched, timed_out, closed
	matched  contract.WaitState
	accepted []hogsend.Condition
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, suite: new(testsuite.WorkflowTestSuite), start: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC),
		row: row{status: "active"}, contact: hogsend.Contact{ID: contactID, Email: "ada@example.com"}, optedOut: map[string]bool{},
		once: map[string]json.RawMessage{}, fails: map[string][]error{}, during: map[string]func(){}, done: map[string]bool{},
	}
	w.reset()
	return w
}

// reset makes the environment anew, for options that must be set before it.
func (w *world) reset() {
	w.env = environment(w.suite)
	w.env.SetStartTime(w.start)
	w.env.SetOnTimerScheduledListener(func(_ string, d time.Duration) { w.timers = append(w.timers, d) })
	for name, fn := range map[string]any{
		contract.ClaimEnrollmentName:  w.claim,
		contract.FinishEnrollmentName: w.finishEnrollment,
		contract.BeginWaitName:        w.beginWait,
		contract.EndWaitName:          w.endWait,
		contract.ReadContactName:      w.readContact,
		contract.IsSubscribedName:     w.isSubscribed,
		contract.SendName:             w.send,
		contract.TriggerName:          w.triggerEvent,
		contract.CheckpointName:       w.checkpoint,
		contract.ReadOnceName:         w.readOnce,
		contract.KeepOnceName:         w.keepOnce,
		contract.ExitName:             w.exitEnrollment,
		contract.CaptureName:          w.capture,
		contract.IdentifyName:         w.identify,
		contract.ReadTimezoneName:     w.readTimezone,
		contract.FindInstantName:      w.findInstant,
		contract.PastEventsName:       w.pastEvents,
		contract.PastEntriesName:      w.pastEntries,
		contract.PastMailsName:        w.pastMails,
		contract.ChooseVariantName:    w.chooseVariant,
		contract.ThrottleName:         w.throttle,
	} {
		w.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

// run runs a journey to its end and returns what its workflow ended with.
func (w *world) run(run func(workflow.Context, hogsend.Run) error) (workflows.JourneyResult, error) {
	w.t.Helper()
	j := hogsend.Journey{ID: "j", Aliases: []string{"first", "second"}, Run: run}
	w.env.RegisterWorkflowWithOptions(workflows.Journey(j), workflow.RegisterOptions{Name: contract.JourneyType(j.ID)})
	w.env.ExecuteWorkflow(contract.JourneyType(j.ID), enrollmentID)
	require.True(w.t, w.env.IsWorkflowCompleted())
	var result workflows.JourneyResult
	err := w.env.GetWorkflowError()
	if err == nil {
		require.NoError(w.t, w.env.GetWorkflowResult(&result))
	}
	return result, err
}

// complete runs a journey that is to be completed.
func (w *world) complete(run func(workflow.Context, hogsend.Run) error) {
	w.t.Helper()
	result, err := w.run(run)
	require.NoError(w.t, err)
	require.Equal(w.t, workflows.JourneyResult{StateID: enrollmentID, Status: "completed"}, result)
}

// after does something a while after the start.
func (w *world) after(d time.Duration, do func()) { w.env.RegisterDelayedCallback(do, d) }

// at lets an event arrive a while after the start.
func (w *world) at(d time.Duration, name string, properties ...hogsend.Properties) {
	w.after(d, func() { w.receive(name, append(properties, nil)[0]) })
}

// receive does what ingest does with an event: exits, then waits.
func (w *world) receive(name string, properties hogsend.Properties) {
	w.mu.Lock()
	defer w.mu.Unlock()
	received := contract.WaitState{
		Event: &hogsend.StoredEvent{ID: name, Name: name, Properties: properties, ReceivedAt: w.env.Now()},
		Now:   contract.EventPosition{At: w.env.Now(), Seq: int64(len(w.events) + 2)},
	}
	w.events = append(w.events, received)
	if slices.Contains(w.exitsOn, name) {
		w.exit(contract.ExitByEvent(name))
	}
	if !w.live() {
		return
	}
	for _, wait := range w.waits {
		if wait.status == "open" && wait.takes(received) {
			wait.status, wait.matched = "matched", received
			if !w.deaf {
				w.signal(wait)
			}
		}
	}
}

func (w *world) signal(wait *openWait) {
	w.env.SignalWorkflow(contract.SignalWait, map[string]string{"waitId": wait.request.Step.Key, "eventId": "event"})
}

// cancel ends the enrollment from outside.
func (w *world) cancel(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exit(contract.ExitReason(reason))
}

// exit ends the enrollment; the caller holds the lock.
func (w *world) exit(reason contract.ExitReason) {
	if !w.live() {
		return
	}
	w.row.status, w.row.reason = "exited", reason
	for _, wait := range w.waits {
		if wait.status == "open" {
			wait.status = "closed"
		}
	}
	if !w.slow {
		w.env.CancelWorkflow()
	}
}

func (w *world) live() bool { return w.row.status == "active" || w.row.status == "waiting" }

func (wait *openWait) takes(e contract.WaitState) bool {
	r := wait.request
	if !slices.Contains(r.Events(), e.Event.Name) || r.Deadline != nil && e.Event.ReceivedAt.After(*r.Deadline) {
		return false
	}
	if e.Now.At.Before(r.After.At) || e.Now.At.Equal(r.After.At) && e.Now.Seq <= r.After.Seq {
		return false
	}
	raw, err := json.Marshal(e.Event.Properties)
	if err != nil || e.Event.Properties == nil {
		raw = []byte("{}")
	}
	values, err := criteria.ParseValues(raw)
	return err == nil && criteria.Match(wait.accepted, values)
}

// enter is the beginning of every activity.
func (w *world) enter(name string) error {
	w.mu.Lock()
	do := w.during[name]
	delete(w.during, name)
	w.mu.Unlock()
	if do != nil {
		do()
	}
	w.mu.Lock() // leave unlocks it
	w.asked = append(w.asked, name)
	if errs := w.fails[name]; len(errs) > 0 {
		w.fails[name] = errs[1:]
		return errs[0]
	}
	return nil
}

func (w *world) leave() { w.mu.Unlock() }

// step notes that a step was done; one that is tried again is done once.
func (w *world) step(s contract.Step) {
	if !w.done[s.Key] {
		w.done[s.Key] = true
		w.steps = append(w.steps, w.env.Now().Sub(w.start).String()+" "+s.Key)
	}
}

// keys are the keys of the steps that were done.
func (w *world) keys() []string {
	keys := []string{}
	for _, s := range w.steps {
		_, key, _ := strings.Cut(s, " ")
		keys = append(keys, key)
	}
	return keys
}

func (w *world) claim(_ context.Context, r contract.ClaimRequest) (contract.Claim, error) {
	err := w.enter(contract.ClaimEnrollmentName)
	defer w.leave()
	if err != nil || !w.live() || w.row.firstRun != "" && w.row.firstRun != r.FirstRunID {
		return contract.Claim{Status: w.row.status}, err
	}
	w.row.firstRun = r.FirstRunID
	return contract.Claim{
		Claimed: true, ContactID: contactID, BuildID: "build",
		Enrollment: hogsend.Enrollment{ID: r.EnrollmentID, JourneyID: "j", Entry: 3, Version: "v1", EnrolledAt: w.start},
		Event:      hogsend.StoredEvent{ID: "trigger", Name: "started", Properties: hogsend.Properties{"plan": "pro"}, ReceivedAt: w.start},
		Now:        contract.EventPosition{At: w.start, Seq: 1},
	}, nil
}

func (w *world) finishEnrollment(_ context.Context, r contract.FinishRequest) (contract.Finish, error) {
	err := w.enter(contract.FinishEnrollmentName)
	defer w.leave()
	if err != nil {
		return contract.Finish{}, err
	}
	w.finishes = append(w.finishes, r)
	if w.live() {
		w.row.status, w.row.reason, w.row.errorText = r.Status, r.Reason, r.Error
	}
	return contract.Finish{Status: w.row.status}, nil
}

func (w *world) beginWait(_ context.Context, r contract.BeginWaitRequest) (contract.WaitState, error) {
	err := w.enter(contract.BeginWaitName)
	defer w.leave()
	if err != nil || !w.live() {
		return contract.WaitState{Ended: err == nil}, err
	}
	if wait := w.find(r.Step.Key); wait != nil {
		return wait.state(), nil
	}
	w.begun = append(w.begun, r)
	w.step(r.Step)
	wait := &openWait{request: r, status: "open"}
	if len(r.Conditions) > 0 {
		if wait.accepted, err = criteria.Unmarshal(r.Conditions); err != nil {
			return contract.WaitState{}, err
		}
	}
	w.waits = append(w.waits, wait)
	for _, e := range w.events {
		if wait.status == "open" && wait.takes(e) {
			wait.status, wait.matched = "matched", e
		}
	}
	w.expire(wait)
	return wait.state(), nil
}

func (w *world) endWait(_ context.Context, r contract.EndWaitRequest) (contract.WaitState, error) {
	err := w.enter(contract.EndWaitName)
	defer w.leave()
	if err != nil || !w.live() {
		return contract.WaitState{Ended: err == nil}, err
	}
	wait := w.find(r.WaitID)
	if r.Abandon && wait.status == "open" {
		wait.status = "closed"
	}
	w.expire(wait)
	return wait.state(), nil
}

func (w *world) find(key string) *openWait {
	i := slices.IndexFunc(w.waits, func(wait *openWait) bool { return wait.request.Step.Key == key })
	if i < 0 {
		return nil
	}
	return w.waits[i]
}

func (w *world) expire(wait *openWait) {
	if d := wait.request.Deadline; wait.status == "open" && d != nil && !d.After(w.env.Now()) {
		wait.status = "timed_out"
	}
}

func (wait *openWait) state() contract.WaitState {
	state := wait.matched
	if state.Event != nil {
		state.Index = max(0, slices.IndexFunc(wait.request.Any, func(a criteria.Alternative) bool { return a.Event == state.Event.Name }))
	}
	state.WaitID, state.Deadline, state.Closed = wait.request.Step.Key, wait.request.Deadline, wait.status != "open"
	if state.Event == nil && state.Deadline != nil {
		state.Now = contract.EventPosition{At: *state.Deadline, Seq: 1 << 62}
	}
	return state
}

func (w *world) send(_ context.Context, r contract.SendRequest) (contract.SendResult, error) {
	err := w.enter(contract.SendName)
	defer w.leave()
	if err != nil || !w.live() {
		return contract.SendResult{Ended: err == nil}, err
	}
	w.sends = append(w.sends, r)
	w.step(r.Step)
	verdict := hogsend.Verdict{SendID: "send", Status: hogsend.SendSent, At: w.env.Now()}
	if w.optedOut[""] {
		verdict.Status, verdict.Reason = hogsend.SendUnsubscribed, "unsubscribed_all"
	}
	return contract.SendResult{Verdict: verdict}, nil
}

// effect is an activity that only says whether the enrollment had ended.
func (w *world) effect(name string, step contract.Step) (contract.Effect, error) {
	err := w.enter(name)
	defer w.leave()
	if err != nil || !w.live() {
		return contract.Effect{Ended: err == nil}, err
	}
	w.step(step)
	return contract.Effect{}, nil
}

func (w *world) triggerEvent(_ context.Context, r contract.TriggerRequest) (contract.Effect, error) {
	effect, err := w.effect(contract.TriggerName, r.Step)
	if err == nil && !effect.Ended {
		w.caused = append(w.caused, r)
		w.receive(r.Event.Event, r.Event.Properties)
	}
	return effect, err
}

func (w *world) checkpoint(_ context.Context, s contract.Step) (contract.Effect, error) {
	return w.effect(contract.CheckpointName, s)
}

func (w *world) capture(_ context.Context, r contract.CaptureRequest) (contract.Effect, error) {
	return w.effect(contract.CaptureName, r.Step)
}

func (w *world) identify(_ context.Context, r contract.IdentifyRequest) (contract.Effect, error) {
	effect, err := w.effect(contract.IdentifyName, r.Step)
	if err == nil && !effect.Ended {
		w.learned = append(w.learned, r.Properties)
	}
	return effect, err
}

func (w *world) exitEnrollment(_ context.Context, r contract.ExitRequest) (contract.Effect, error) {
	err := w.enter(contract.ExitName)
	defer w.leave()
	if err != nil || !w.live() {
		return contract.Effect{Ended: err == nil}, err
	}
	w.step(r.Step)
	w.row.status, w.row.reason = "exited", r.Reason
	return contract.Effect{}, nil
}

func (w *world) readOnce(_ context.Context, r contract.OnceRequest) (contract.OnceValue, error) {
	err := w.enter(contract.ReadOnceName)
	defer w.leave()
	value, found := w.once[r.Label]
	return contract.OnceValue{Found: found, Value: value}, err
}

func (w *world) keepOnce(_ context.Context, r contract.OnceRequest) (contract.OnceValue, error) {
	err := w.enter(contract.KeepOnceName)
	defer w.leave()
	if err != nil || !w.live() {
		return contract.OnceValue{Ended: err == nil}, err
	}
	w.step(r.Step)
	if _, found := w.once[r.Label]; !found {
		w.once[r.Label] = r.Value
	}
	return contract.OnceValue{Found: true, Value: w.once[r.Label]}, nil
}

func (w *world) readContact(context.Context, string) (contract.ContactValue, error) {
	err := w.enter(contract.ReadContactName)
	defer w.leave()
	return contract.ContactValue{Contact: w.contact}, err
}

func (w *world) isSubscribed(_ context.Context, r contract.SubscribedRequest) (bool, error) {
	err := w.enter(contract.IsSubscribedName)
	defer w.leave()
	return !w.optedOut[""] && !w.optedOut[r.Category], err
}

func (w *world) readTimezone(context.Context, string) (contract.ZoneValue, error) {
	err := w.enter(contract.ReadTimezoneName)
	defer w.leave()
	zone, _ := steps.ResolveZone(w.contact, "")
	return contract.ZoneValue{Zone: zone}, err
}

func (w *world) findInstant(_ context.Context, r contract.InstantRequest) (contract.InstantValue, error) {
	if err := w.enter(contract.FindInstantName); err != nil {
		defer w.leave()
		return contract.InstantValue{}, err
	}
	defer w.leave()
	zone, _ := steps.ResolveZone(w.contact, "")
	at, err := r.Schedule.Instant(r.Now, zone.Name, hogsend.Window{})
	if errors.Is(err, hogsend.ErrPast) {
		return contract.InstantValue{Past: true}, nil
	}
	var invalid *hogsend.ValidationError
	if errors.As(err, &invalid) {
		err = temporal.NewNonRetryableApplicationError("invalid", contract.ErrorTypeValidation, nil, *invalid)
	}
	return contract.InstantValue{At: at}, err
}

func (w *world) pastEvents(_ context.Context, r contract.HistoryRequest) (hogsend.PastEvents, error) {
	err := w.enter(contract.PastEventsName)
	defer w.leave()
	var past hogsend.PastEvents
	for _, e := range w.events {
		if e.Event.Name == r.Name && (r.Since == nil || !e.Event.ReceivedAt.Before(*r.Since)) {
			past.Found, past.LastAt = true, e.Event.ReceivedAt
			past.Count++
		}
	}
	return past, err
}

func (w *world) pastEntries(context.Context, contract.HistoryRequest) (hogsend.PastEntries, error) {
	err := w.enter(contract.PastEntriesName)
	defer w.leave()
	return hogsend.PastEntries{Entries: 2}, err
}

func (w *world) pastMails(_ context.Context, r contract.HistoryRequest) (hogsend.PastMails, error) {
	err := w.enter(contract.PastMailsName)
	defer w.leave()
	var past hogsend.PastMails
	for _, s := range w.sends {
		if s.Template == r.Name {
			past.Sent = true
			past.Count++
		}
	}
	return past, err
}

func (w *world) chooseVariant(_ context.Context, r contract.VariantRequest) (string, error) {
	err := w.enter(contract.ChooseVariantName)
	defer w.leave()
	return steps.ChooseArm(r.Journey, r.Name, contactID, r.Arms), err
}

func (w *world) throttle(_ context.Context, r contract.ThrottleRequest) (bool, error) {
	err := w.enter(contract.ThrottleName)
	defer w.leave()
	return len(w.sends) < r.Throttle.Max, err
}
