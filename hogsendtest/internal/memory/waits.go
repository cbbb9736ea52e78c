package memory

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// beginWait looks back and registers a wait (J-125). A repeated call finds the wait of
// the first.
func (b *Backend) beginWait(n *enrollment, r contract.BeginWaitRequest) (contract.WaitState, error) {
	if !n.live() {
		return contract.WaitState{Ended: true}, nil
	}
	w := b.findWait(n, r.Step.Key)
	if w == nil {
		var err error
		if w, err = b.newWait(n, r); err != nil {
			return contract.WaitState{}, err
		}
		b.waits, b.waitByID[w.ID] = append(b.waits, w), w
		b.move(n, w.step, "wait_started", contract.EnrollmentWaiting, n.node, w.Label, waitDetail(r))
	}
	if w.status != contract.WaitOpen {
		b.leaveWait(w)
	}
	return w.state()
}

func (b *Backend) newWait(n *enrollment, r contract.BeginWaitRequest) (*wait, error) {
	w := &wait{
		Wait: decide.Wait{
			ID: idOf("wait", n.ID, r.Step.Key), EnrollmentID: n.ID, Label: r.Label, EventName: r.Event, Conditions: r.Conditions, Digest: r.Digest, Deadline: r.Deadline,
		},
		enrollment: n, step: r.Step.Key, begun: b.Now(),
	}
	look := steps.LookBack{Deadline: r.Deadline, After: r.After, LateHorizon: b.decider.LateHorizon}
	var err error
	if len(r.Any) > 0 {
		if w.Alternatives, err = json.Marshal(r.Any); err != nil {
			return nil, fmt.Errorf("encode events: %w", err)
		}
	}
	if !r.Digest {
		if look.Awaited, err = steps.AwaitedOf(r.One(), r.Any); err != nil {
			return nil, err
		}
	}
	found, place, err := look.Find(b.past(n, func(e *event) bool {
		return b.waited(n, e) || r.Several && b.digested(n, e)
	}))
	if err != nil {
		return nil, err
	}
	if found >= 0 {
		w.matched, w.place = n.contact.events[found], place
	}
	w.status = steps.BeginWait(r.Deadline, b.Now(), found >= 0)
	return w, nil
}

// waited reports whether the event ended a wait of the enrollment.
func (b *Backend) waited(n *enrollment, e *event) bool {
	return slices.ContainsFunc(b.waits, func(w *wait) bool { return w.enrollment == n && w.matched == e })
}

// digested reports whether a digest of the enrollment has collected the event.
func (b *Backend) digested(n *enrollment, e *event) bool {
	return slices.ContainsFunc(b.digests, func(d *digest) bool { return d.enrollment == n && slices.Contains(d.events, e) })
}

func (b *Backend) findWait(n *enrollment, step string) *wait {
	i := slices.IndexFunc(b.waits, func(w *wait) bool { return w.enrollment == n && w.step == step })
	if i < 0 {
		return nil
	}
	return b.waits[i]
}

// endWait decides how a wait ended (J-126).
func (b *Backend) endWait(n *enrollment, r contract.EndWaitRequest) (contract.WaitState, error) {
	if !n.live() {
		return contract.WaitState{Ended: true}, nil
	}
	w := b.findWait(n, r.Step.Key)
	if w == nil {
		return contract.WaitState{}, fmt.Errorf("wait %s: %w", r.WaitID, errNotFound)
	}
	if w.status = steps.EndWait(w.status, w.Deadline, b.Now(), r.Abandon); w.status != contract.WaitOpen {
		b.leaveWait(w)
	}
	return w.state()
}

func (w *wait) state() (contract.WaitState, error) {
	state := contract.WaitState{WaitID: w.ID.String(), Deadline: w.Deadline, Closed: w.status != contract.WaitOpen, Index: w.place}
	switch {
	case w.matched != nil:
		e, err := w.matched.stored()
		state.Event, state.Now = &e, steps.AfterEvent(w.matched.ReceivedAt, w.matched.seq)
		return state, err
	case state.Closed && w.Deadline != nil:
		state.Now = steps.AfterDeadline(*w.Deadline)
	}
	return state, nil
}

