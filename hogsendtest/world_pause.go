package hogsendtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// hold is an effect that a pause did not let begin (J-101).
type hold struct {
	id         string
	enrollment *enrollment
	step, node string
	ordinal    int
	isSend     bool
	heldAt     time.Time
	dueAt      *time.Time // set by the resume
	skip       bool
	closed     bool
}

func (w *world) newestHold(n *enrollment, step string) *hold {
	for _, h := range slices.Backward(w.holds) {
		if h.enrollment == n && h.step == step {
			return h
		}
	}
	return nil
}

func (w *world) pausedAt(journeyID string) *time.Time {
	if state := w.switches[w.canonical(journeyID)]; state != nil {
		return state.pausedAt
	}
	return nil
}

// holdOf is the hold of an effect, nil when it may begin.
func (w *world) holdOf(n *enrollment, step contract.Step, isSend bool) *contract.PausedEffect {
	h := w.newestHold(n, step.Key)
	open := h != nil && !h.closed
	resumed := open && h.dueAt != nil // and its turn has not come
	if w.pausedAt(n.journeyID) == nil && !resumed {
		return nil
	}
	node := "paused:" + step.Node
	if open {
		return &contract.PausedEffect{EnrollmentID: n.id, ID: h.id, Node: node}
	}
	ordinal := 1
	if h != nil {
		ordinal = h.ordinal + 1
	}
	h = &hold{
		id: idOf("hold", n.id, step.Key, ordinal), enrollment: n, step: step.Key, node: step.Node, ordinal: ordinal, isSend: isSend, heldAt: w.now(),
	}
	w.holds = append(w.holds, h)
	from := n.node
	n.stand(contract.EnrollmentWaiting, node)
	w.log(n, h.logKey(), "paused", from, node, "")
	return &contract.PausedEffect{EnrollmentID: n.id, ID: h.id, Node: node}
}

func (h *hold) logKey() string { return fmt.Sprintf("%s:pause#%d", h.step, h.ordinal) }

// skipsLate reports that the step was released with the verdict paused_late (J-105).
func (w *world) skipsLate(n *enrollment, step string) bool {
	h := w.newestHold(n, step)
	return h != nil && h.closed && h.skip
}

// letGo lets a held effect go on; told says that its workflow is to be told.
func (w *world) letGo(h *hold, told bool) {
	if h.closed {
		return
	}
	h.closed = true
	n := h.enrollment
	if !n.isLive() {
		return
	}
	outcome := ""
	switch {
	case !told:
		outcome = "abandoned"
	case h.skip:
		outcome = "paused_late"
	}
	from := n.node
	if n.status == contract.EnrollmentWaiting && n.node == "paused:"+h.node {
		n.stand(contract.EnrollmentActive, h.node)
	}
	w.log(n, h.logKey(), "resumed", from, h.node, outcome)
	if told {
		w.tell(message{kind: tellSignal, workflowID: n.workflowID, what: contract.SignalWait, waitID: h.id})
	}
}

func (w *world) abandonHold(r contract.PausedEffect) (contract.Effect, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return contract.Effect{}, err
	}
	for _, h := range w.holds {
		if h.id == r.ID {
			w.letGo(h, false)
		}
	}
	return contract.Effect{Ended: !n.isLive()}, nil
}

// pause pauses a journey (J-100).
func (w *world) pause(journeyID string) error {
	state := w.switchOf(journeyID)
	if state.pausedAt == nil {
		now := w.now()
		state.pausedAt = &now
	}
	return nil
}

// resume ends a pause and decides when each held effect goes on (J-103 to J-106).
func (w *world) resume(journeyID string, policy ResumePolicy) error {
	state := w.switchOf(journeyID)
	if state.pausedAt == nil {
		return nil
	}
	length := w.now().Sub(*state.pausedAt)
	state.pausedAt = nil
	for _, h := range w.holds {
		if h.closed || w.canonical(h.enrollment.journeyID) != w.canonical(journeyID) {
			continue
		}
		due := w.now()
		if policy == Reschedule {
			from := h.heldAt
			if h.dueAt != nil {
				from = *h.dueAt // paused again before its turn
			}
			if moved := from.Add(length); moved.After(due) {
				due = moved
			}
		}
		h.dueAt = &due
		h.skip = policy == SkipLate && h.isSend && w.now().Sub(h.heldAt) > time.Hour
	}
	return nil
}

// release releases what is due, oldest hold first; next is when the next one is.
func (w *world) release() (next time.Time, more bool, err error) {
	for _, h := range w.holds {
		if h.closed || h.dueAt == nil || w.pausedAt(h.enrollment.journeyID) != nil {
			continue
		}
		if !h.dueAt.After(w.now()) {
			w.letGo(h, true)
			continue
		}
		if !more || h.dueAt.Before(next) {
			next, more = *h.dueAt, true
		}
	}
	return next, more, nil
}

func (w *world) switchOf(journeyID string) *journeySwitch {
	id := w.canonical(journeyID)
	if w.switches[id] == nil {
		w.switches[id] = &journeySwitch{}
	}
	return w.switches[id]
}
