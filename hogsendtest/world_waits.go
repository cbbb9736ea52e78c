package hogsendtest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/criteria"
)

// wait is a sleep or a wait for an event.
type wait struct {
	id         string
	enrollment *enrollment
	step       string
	label      string
	event      string // "" for a sleep
	conditions []hogsend.Condition
	deadline   *time.Time
	status     string
	matched    *event
}

// The states of a wait.
const (
	waitOpen     = "open"
	waitMatched  = "matched"
	waitTimedOut = "timed_out"
	waitClosed   = "closed"
)

// beginWait looks back and registers a wait (J-125). A repeated call finds the wait
// of the first.
func (w *world) beginWait(r activities.BeginWaitRequest) (activities.WaitState, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil || !n.isLive() {
		return activities.WaitState{Ended: err == nil}, err
	}
	wt := w.findWait(n, r.Step.Key)
	if wt == nil {
		wt = &wait{
			id: idOf("wait", n.id, r.Step.Key), enrollment: n, step: r.Step.Key, label: r.Label, event: r.Event, deadline: r.Deadline, status: waitOpen,
		}
		if len(r.Conditions) > 0 {
			if wt.conditions, err = criteria.Unmarshal(r.Conditions); err != nil {
				return activities.WaitState{}, fmt.Errorf("read conditions: %w", err)
			}
		}
		if err := w.lookBack(wt, r); err != nil {
			return activities.WaitState{}, err
		}
		if wt.status == waitOpen && wt.deadline != nil && !wt.deadline.After(w.now()) {
			wt.status = waitTimedOut
		}
		w.waits = append(w.waits, wt)
		detail := ""
		if wt.deadline != nil {
			detail = "until " + wt.deadline.UTC().Format(time.RFC3339)
		}
		w.log(n, wt.step, "wait_started", n.node, wt.label, detail)
	}
	if wt.status == waitOpen {
		n.stand(statusWaiting, wt.label)
	} else {
		w.leaveWait(wt)
	}
	return wt.state(), nil
}

func (w *world) findWait(n *enrollment, step string) *wait {
	i := slices.IndexFunc(w.waits, func(wt *wait) bool { return wt.enrollment == n && wt.step == step })
	if i < 0 {
		return nil
	}
	return w.waits[i]
}

// lookBack finds the first event since the logical now, or since the look-back
// before it (J-125, J-128).
func (w *world) lookBack(wt *wait, r activities.BeginWaitRequest) error {
	if wt.event == "" {
		return nil
	}
	for _, e := range w.events {
		after := e.ReceivedAt.After(r.After.At) || e.ReceivedAt.Equal(r.After.At) && e.seq > r.After.Seq
		recent := r.Lookback > 0 && !e.OccurredAt.Before(r.After.At.Add(-r.Lookback))
		unseen := after && !e.late || recent
		if e.person != wt.enrollment.person || e.Name != wt.event || !unseen || e == wt.enrollment.trigger ||
			wt.deadline != nil && e.ReceivedAt.After(*wt.deadline) || w.ended(wt.enrollment, e) {
			continue
		}
		holds, err := e.holds(wt.conditions)
		if err != nil {
			return err
		}
		if holds {
			wt.status, wt.matched = waitMatched, e
			return nil
		}
	}
	return nil
}

// ended reports whether the event ended an earlier wait of the enrollment.
func (w *world) ended(n *enrollment, e *event) bool {
	return slices.ContainsFunc(w.waits, func(wt *wait) bool { return wt.enrollment == n && wt.matched == e })
}

// endWait decides how a wait ended (J-126).
func (w *world) endWait(r activities.EndWaitRequest) (activities.WaitState, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil || !n.isLive() {
		return activities.WaitState{Ended: err == nil}, err
	}
	wt := w.findWait(n, r.Step.Key)
	if wt == nil {
		return activities.WaitState{}, temporal.NewNonRetryableApplicationError("there is no wait "+r.WaitID, "NotFound", nil)
	}
	switch {
	case wt.status != waitOpen:
	case r.Abandon:
		wt.status = waitClosed
	case wt.deadline != nil && !wt.deadline.After(w.now()):
		wt.status = waitTimedOut
	}
	if wt.status != waitOpen {
		w.leaveWait(wt)
	}
	return wt.state(), nil
}

func (wt *wait) state() activities.WaitState {
	state := activities.WaitState{WaitID: wt.id, Deadline: wt.deadline, Closed: wt.status != waitOpen}
	switch {
	case wt.matched != nil:
		e := wt.matched.stored()
		state.Event, state.Now = &e, activities.Moment{At: e.ReceivedAt, Seq: wt.matched.seq}
	case state.Closed && wt.deadline != nil:
		state.Now = activities.Moment{At: wt.deadline.UTC(), Seq: math.MaxInt64}
	}
	return state
}

func (w *world) leaveWait(wt *wait) {
	outcome := map[string]string{waitMatched: "event", waitTimedOut: "timeout", waitClosed: "abandoned"}[wt.status]
	wt.enrollment.stand(statusActive, wt.label)
	w.log(wt.enrollment, wt.step, "wait_ended", wt.label, wt.label, outcome)
}
