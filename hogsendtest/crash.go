package hogsendtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/virtual"
)

// crash plays the script again with the worker lost before each step, after its
// effect and before its recording, and after it. What comes of it must be the same
// (T-14).
func (h *harness) crash(first *playback, undisturbed *backend.Outcome) error {
	want := lines(undisturbed, h.scenario.start)
	var twice []problem
	for _, l := range losses(first.steps) {
		_, o, err := h.play([]loss{l}, undisturbed.Once)
		where := fmt.Sprintf("with the worker lost %s step %d, %s", l.when, l.at, first.steps[l.at-1])
		var failed *virtual.TaskError
		if errors.As(err, &failed) {
			return fmt.Errorf("%s, %s cannot go on: %s", where, failed.WorkflowType, failed.Message)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		for _, again := range h.problems {
			if again.kind == RanTwice {
				again.text += " " + where
				twice = append(twice, again)
			}
		}
		if h.scenario.refused(twice) != nil {
			continue // said below, and what came of it is no wonder
		}
		if difference := differ(want, lines(o, h.scenario.start)); difference != "" {
			return fmt.Errorf("%s, something else comes of it:\n%s", where, difference)
		}
	}
	if lines := h.scenario.refused(twice); len(lines) > 0 {
		return fmt.Errorf("an activity that is not idempotent has its effect twice; Allow(RanTwice, name) says that it is:\n  %s", lines[0])
	}
	return nil
}

// losses are the moments at which a worker can be lost. Steps of one task are
// recorded together: a loss before one of them is one after that before it.
func losses(steps []step) []loss {
	var all []loss
	for i, s := range steps {
		at := i + 1
		if i == 0 || steps[i-1].task != s.task {
			all = append(all, loss{at, lostBefore})
		}
		all = append(all, loss{at, lostAfter})
		if at == len(steps) || steps[at].task != s.task {
			all = append(all, loss{at, lostRecorded})
		}
	}
	return all
}

// differ is the first difference of two outcomes; "" for none.
func differ(want, got []string) string {
	for i := range max(len(want), len(got)) {
		was, is := "nothing more", "nothing more"
		if i < len(want) {
			was = want[i]
		}
		if i < len(got) {
			is = got[i]
		}
		if was != is {
			return strings.Join([]string{"  undisturbed: " + was, "  disturbed:   " + is}, "\n")
		}
	}
	return ""
}
