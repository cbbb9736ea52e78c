package hogsendtest

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/virtual"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

const (
	// patience is how long nothing may move in the code of a journey that does not wait
	// either (T-10). A machine that is merely busy does not use it up.
	patience = 3 * time.Second
	// maxTasks bounds a run that does not end.
	maxTasks = 20_000
)

// host is a worker that plays a script, any number of times.
type host struct {
	scenario *Scenario
	server   *virtual.Server
	worker   *virtual.Worker
	watcher  *watcher
	play     *play // the one that is played
	own      map[string]bool
}

func newHost(s *Scenario) (*host, error) {
	h := &host{scenario: s, server: virtual.NewServer(s.start), watcher: newWatcher(), own: map[string]bool{}}
	h.server.Patience, h.watcher.order.progress = patience, h.server.Progress
	h.watcher.lost, h.watcher.now = h.server.Lost, h.server.Now
	h.watcher.activity = func(s step, run func() (any, error)) (any, error) { return h.play.step(s, run) }
	c, err := h.server.Client(silent())
	if err != nil {
		return nil, err
	}
	h.worker, err = h.server.StartWorker(c, []interceptor.WorkerInterceptor{h.watcher, workflows.LogFields()}, h.register)
	return h, err
}

func (h *host) stop() {
	h.server.Close()
	h.watcher.order.close()
	h.worker.Stop()
}

func silent() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// register registers what a worker does (T-1).
func (h *host) register(r worker.Registry, withWorkflows bool) {
	if withWorkflows {
		registerWorkflows(r, h.watcher, h.scenario.catalog.journeys, h.scenario.workflows)
	}
	for name, fn := range worldActivities(h) {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
		h.own[name] = true
	}
	for name, fn := range h.scenario.activities {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

type workflowRegistry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

func registerWorkflows(r workflowRegistry, w *watcher, journeys []hogsend.Journey, others map[string]any) {
	for _, j := range journeys {
		watched := w.watch(j)
		if j.Reaction == nil {
			run := workflows.Journey(watched)
			for _, id := range append([]string{j.ID}, j.Aliases...) {
				r.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: contract.JourneyType(id)})
			}
			continue
		}
		if j.Reaction.Kind == hogsend.ReactionDwell {
			r.RegisterWorkflowWithOptions(workflows.Dwell(watched), workflow.RegisterOptions{Name: j.ID})
		} else {
			r.RegisterWorkflowWithOptions(workflows.Journey(watched), workflow.RegisterOptions{Name: j.ID})
		}
	}
	for name, fn := range others {
		r.RegisterWorkflowWithOptions(fn, workflow.RegisterOptions{Name: name})
	}
}

// play is one time that a script is played.
type play struct {
	host   *host
	world  *world
	stage  stage
	server *virtual.Server
	down   int // outages under way
	steps  []step
	loss   *loss
	ran    map[string]bool // activities of the author's that had their effect
}

// step is one activity that was run.
type step struct {
	name, key string
	id        string // of the activity, the same for each attempt
	task      int    // the ordinal of the task that it is part of
	attempt   int
}

func (s step) String() string {
	if s.key == "" {
		return s.name
	}
	return s.key + " (" + s.name + ")"
}

