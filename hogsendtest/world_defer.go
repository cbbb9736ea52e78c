package hogsendtest

import (
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// deferral is how a send was deferred so far: each time is a wait of its own (E-26).
type deferral struct {
	world      *world
	enrollment *enrollment
	request    contract.SendRequest
	waits      []*wait
	first      time.Time
	reason     contract.SendReason // of the newest
}

// deferralOf is that of a send, empty for one that was not deferred.
func (w *world) deferralOf(n *enrollment, r contract.SendRequest) *deferral {
	if d := w.deferrals[r.Key]; d != nil {
		return d
	}
	return &deferral{world: w, enrollment: n, request: r}
}

// open is the wait that the send stands at, nil for none.
func (d *deferral) open() *wait {
	if len(d.waits) == 0 || d.waits[len(d.waits)-1].status != contract.WaitOpen {
		return nil
	}
	return d.waits[len(d.waits)-1]
}

func (d *deferral) firstTry() time.Time {
	if len(d.waits) == 0 {
		return d.world.now()
	}
	return d.first
}

func (d *deferral) early(now time.Time) bool {
	wt := d.open()
	return wt != nil && wt.deadline.After(now)
}

func (d *deferral) told() *contract.Deferral {
	wt := d.open()
	return &contract.Deferral{WaitID: wt.id, StepKey: wt.step, Node: wt.label, Until: wt.deadline.UTC()}
}

func (d *deferral) close() {
	if wt := d.open(); wt != nil {
		wt.status = contract.WaitTimedOut
	}
}

// giveUp ends the deferral of a send that will not be tried again.
func (d *deferral) giveUp() {
	if d.open() != nil {
		d.close()
		d.enrollment.stand(contract.EnrollmentActive, d.request.Step.Node)
	}
}

// again defers the send.
func (d *deferral) again(reason contract.SendReason, until time.Time) *contract.Deferral {
	d.close()
	w, n := d.world, d.enrollment
	if len(d.waits) == 0 {
		w.deferrals[d.request.Key], d.first = d, w.now()
	}
	step := strings.TrimPrefix(d.request.Key, n.id+":") + ":defer#" + strconv.Itoa(len(d.waits)+1)
	wt := &wait{id: idOf("wait", n.id, step), enrollment: n, step: step, label: contract.DeferredNode(d.request), deadline: &until, status: contract.WaitOpen}
	d.waits, d.reason = append(d.waits, wt), reason
	w.waits = append(w.waits, wt)
	w.log(n, step, "send_gated", n.node, wt.label, string(reason)+" until "+until.UTC().Format(time.RFC3339Nano))
	n.stand(contract.EnrollmentWaiting, wt.label)
	return d.told()
}

func (w *world) maxDefer() time.Duration {
	if most := w.registry.registry.Defaults.MaxDefer; most != 0 {
		return most
	}
	return 7 * hogsend.Day
}

// deferredUntil is until when a refused send is deferred, zero if it is not (E-27).
func (w *world) deferredUntil(r contract.SendRequest, refused *refusal, d *deferral) time.Time {
	if refused == nil || refused.until.IsZero() {
		return time.Time{}
	}
	how := r.OnBlocked
	if how == "" && refused.reason != contract.SendMinGap { // J-133
		how = w.registry.registry.Defaults.OnBlocked
	}
	last := d.firstTry().Add(w.maxDefer())
	if how != hogsend.Defer || !w.now().Before(last) {
		return time.Time{}
	}
	if refused.until.After(last) {
		return last
	}
	return refused.until
}
