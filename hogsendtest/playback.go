package hogsendtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// maxTasks bounds a run that does not end.
const maxTasks = 20_000

func (s step) String() string {
	if s.key == "" {
		return s.name
	}
	return s.key + " (" + s.name + ")"
}

type moment string

const (
	lostBefore   moment = "before"
	lostAfter    moment = "after the effect of, and before recording,"
	lostRecorded moment = "after"
)

// errLost is what an activity of a lost worker returns; nobody will ever read it.
var errLost = temporal.NewNonRetryableApplicationError("the worker is lost", "Lost", nil)

// step runs an activity, or loses the worker there.
func (p *playback) step(s step, run func() (any, error)) (any, error) {
	if p.server.Crashed() {
		return nil, errLost
	}
	s.task = p.server.Tasks()
	p.steps = append(p.steps, s)
	i := slices.IndexFunc(p.losses, func(l loss) bool { return l.at == len(p.steps) })
	if i < 0 {
		return p.effect(s, run)
	}
	if p.losses[i].when == lostBefore {
		p.server.CrashWorker()
		return nil, errLost
	}
	out, err := p.effect(s, run)
	if p.losses[i].when == lostRecorded {
		p.server.CrashAfterTask()
	} else {
		p.server.CrashWorker()
	}
	return out, err
}

// effect runs an activity. One of the author's that had its effect before has it
// twice (T-15).
func (p *playback) effect(s step, run func() (any, error)) (any, error) {
	out, err := run()
	if s.call != nil {
		if result, ok := out.(contract.CallResult); ok && result.Value == nil {
			return out, err // it did not run
		}
		s.id = s.call.Step.EnrollmentID + ":" + s.key
		p.calls.input(s.id, s.args)
	}
	if err != nil || p.harness.own[s.name] {
		return out, err
	}
	if p.ran[s.id] && !p.calls.asked(s.id) {
		p.harness.problem(problem{kind: RanTwice, name: s.name, text: s.name + " ran twice"})
	}
	p.ran[s.id] = true
	return out, err
}

// newPlayback sets the scene; once are the values that Run.Once kept in an earlier one.
func (h *harness) newPlayback(once map[string]json.RawMessage) (*playback, error) {
	h.server.Reset(h.scenario.start)
	h.problems = nil
	b, err := h.open(backend.Setting{Script: h.scenario.setting(), Now: h.server.Now, Once: once, Problem: func(p backend.Problem) {
		h.problem(problem{kind: Problem(p.Kind), name: p.Name, text: p.Text})
	}})
	if err != nil {
		return nil, err
	}
	h.playback = &playback{harness: h, backend: b, activities: b.Activities(), server: h.server, ran: map[string]bool{}, calls: newCallLog()}
	return h.playback, nil
}

// play plays the script from its beginning to its end.
func (h *harness) play(losses []loss, once map[string]json.RawMessage) (*playback, *backend.Outcome, error) {
	p := h.playback
	if p.played || once != nil {
		var err error
		if p, err = h.newPlayback(once); err != nil {
			return nil, nil, err
		}
	}
	p.losses, p.played = losses, true
	defer p.backend.Close()
	if err := p.run(); err != nil {
		return nil, nil, err
	}
	o, err := p.backend.Outcome()
	return p, o, err
}

// run plays the script to its end.
func (p *playback) run() error {
	s := p.harness.scenario
	items := s.script()
	for {
		if err := p.settle(); err != nil {
			return err
		}
		next, what, err := p.next(items)
		if err != nil {
			return err
		}
		if what == nothing || s.end != nil && next.After(s.start.Add(*s.end)) {
			if s.end != nil {
				p.server.Advance(s.start.Add(*s.end))
			}
			return nil
		}
		p.server.Advance(next)
		switch what {
		case scripted:
			it := items[0]
			items = items[1:]
			if p.down += it.down; it.down != 0 {
				continue
			}
			// What time has brought comes before what happens at the same instant.
			if _, _, err := p.tick(); err != nil {
				return err
			}
			if err := p.backend.Apply(it.action); err != nil {
				return fmt.Errorf("+%s, %s: %w", it.at, it.what, err)
			}
		case timed:
			p.server.FireNext()
		case released, ticked, nothing:
		}
	}
}

