package hogsendtest

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/hogsendtest/internal/memory"
	"github.com/hogsend/hogsend/internal/calls"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/virtual"
	"github.com/hogsend/hogsend/workflows"
)

// Run plays the script in virtual time, on the very code that a worker runs, and
// fails the test for what is wrong with it. Unless Quick was called it then replays
// the histories it made, and plays the script again with the worker lost at every
// step (T-14).
func (s *Scenario) Run() *Result {
	s.t.Helper()
	return s.runOn(s.inMemory, true)
}

// RunOn plays the script on another backend than memory; package onpostgres has one. It
// replays the histories as Run does, but does not lose the worker.
func (s *Scenario) RunOn(open backend.Open) *Result {
	s.t.Helper()
	return s.runOn(open, false)
}

func (s *Scenario) runOn(open backend.Open, crashes bool) *Result {
	s.t.Helper()
	h, err := newHarness(s, open)
	if err != nil {
		s.fail("%s", err)
	}
	defer h.stop()
	first, o, err := h.play(nil, nil)
	if err != nil {
		s.fail("%s", explain(err))
	}
	result, err := newResult(s, o, first.calls, h.server.Now())
	if err != nil {
		s.fail("%s", err)
	}
	if bare := h.watcher.bare; len(bare) > 0 {
		s.fail("a method of Run was called by a goroutine of its own, which replays in another order; use workflow.Go:\n%s", list(bare))
	}
	problems := slices.Concat(s.problems, first.check(), s.mistakes(o, h.heard))
	if lines := s.refused(problems); len(lines) > 0 {
		s.fail("the script is not clean; Allow lets it be so:\n%s", list(lines))
	}
	histories := h.server.Histories()
	result.stored = storedHistories(h, histories)
	if s.quick {
		s.t.Logf("hogsendtest: quick, without replay and crash mode")
		return result
	}
	if err := h.replay(histories); err != nil {
		s.fail("replay mode: %s", err)
	}
	if crashes {
		if err := h.crash(first, o); err != nil {
			s.fail("crash mode: %s", err)
		}
	}
	return result
}

// inMemory opens the backend that scripts are played on.
func (s *Scenario) inMemory(setting backend.Setting) (backend.Backend, error) {
	return memory.New(memory.Config{Setting: setting, Renderer: s.renderer, Arms: s.arms})
}

// explain says what failed and where.
func explain(err error) string {
	var failed *virtual.TaskError
	if errors.As(err, &failed) {
		return fmt.Sprintf("the code of %s failed: %s\n%s", failed.WorkflowType, failed.Message, failed.Stack)
	}
	return err.Error()
}

func newHarness(s *Scenario, open backend.Open) (*harness, error) {
	h := &harness{scenario: s, open: open, server: virtual.NewServer(s.start), watcher: newWatcher(), own: map[string]bool{}, heard: newListeners(s)}
	h.watcher.asked = h.heard.asked
	h.server.TaskTimeout, h.watcher.order.progress = patience, h.server.Progress
	h.watcher.lost, h.watcher.now = h.server.Crashed, h.server.Now
	h.watcher.activity = func(s step, run func() (any, error)) (any, error) { return h.playback.step(s, run) }
	h.runner = &calls.Runner{Activities: s.activities, Begin: h.beginCall, Enter: h.enterCall}
	c, err := h.server.Client(silent())
	if err != nil {
		return nil, err
	}
	if _, err := h.newPlayback(nil); err != nil { // its activities say what there is to register
		return nil, err
	}
	h.worker, err = h.server.StartWorker(c, []interceptor.WorkerInterceptor{h.watcher, workflows.LogFields(), workflows.CallHeaders(), h.runner.Interceptor()}, h.register)
	return h, err
}

// register registers what a worker does (T-1).
func (h *harness) register(r worker.Registry) {
	registerWorkflows(r, h.watcher, h.scenario.journeys, h.scenario.workflows)
	for name, fn := range h.playback.activities {
		r.RegisterActivityWithOptions(h.forward(name, fn), activity.RegisterOptions{Name: name})
		h.own[name] = true
	}
	r.RegisterActivityWithOptions(h.checkCall, activity.RegisterOptions{Name: contract.CheckCallName})
	h.own[contract.CheckCallName] = true
	for name, fn := range h.scenario.activities {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}