// leaveWait notes that the enrollment goes on (J-60), once.
func (b *Backend) leaveWait(w *wait) {
	detail := map[string]any{
		"outcome": map[contract.WaitStatus]string{contract.WaitMatched: "event", contract.WaitTimedOut: "timeout", contract.WaitClosed: "abandoned"}[w.status],
	}
	if w.matched != nil {
		detail["eventId"] = w.matched.ID.String()
		if w.Alternatives != nil {
			detail["index"] = w.place
		}
	}
	b.move(w.enrollment, w.step, "wait_ended", contract.EnrollmentActive, w.Label, w.Label, detail)
}

func waitDetail(r contract.BeginWaitRequest) map[string]any {
	detail := map[string]any{}
	if r.Event != "" {
		detail["event"] = r.Event
	}
	if len(r.Any) > 0 {
		detail["events"] = r.Events()
	}
	if r.Deadline != nil {
		detail["until"] = r.Deadline.UTC()
	}
	return detail
}

func awaitedOf(w *wait) ([]steps.Awaited, error) {
	var alternatives []criteria.Alternative
	if w.Alternatives != nil {
		if err := json.Unmarshal(w.Alternatives, &alternatives); err != nil {
			return nil, fmt.Errorf("read events of wait %s: %w", w.ID, err)
		}
	}
	return steps.AwaitedOf(criteria.Alternative{Event: w.EventName, Where: w.Conditions}, alternatives)
}

// collectDigest collects what came until the end of a digest's window (J-143). A
// repeated call returns what the first one has collected.
func (b *Backend) collectDigest(n *enrollment, r contract.CollectRequest) (contract.CollectResult, error) {
	if !n.live() {
		return contract.CollectResult{Ended: true}, nil
	}
	i := slices.IndexFunc(b.digests, func(d *digest) bool { return d.enrollment == n && d.step == r.Step.Key })
	done := i >= 0
	if !done {
		d, err := b.collect(n, r)
		if err != nil {
			return contract.CollectResult{}, err
		}
		i, b.digests = len(b.digests), append(b.digests, d)
	}
	events := b.digests[i].events
	var result contract.CollectResult
	var err error
	result.Collected, err = steps.Newest(len(events), r.Max, func(i int) (hogsend.StoredEvent, error) { return events[i].stored() })
	if err == nil && !done {
		b.log(n, r.Step.Key, "digest", n.node, r.Label, map[string]any{"total": len(events), "events": len(result.Collected.Events)})
	}
	return result, err
}

func (b *Backend) collect(n *enrollment, r contract.CollectRequest) (*digest, error) {
	i := slices.IndexFunc(b.waits, func(w *wait) bool { return w.ID.String() == r.WaitID })
	if i < 0 {
		return nil, fmt.Errorf("window %s: %w", r.WaitID, errNotFound)
	}
	d := steps.Digest{
		Event: r.Event, TriggerSeq: n.trigger.seq, Key: n.Key, KeyProperty: b.index.DigestKey(n.JourneyID, r.Event),
		Until: steps.DigestEnd(*b.waits[i].Deadline, b.waits[i].begun),
	}
	d.After, d.Since = steps.DigestFrom(r.After, r.CalledAt, b.waits[i].begun, r.Lookback)
	if r.Several {
		d.Opened = b.waits[i].begun
	}
	if len(r.Where) > 0 {
		var err error
		if d.Where, err = criteria.Unmarshal(r.Where); err != nil {
			return nil, fmt.Errorf("read conditions: %w", err)
		}
	}
	taken := map[*event]bool{}
	for _, before := range b.digests {
		if before.enrollment.contact != n.contact || b.canonical(before.enrollment.JourneyID) != b.canonical(n.JourneyID) || before.enrollment.Key != n.Key || before.label != r.Label {
			continue
		}
		if d.Last == nil || before.flushed.After(d.Last.FlushedAt) {
			d.Last = &steps.PastDigest{FlushedAt: before.flushed, EndedAt: before.enrollment.endedAt}
		}
		for _, e := range before.events {
			taken[e] = true
		}
	}
	found := &digest{enrollment: n, step: r.Step.Key, label: r.Label, flushed: d.Until}
	for i, e := range b.past(n, func(e *event) bool { return taken[e] }) {
		e.Waited = b.waited(n, n.contact.events[i])
		collects, err := d.Collects(&e)
		if err != nil {
			return nil, err
		}
		if collects {
			found.events = append(found.events, n.contact.events[i])
		}
	}
	return found, nil
}
