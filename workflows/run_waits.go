package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// openWait is a wait of this run that has no outcome yet.
type openWait struct {
	signaled workflow.Future
	signal   workflow.Settable
	done     bool
}

// receive wakes the wait a signal is for. A signal that comes twice, or for a wait
// that is closed, changes nothing (J-129).
func (r *journeyRun) receive(s contract.WaitSignal) {
	w, ok := r.waits[s.WaitID]
	if !ok {
		// Its wait may be committed but not yet known here.
		r.early[s.WaitID] = true
		return
	}
	if !w.done {
		w.done = true
		w.signal.SetValue(nil)
	}
}

// Sleep implements hogsend.Run.
func (r *journeyRun) Sleep(ctx workflow.Context, d time.Duration, label ...string) error {
	return r.sleep(ctx, workflow.Now(ctx).Add(max(d, 0)), label, "wait:"+contract.ShortDuration(d))
}

// SleepUntil implements hogsend.Run.
func (r *journeyRun) SleepUntil(ctx workflow.Context, t time.Time, label ...string) error {
	if t.IsZero() {
		return invalid("t", "must not be the zero time")
	}
	return r.sleep(ctx, t, label, "wait-until:"+t.UTC().Format(time.RFC3339))
}

func (r *journeyRun) sleep(ctx workflow.Context, deadline time.Time, labels []string, fallback string) error {
	given := ""
	if len(labels) > 0 {
		given = labels[0]
	}
	label, err := labelOr(given, fallback)
	if err != nil {
		return err
	}
	_, err = r.wait(ctx, contract.BeginWaitRequest{Label: label, Deadline: &deadline}, kindSleep)
	return err
}

// WaitForEvent implements hogsend.Run.
func (r *journeyRun) WaitForEvent(ctx workflow.Context, wait hogsend.Wait) (*hogsend.StoredEvent, error) {
	request, err := r.waitRequest(wait, workflow.Now(ctx))
	if err != nil {
		return nil, err
	}
	state, err := r.wait(ctx, request, "wait")
	return state.Event, err
}

// WaitForAny implements hogsend.Run.
func (r *journeyRun) WaitForAny(ctx workflow.Context, of hogsend.AnyOf) (hogsend.Outcome, error) {
	request, err := r.anyRequest(of, workflow.Now(ctx))
	if err != nil {
		return hogsend.Outcome{Index: hogsend.TimedOut}, err
	}
	state, err := r.wait(ctx, request, "any")
	if err != nil || state.Event == nil {
		return hogsend.Outcome{Index: hogsend.TimedOut}, err
	}
	return hogsend.Outcome{Index: state.Index, Event: state.Event}, nil
}

// waitRequest checks what the author asked (J-118, J-127, J-128).
func (r *journeyRun) waitRequest(wait hogsend.Wait, now time.Time) (contract.BeginWaitRequest, error) {
	awaited, err := r.alternative("", wait)
	if err != nil {
		return contract.BeginWaitRequest{}, err
	}
	request := contract.BeginWaitRequest{Event: awaited.Event, Conditions: awaited.Where, Lookback: awaited.Lookback, Fresh: awaited.Fresh}
	if request.Label, err = labelOr(wait.Label, "wait-event:"+wait.Event); err != nil {
		return request, err
	}
	request.Deadline, err = deadline(wait.Timeout, wait.Until, now)
	return request, err
}

const maxAny = 20 // J-130

