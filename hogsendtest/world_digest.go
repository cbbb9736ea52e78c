package hogsendtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// digest is what was collected for a contact, journey and label.
type digest struct {
	enrollment *enrollment
	step       string
	label      string
	flushed    time.Time
	events     []*event
}

// collectDigest collects what came until the end of a digest's window (J-143). A
// repeated call returns what the first one has collected.
func (w *world) collectDigest(r contract.CollectRequest) (contract.CollectResult, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil || !n.isLive() {
		return contract.CollectResult{Ended: err == nil}, err
	}
	i := slices.IndexFunc(w.digests, func(d *digest) bool { return d.enrollment == n && d.step == r.Step.Key })
	if i < 0 {
		d, err := w.collect(n, r)
		if err != nil {
			return contract.CollectResult{}, err
		}
		i, w.digests = len(w.digests), append(w.digests, d)
		w.log(n, r.Step.Key, "digest", n.node, r.Label, "")
	}
	found := hogsend.Collected{Events: []hogsend.StoredEvent{}, Total: len(w.digests[i].events)}
	const largest = 1 << 20
	size := 0
	for _, e := range slices.Backward(w.digests[i].events) {
		stored := e.stored()
		body, err := json.Marshal(stored)
		if err != nil {
			return contract.CollectResult{}, fmt.Errorf("encode event: %w", err)
		}
		if size += len(body) + 1; size > largest || len(found.Events) == r.Max {
			break
		}
		found.Events = append(found.Events, stored)
	}
	slices.Reverse(found.Events)
	return contract.CollectResult{Collected: found}, nil
}

func (w *world) collect(n *enrollment, r contract.CollectRequest) (*digest, error) {
	i := slices.IndexFunc(w.waits, func(wt *wait) bool { return wt.id == r.WaitID })
	if i < 0 {
		return nil, fmt.Errorf("there is no window %s", r.WaitID)
	}
	until := *w.waits[i].deadline
	if until.Before(w.waits[i].begun) {
		until = w.waits[i].begun
	}
	var conditions []hogsend.Condition
	if len(r.Where) > 0 {
		var err error
		if conditions, err = criteria.Unmarshal(r.Where); err != nil {
			return nil, fmt.Errorf("read conditions: %w", err)
		}
	}
	var last *digest
	taken := map[*event]bool{}
	for _, d := range w.digests {
		if d.enrollment.person != n.person || d.enrollment.journeyID != n.journeyID || d.label != r.Label {
			continue
		}
		if last == nil || d.flushed.After(last.flushed) {
			last = d
		}
		for _, e := range d.events {
			taken[e] = true
		}
	}
	found := &digest{enrollment: n, step: r.Step.Key, label: r.Label, flushed: until}
	for _, e := range w.events {
		between := last != nil && !e.ReceivedAt.Before(last.flushed) &&
			(last.enrollment.isLive() || !e.ReceivedAt.After(last.enrollment.endedAt) || e.seq >= n.trigger.seq)
		within := e.ReceivedAt.After(r.After.At) || e.ReceivedAt.Equal(r.After.At) && e.seq > r.After.Seq
		recent := r.Lookback > 0 && !e.OccurredAt.Before(r.After.At.Add(-r.Lookback))
		if e.person != n.person || e.Name != r.Event || taken[e] || e.ReceivedAt.After(until) ||
			e != n.trigger && !within && !recent && !between {
			continue
		}
		holds, err := e.holds(conditions)
		if err != nil {
			return nil, err
		}
		if holds {
			found.events = append(found.events, e)
		}
	}
	return found, nil
}

// digesting is the label of the open digest of a journey that the event goes into.
func (w *world) digesting(e *event, j *hogsend.Journey) (string, error) {
	for _, wt := range w.waits {
		n := wt.enrollment
		if wt.collects == nil || wt.status != contract.WaitOpen || n.person != e.person || w.canonical(n.journeyID) != j.ID ||
			wt.collects.event != e.Name || w.now().After(*wt.deadline) {
			continue
		}
		if holds, err := e.holds(wt.collects.conditions); holds || err != nil {
			return wt.label, err
		}
	}
	return "", nil
}