// loss is when a worker is lost: at a step, counted from 1.
type loss struct {
	at   int
	when moment
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
func (p *play) step(s step, run func() (any, error)) (any, error) {
	if p.server.Lost() {
		return nil, errLost
	}
	s.task = p.server.Tasks()
	p.steps = append(p.steps, s)
	if p.world != nil {
		p.world.attempt = s.attempt
	}
	if p.loss == nil || p.loss.at != len(p.steps) {
		return p.effect(s, run)
	}
	if p.loss.when == lostBefore {
		p.server.Lose()
		return nil, errLost
	}
	out, err := p.effect(s, run)
	if p.loss.when == lostRecorded {
		p.server.Forget()
	} else {
		p.server.Lose()
	}
	return out, err
}

// effect runs an activity. One of the author's that had its effect before has it
// twice (T-15).
func (p *play) effect(s step, run func() (any, error)) (any, error) {
	out, err := run()
	if err != nil || p.host.own[s.name] {
		return out, err
	}
	if p.ran[s.id] {
		p.world.mu.Lock()
		p.world.problem(problem{kind: RanTwice, name: s.name, text: s.name + " ran twice"})
		p.world.mu.Unlock()
	}
	p.ran[s.id] = true
	return out, err
}

// newPlay sets the scene; earlier is the world of a play whose values of Run.Once are
// used again.
func (h *host) newPlay(l *loss, earlier *world) (*play, error) {
	s := h.scenario
	h.server.Reset(s.start)
	w := newWorld(s.catalog, s.renderer, h.server.Now)
	w.script, w.arms = s.sends.clone(), s.arms
	if earlier != nil {
		w.kept = earlier.once
	}
	if err := w.populate(s.people); err != nil {
		return nil, err
	}
	h.play = &play{host: h, world: w, stage: w, server: h.server, loss: l, ran: map[string]bool{}}
	return h.play, nil
}

// run plays the script to its end.
func (p *play) run() error {
	s := p.host.scenario
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
			if err := it.apply(p.stage); err != nil {
				return fmt.Errorf("+%s, %s: %w", it.at, it.what, err)
			}
		case timed:
			p.server.Ring()
		case released, nothing:
		}
	}
}

type kind int

const (
	nothing kind = iota
	scripted
	released
	timed
)

// next is what happens next: of one instant the script first, timers last, as an
// event that comes at a deadline is still in time (J-126).
func (p *play) next(items []item) (at time.Time, what kind, err error) {
	earlier := func(t time.Time, k kind) {
		if what == nothing || t.Before(at) {
			at, what = t, k
		}
	}
	if len(items) > 0 {
		earlier(p.host.scenario.start.Add(items[0].at), scripted)
	}
	t, more, err := p.stage.release()
	if more {
		earlier(t, released)
	}
	if t, ok := p.server.Next(); ok {
		earlier(t, timed)
	}
	return at, what, err
}

// settle lets the worker work until it has nothing to do at this instant.
func (p *play) settle() error {
	for p.down == 0 {
		if _, _, err := p.stage.release(); err != nil {
			return err
		}
		told, err := p.stage.take()
		if err != nil {
			return err
		}
		for _, m := range told {
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
		if runID != "" && p.loss == nil {
			t := p.host.watcher.trace(runID)
			t.marks = append(t.marks, len(t.calls))
		}
	}
	return nil
}

// deliver tells Temporal what a row of the outbox says.
func (p *play) deliver(m message) error {
	var input any
	switch m.kind {
	case tellStart:
		input = m.enrollment
	case tellDwell:
		input = m.dwell
	case tellSignal:
		input = contract.WaitSignal{WaitID: m.waitID, EventID: m.eventID}
	case tellCancel:
		p.server.Cancel(m.workflowID)
		return nil
	}
	payloads, err := payload(input)
	if err != nil {
		return err
	}
	if m.kind == tellSignal {
		p.server.Signal(m.workflowID, m.what, payloads)
		return nil
	}
	p.server.Start(m.workflowID, m.what, payloads, nil)
	return nil
}

func payload(value any) (*commonpb.Payloads, error) {
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	return payloads, nil
}

// check are the problems of a world at the end of a script (T-9).
func (p *play) check() []problem {
	found := append([]problem(nil), p.world.problems...)
	for _, wt := range p.world.waits {
		if n := wt.enrollment; wt.status == contract.WaitOpen && wt.deadline == nil && n.isLive() && p.host.scenario.end == nil {
			found = append(found, problem{kind: OpenWait, name: n.journeyID, text: fmt.Sprintf("%s of %s still waits at %s for %s, without a deadline",
				n.journeyID, n.person.name(), wt.label, wt.events())})
		}
	}
	w := p.host.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.waste {
		found = append(found, problem{kind: DiscardedError, name: d.journey, text: fmt.Sprintf("%s takes no notice of the error of %s at %s: %s", d.journey, d.method, d.place, d.err)})
	}
	return found
}