// anyRequest checks what the author asked (J-130).
func (r *journeyRun) anyRequest(of hogsend.AnyOf, now time.Time) (contract.BeginWaitRequest, error) {
	var request contract.BeginWaitRequest
	if len(of.Waits) < 1 || len(of.Waits) > maxAny {
		return request, invalid("waits", "must be 1 to %d", maxAny)
	}
	for i, wait := range of.Waits {
		field := fmt.Sprintf("waits.%d.", i)
		switch {
		case wait.Timeout != 0 || !wait.Until.IsZero():
			return request, invalid(field+"timeout", "belongs to all of them: give it beside Waits")
		case wait.Label != "":
			return request, invalid(field+"label", "belongs to all of them: give it beside Waits")
		}
		awaited, err := r.alternative(field, wait)
		if err != nil {
			return request, err
		}
		request.Any = append(request.Any, awaited)
	}
	var err error
	if request.Label, err = labelOr(of.Label, "wait-any"); err != nil {
		return request, err
	}
	request.Deadline, err = deadline(of.Timeout, of.Until, now)
	return request, err
}

// alternative checks which event a wait is for; field is what its names begin with.
func (r *journeyRun) alternative(field string, wait hogsend.Wait) (found criteria.Alternative, err error) {
	switch {
	case wait.Event == "":
		return found, invalid(field+"event", "is required")
	case wait.Lookback < 0:
		return found, invalid(field+"lookback", "must not be negative")
	case wait.Fresh && wait.Lookback != 0:
		return found, invalid(field+"lookback", "does not go with Fresh, which looks back to nothing")
	}
	if err := short(field+"event", wait.Event); err != nil {
		return found, err
	}
	if problems := condition.CheckRelated(wait.Where); len(problems) > 0 {
		return found, invalid(field+"where."+problems[0].Path, "%s", problems[0].Message)
	}
	found = criteria.Alternative{Event: wait.Event, Lookback: wait.Lookback, Fresh: wait.Fresh}
	where, err := r.resolve(wait.Where)
	if err != nil {
		return found, err
	}
	if found.Where, err = criteria.Marshal(where); err != nil {
		return found, invalid(field+"where", "%s", err)
	}
	return found, nil
}

// resolve relates conditions to the trigger's event, as it was at the enrollment (J-155).
func (r *journeyRun) resolve(where []hogsend.Condition) ([]hogsend.Condition, error) {
	if !criteria.Relates(where) {
		return where, nil
	}
	raw, err := json.Marshal(r.claim.Event.Properties)
	if err != nil {
		return nil, fmt.Errorf("encode the trigger's properties: %w", err)
	}
	trigger, err := criteria.ParseValues(raw)
	if err != nil {
		return nil, fmt.Errorf("read the trigger's properties: %w", err)
	}
	return criteria.Resolve(where, trigger), nil
}

// deadline is when a wait that begins now ends at the latest, nil for never (J-127).
func deadline(timeout time.Duration, until, now time.Time) (*time.Time, error) {
	switch {
	case timeout == 0 && until.IsZero():
		return nil, invalid("timeout", "Timeout or Until is required; hogsend.Forever waits without a deadline")
	case timeout != 0 && !until.IsZero():
		return nil, invalid("timeout", "give either Timeout or Until")
	case !until.IsZero():
		return &until, nil
	case timeout == hogsend.Forever:
		return nil, nil //nolint:nilnil // no deadline, no error
	}
	at := now.Add(timeout)
	return &at, nil
}

// maxOpen is how many waits of an enrollment may be open at once.
const maxOpen = 100

// minRetry is the pause before Postgres is asked again whether a deadline that has
// passed for Temporal has passed for its own clock, which decides (J-126).
const minRetry = 100 * time.Millisecond

// kindSleep is the kind of waits that no event ends.
const kindSleep = "sleep"

