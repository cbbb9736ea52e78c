package hogsendtest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/hogsendtest/internal/memory"
	"github.com/hogsend/hogsend/internal/virtual"
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
