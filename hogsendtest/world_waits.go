package hogsendtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// wait is a sleep or a wait for an event.
type wait struct {
	id         string
	enrollment *enrollment
	step       string
	label      string
	awaited    []awaited // none for a sleep
	collects   *awaited  // by the digest whose window it is
	deadline   *time.Time
	begun      time.Time
	status     contract.WaitStatus
	matched    *event
	place      int // of the event among those awaited
}

// awaited is an event that ends a wait.
type awaited struct {
	event      string
	conditions []hogsend.Condition
	lookback   time.Duration
}

// wakes is the place of the first of the wait's events that this one is, -1 for none.
func (wt *wait) wakes(e *event) (place int, err error) {
	for i, a := range wt.awaited {
		if a.event != e.Name {
			continue
		}
		if holds, err := e.holds(a.conditions); holds || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// events are the names of what the wait is for, for messages.
func (wt *wait) events() string {
	if len(wt.awaited) == 0 {
		return "nothing"
	}
	var names []string
	for _, a := range wt.awaited {
		names = append(names, a.event)
	}
	return strings.Join(names, ", ")
}

func awaitedBy(r contract.BeginWaitRequest) ([]awaited, error) {
	alternatives := r.Any
	if r.Event != "" {
		alternatives = []criteria.Alternative{{Event: r.Event, Where: r.Conditions, Lookback: r.Lookback}}
	}
	var all []awaited
	for _, a := range alternatives {
		one := awaited{event: a.Event, lookback: a.Lookback}
		if len(a.Where) > 0 {
			var err error
			if one.conditions, err = criteria.Unmarshal(a.Where); err != nil {
				return nil, fmt.Errorf("read conditions: %w", err)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// beginWait looks back and registers a wait (J-125). A repeated call finds the wait
// of the first.
func (w *world) beginWait(r contract.BeginWaitRequest) (contract.WaitState, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil || !n.isLive() {
		return contract.WaitState{Ended: err == nil}, err
	}
	wt := w.findWait(n, r.Step.Key)
	if wt == nil {
		wt = &wait{
			id: idOf("wait", n.id, r.Step.Key), enrollment: n, step: r.Step.Key, label: r.Label, deadline: r.Deadline, begun: w.now(),
			status: contract.WaitOpen,
		}
		if wt.awaited, err = awaitedBy(r); err != nil {
			return contract.WaitState{}, err
		}
		if r.Digest {
			wt.collects, wt.awaited = &wt.awaited[0], nil
		}
		if err := w.lookBack(wt, r); err != nil {
			return contract.WaitState{}, err
		}
		if wt.status == contract.WaitOpen && wt.deadline != nil && !wt.deadline.After(w.now()) {
			wt.status = contract.WaitTimedOut
		}
		w.waits = append(w.waits, wt)
		detail := ""
		if wt.deadline != nil {
			detail = "until " + wt.deadline.UTC().Format(time.RFC3339)
		}
		w.log(n, wt.step, "wait_started", n.node, wt.label, detail)
	}
	if wt.status == contract.WaitOpen {
		n.stand(contract.EnrollmentWaiting, wt.label)
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
func (w *world) lookBack(wt *wait, r contract.BeginWaitRequest) error {
	for _, e := range w.events {
		if e.person != wt.enrollment.person || e == wt.enrollment.trigger ||
			wt.deadline != nil && e.ReceivedAt.After(*wt.deadline) || w.ended(wt.enrollment, e) {
			continue
		}
		after := e.ReceivedAt.After(r.After.At) || e.ReceivedAt.Equal(r.After.At) && e.seq > r.After.Seq
		for place, a := range wt.awaited {
			recent := a.lookback > 0 && !e.OccurredAt.Before(r.After.At.Add(-a.lookback))
			if e.Name != a.event || (!after || e.late) && !recent {
				continue
			}
			holds, err := e.holds(a.conditions)
			if err != nil {
				return err
			}
			if holds {
				wt.status, wt.matched, wt.place = contract.WaitMatched, e, place
				return nil
			}
		}
	}
	return nil
}

// ended reports whether the event ended an earlier wait of the enrollment.
func (w *world) ended(n *enrollment, e *event) bool {
	return slices.ContainsFunc(w.waits, func(wt *wait) bool { return wt.enrollment == n && wt.matched == e })
}

// endWait decides how a wait ended (J-126).
func (w *world) endWait(r contract.EndWaitRequest) (contract.WaitState, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil || !n.isLive() {
		return contract.WaitState{Ended: err == nil}, err
	}
	wt := w.findWait(n, r.Step.Key)
	if wt == nil {
		return contract.WaitState{}, temporal.NewNonRetryableApplicationError("there is no wait "+r.WaitID, "NotFound", nil)
	}
	switch {
	case wt.status != contract.WaitOpen:
	case r.Abandon:
		wt.status = contract.WaitClosed
	case wt.deadline != nil && !wt.deadline.After(w.now()):
		wt.status = contract.WaitTimedOut
	}
	if wt.status != contract.WaitOpen {
		w.leaveWait(wt)
	}
	return wt.state(), nil
}

func (wt *wait) state() contract.WaitState {
	state := contract.WaitState{WaitID: wt.id, Deadline: wt.deadline, Closed: wt.status != contract.WaitOpen, Index: wt.place}
	switch {
	case wt.matched != nil:
		e := wt.matched.stored()
		state.Event, state.Now = &e, contract.EventPosition{At: e.ReceivedAt, Seq: wt.matched.seq}
	case state.Closed && wt.deadline != nil:
		state.Now = contract.EventPosition{At: wt.deadline.UTC(), Seq: math.MaxInt64}
	}
	return state
}

func (w *world) leaveWait(wt *wait) {
	outcome := map[contract.WaitStatus]string{contract.WaitMatched: "event", contract.WaitTimedOut: "timeout", contract.WaitClosed: "abandoned"}[wt.status]
	wt.enrollment.stand(contract.EnrollmentActive, wt.label)
	w.log(wt.enrollment, wt.step, "wait_ended", wt.label, wt.label, outcome)
}