// wait is the one primitive behind every sleep and wait: a row in Postgres, a
// durable timer, a signal; Postgres decides how it ended.
func (r *journeyRun) wait(ctx workflow.Context, request contract.BeginWaitRequest, kind string) (contract.WaitState, error) {
	if err := r.closed(ctx); err != nil {
		return contract.WaitState{}, err
	}
	if r.opened >= maxOpen {
		return contract.WaitState{}, invalid("label", "there are %d open waits already", maxOpen)
	}
	r.opened++ // from here on, also while it is being registered
	defer func() { r.opened-- }()
	request.Step = r.step(kind, request.Label, request.Label)
	request.After, request.Several = r.mark, r.several
	looksBack := !request.Digest && request.Deadline != nil && !request.Deadline.After(workflow.Now(ctx))
	var state contract.WaitState
	if err := r.local(ctx, contract.BeginWaitName, request.Label, request, &state); err != nil {
		return contract.WaitState{}, err
	}
	leave := r.standAt(request.Label, request.Events(), state.Deadline)
	defer leave()
	for !state.Ended && !state.Closed {
		if err := r.await(ctx, request.Label, state); err != nil {
			return contract.WaitState{}, r.interrupted(ctx, request.Step, state.WaitID, err)
		}
		end := contract.EndWaitRequest{Step: request.Step, WaitID: state.WaitID}
		if err := r.local(ctx, contract.EndWaitName, request.Label, end, &state); err != nil {
			return contract.WaitState{}, err
		}
		if !state.Ended && !state.Closed {
			if err := r.pause(ctx, minRetry); err != nil {
				return contract.WaitState{}, r.interrupted(ctx, request.Step, state.WaitID, err)
			}
		}
	}
	if state.Ended {
		return contract.WaitState{}, r.end()
	}
	if kind != kindSleep && (state.Event != nil || !looksBack) {
		r.move(state.Now)
	}
	return state, nil
}

// move moves the mark behind what a wait for events has seen, never back (J-117).
func (r *journeyRun) move(to contract.EventPosition) {
	if !r.several && (to.At.After(r.mark.At) || to.At.Equal(r.mark.At) && to.Seq > r.mark.Seq) {
		r.mark = to
	}
}

// open notes that a call of Run is under way until done is called. Once two are, from
// several coroutines, one of them may wait for what the other one has seen (J-159).
func (r *journeyRun) open() (done func()) {
	r.underway++
	r.several = r.several || r.underway > 1
	return func() { r.underway-- }
}

func (r *journeyRun) pause(ctx workflow.Context, d time.Duration) error {
	defer r.open()()
	return workflow.Sleep(ctx, d)
}

// await returns when the wait's signal came or its deadline passed; a canceled
// context is an error.
func (r *journeyRun) await(ctx workflow.Context, label string, state contract.WaitState) error {
	w := &openWait{}
	w.signaled, w.signal = workflow.NewFuture(ctx)
	r.waits[state.WaitID] = w
	defer delete(r.waits, state.WaitID)
	if r.early[state.WaitID] {
		delete(r.early, state.WaitID)
		return nil
	}
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(w.signaled, func(workflow.Future) {})
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	if state.Deadline != nil {
		left := state.Deadline.Sub(workflow.Now(ctx))
		if left <= 0 {
			return nil
		}
		selector.AddFuture(workflow.NewTimerWithOptions(timerCtx, left, workflow.TimerOptions{Summary: contract.Summary(label)}), func(workflow.Future) {})
	}
	defer r.open()()
	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	selector.AddReceive(r.root.Done(), func(workflow.ReceiveChannel, bool) {}) // ctx may be disconnected
	selector.Select(ctx)
	if r.canceled() {
		return r.root.Err()
	}
	return ctx.Err()
}

// interrupted turns a canceled context into what the author sees: ErrExited when
// the workflow was canceled, else CanceledError, and the wait's row is removed (J-129).
func (r *journeyRun) interrupted(ctx workflow.Context, step contract.Step, waitID string, canceled error) error {
	if r.canceled() {
		return hogsend.ErrExited
	}
	var state contract.WaitState
	if err := r.local(ctx, contract.EndWaitName, step.Node, contract.EndWaitRequest{Step: step, WaitID: waitID, Abandon: true}, &state); err != nil {
		return err
	}
	if state.Ended {
		return r.end()
	}
	return canceled
}
