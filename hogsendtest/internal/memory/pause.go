package memory

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// newestPause is the newest one that held a step; the zero value for none.
func (b *Backend) newestPause(n *enrollment, step string) *pausedEffect {
	for _, p := range slices.Backward(b.paused) {
		if p.enrollment == n && p.step == step {
			return p
		}
	}
	return &pausedEffect{}
}

// begin decides whether an effect that is no send begins, and holds it if a pause does
// (J-101).
func (b *Backend) begin(n *enrollment, step contract.Step, done bool) (runs bool, effect contract.Effect) {
	newest := b.newestPause(n, step.Key)
	switch steps.Effect(n.status, done, b.pausedNow(n.JourneyID), newest.PausedEffect) {
	case steps.EffectEnded:
		effect.Ended = true
	case steps.EffectHeld:
		effect.Held = b.hold(n, step, newest, false)
	case steps.EffectDone:
	case steps.EffectRuns:
		runs = true
	}
	return runs, effect
}

// hold holds an effect, once per pause.
func (b *Backend) hold(n *enrollment, step contract.Step, newest *pausedEffect, isSend bool) *contract.PausedEffect {
	held := &contract.PausedEffect{EnrollmentID: step.EnrollmentID, Node: steps.PausedNode(step.Node), ID: newest.id.String()}
	if newest.Open() {
		return held
	}
	p := &pausedEffect{PausedEffect: steps.PausedEffect{N: newest.N + 1}, enrollment: n, step: step.Key, node: step.Node, isSend: isSend, heldAt: b.Now()}
	p.id = idOf("pause", n.ID, step.Key, p.N)
	b.paused = append(b.paused, p)
	held.ID = p.id.String()
	b.move(n, p.logKey(), "paused", contract.EnrollmentWaiting, n.node, held.Node, nil)
	return held
}

func (p *pausedEffect) logKey() string { return contract.PauseLogKey(p.step, int32(p.N)) } //nolint:gosec // counts pauses

// resume ends a pause and decides when each held effect goes on (J-103).
func (b *Backend) resume(a backend.Resume) {
	s := b.switchOf(a.JourneyID)
	if s.pausedAt.IsZero() {
		return
	}
	r := steps.Resume{PausedAt: s.pausedAt, Now: b.Now(), Policy: a.Policy, LateAfter: backend.LateAfter}
	s.pausedAt = time.Time{}
	for _, p := range b.paused {
		if p.Open() && b.canonical(p.enrollment.JourneyID) == b.canonical(a.JourneyID) {
			p.DueAt, p.Skip = r.Release(p.heldAt, p.DueAt, p.isSend || p.entry != nil)
		}
	}
}

// Release implements backend.Backend.
func (b *Backend) Release() (next time.Time, more bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.paused {
		switch {
		case !p.Open() || p.DueAt.IsZero() || b.pausedNow(p.enrollment.JourneyID):
		case p.DueAt.After(b.Now()):
			next = sooner(next, p.DueAt)
		case p.entry != nil && p.Skip && p.enrollment.live():
			end := decide.End{Status: contract.EnrollmentExited, Reason: contract.ExitPausedLate, Origin: decide.Origin{StepKey: cascade.StepEnd}, Cancels: true}
			if err := b.finish(p.enrollment, end); err != nil {
				return next, false, err
			}
			p.Closed = true
		default:
			b.release(p, true)
		}
	}
	return next, !next.IsZero(), nil
}

// release lets a held effect go on; told says that its workflow is to be told, otherwise
// the effect was given up.
func (b *Backend) release(p *pausedEffect, told bool) {
	if !p.Open() {
		return
	}
	p.Closed = true
	n := p.enrollment
	if !n.live() {
		return
	}
	detail := map[string]any{"heldAt": p.heldAt.UTC()}
	switch {
	case !told:
		detail["outcome"] = "abandoned"
	case p.Skip:
		detail["outcome"] = "paused_late"
	}
	from := n.node
	if steps.Released(n.status, n.node, p.node) {
		n.stand(contract.EnrollmentActive, p.node)
	}
	b.log(n, p.logKey(), "resumed", from, p.node, detail)
	if told && p.entry != nil && p.entry.Start != nil {
		b.outbox = append(b.outbox, backend.Message{Kind: contract.OutboxStart, Payload: *p.entry.Start})
		return
	}
	if told {
		b.outbox = append(b.outbox, backend.Message{Kind: contract.OutboxSignal, Payload: contract.SignalPayload{
			WorkflowID: n.WorkflowID, Signal: contract.SignalWait, WaitID: p.id.String(),
		}})
	}
}

func (b *Backend) abandon(n *enrollment, r contract.PausedEffect) (contract.Effect, error) {
	id, err := uuid.Parse(r.ID)
	for _, p := range b.paused {
		if err == nil && p.id == id {
			b.release(p, false)
		}
	}
	return contract.Effect{Ended: !n.live()}, nil
}