type kind int

const (
	nothing kind = iota
	scripted
	released
	ticked
	timed
)

// next is what happens next: of one instant the script first, timers last, as an
// event that comes at a deadline is still in time (J-126).
func (p *playback) next(items []item) (at time.Time, what kind, err error) {
	earlier := func(t time.Time, k kind) {
		if what == nothing || t.Before(at) {
			at, what = t, k
		}
	}
	if len(items) > 0 {
		earlier(p.harness.scenario.start.Add(items[0].at), scripted)
	}
	t, more, err := p.backend.Release()
	if err != nil {
		return at, what, err
	}
	if more {
		earlier(t, released)
	}
	if t, more, err = p.tick(); err != nil {
		return at, what, err
	}
	if more {
		earlier(t, ticked)
	}
	if t, ok := p.server.Next(); ok {
		earlier(t, timed)
	}
	return at, what, nil
}

// tick lets time pass for the backend, unless its worker is away.
func (p *playback) tick() (next time.Time, more bool, err error) {
	if p.down > 0 {
		return next, false, nil
	}
	return p.backend.Tick()
}

// settle lets the worker work until it has nothing to do at this instant.
func (p *playback) settle() error {
	for p.down == 0 {
		if _, _, err := p.backend.Tick(); err != nil {
			return err
		}
		if _, _, err := p.backend.Release(); err != nil {
			return err
		}
		messages, err := p.backend.Outbox()
		if err != nil {
			return err
		}
		for _, m := range messages {
			if err := p.deliver(m); err != nil {
				return err
			}
		}
		if p.server.Idle() {
			return nil
		}
		if p.server.Tasks() > maxTasks {
			return errors.New("the script does not end; give it an end with Until")
		}
		runID, err := p.server.Step()
		if err != nil {
			return err
		}
		if runID != "" && p.losses == nil {
			t := p.harness.watcher.trace(runID)
			t.marks = append(t.marks, len(t.calls))
		}
	}
	return nil
}

// deliver tells Temporal what a row of the outbox says, as the dispatcher of production
// does.
func (p *playback) deliver(m backend.Message) error {
	switch payload := m.Payload.(type) {
	case contract.StartPayload:
		return p.start(payload.WorkflowID, payload.WorkflowType, payload.EnrollmentID)
	case contract.DwellPayload:
		return p.start(payload.WorkflowID, payload.WorkflowType, workflows.DwellInput{
			StayID: payload.StayID, Label: payload.Label, Due: payload.Due, Repeats: payload.Repeats,
		})
	case contract.SignalPayload:
		input, err := payloads(contract.WaitSignal{WaitID: payload.WaitID, EventID: payload.EventID})
		if err != nil {
			return err
		}
		p.server.Signal(payload.WorkflowID, payload.Signal, input)
		return nil
	case contract.CancelPayload:
		p.server.Cancel(payload.WorkflowID)
		return nil
	}
	return fmt.Errorf("deliver %s: unknown payload %T", m.Kind, m.Payload)
}

func (p *playback) start(workflowID, workflowType string, arg any) error {
	input, err := payloads(arg)
	if err != nil {
		return err
	}
	p.server.Start(workflowID, workflowType, input, nil)
	return nil
}

func payloads(value any) (*commonpb.Payloads, error) {
	encoded, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	return encoded, nil
}

// check are the problems at the end of a script (T-9).
func (p *playback) check() []problem {
	if p.harness.scenario.end == nil {
		p.backend.Check()
	}
	found := append([]problem(nil), p.harness.problems...)
	w := p.harness.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.waste {
		found = append(found, problem{kind: DiscardedError, name: d.journey, text: fmt.Sprintf("%s takes no notice of the error of %s at %s: %s", d.journey, d.method, d.place, d.err)})
	}
	return found
}
