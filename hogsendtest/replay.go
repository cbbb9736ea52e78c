package hogsendtest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/virtual"
	"github.com/hogsend/hogsend/workflows"
)

// replays is how often each prefix of a history is replayed (T-12).
const replays = 5

// replay replays every prefix of every history, and compares what the code asks for
// with what it asked for when the history was made.
func (h *harness) replay(histories []virtual.History) error {
	w := newWatcher()
	bubbled, err := newReplayer(w, h.scenario, nil)
	if err != nil {
		return err
	}
	free, err := newReplayer(w, h.scenario, virtual.NewProgress())
	if err != nil {
		return err
	}
	once := func(replayer *replayer) error {
		for _, history := range histories {
			for i, prefix := range prefixes(history.Events) {
				if err := h.replayOnce(replayer, w, history, i, prefix); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for i := range replays {
		if t := testingT(h.scenario.t); t != nil && i < len(otherTimes()) {
			synctest.Test(t, func(*testing.T) {
				time.Sleep(otherTimes()[i]) //nolint:forbidigo // in a bubble that takes no time
				err = once(bubbled)
			})
		} else {
			err = once(free)
		}
		if err != nil {
			return err
		}
	}
	if err := h.replayWhole(free, w, histories); err != nil {
		return err
	}
	if len(w.bare) > 0 {
		return fmt.Errorf("a method of Run was called by a goroutine of its own; use workflow.Go:\n%s", list(w.bare))
	}
	return nil
}

// chances is how often the histories of a workflow type are replayed as a whole: the
// range over a map of two goes the other way only one time in eight.
const chances = 64

func (h *harness) replayWhole(replayer *replayer, w *watcher, histories []virtual.History) error {
	kinds := map[string]int{}
	for _, history := range histories {
		kinds[history.Type]++
	}
	for _, history := range histories {
		all := prefixes(history.Events)
		if len(all) == 0 {
			continue
		}
		for range chances / kinds[history.Type] {
			if err := h.replayOnce(replayer, w, history, len(all)-1, all[len(all)-1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// otherTimes are when some of the replays take place, for code that asks what time it
// is: counted from the midnight of 2000-01-01, at which the clock of a bubble starts.
func otherTimes() []time.Duration {
	return []time.Duration{0, 40*365*hogsend.Day + 11*time.Hour + 17*time.Minute + 31*time.Second}
}

// testingT is the test behind t, if there is one: a T that wraps a *testing.T may give
// it away by a method Testing.
func testingT(t T) *testing.T {
	switch t := t.(type) {
	case *testing.T:
		return t
	case interface{ Testing() *testing.T }:
		return t.Testing()
	}
	return nil
}

// replayOnce replays a history up to what its nth workflow task asked for.
func (h *harness) replayOnce(replayer *replayer, w *watcher, history virtual.History, n int, prefix []*historypb.HistoryEvent) error {
	recorded := h.watcher.trace(history.RunID)
	err := replayer.replay(history.RunID, prefix)
	if difference := compare(recorded, recorded.marks[n], w.trace(history.RunID)); difference != "" {
		return fmt.Errorf("%s asks for something else than it did when it ran, so it would be stuck after a restart:\n%s", history.Type, difference)
	}
	if err != nil {
		return fmt.Errorf("%s does not replay: %w", history.Type, err)
	}
	return nil
}

// replayer replays histories.
type replayer struct {
	sdk worker.WorkflowReplayer
	// progress says whether the code goes on; nil in a bubble, where the SDK's own timer
	// knows, since its time stands still as long as anything does.
	progress *virtual.Progress
}

func newReplayer(w *watcher, s *Scenario, progress *virtual.Progress) (*replayer, error) {
	interceptors := []interceptor.WorkerInterceptor{w, workflows.LogFields()}
	if progress != nil {
		interceptors = append(interceptors, progress.Interceptor())
	}
	sdk, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DisableRegistrationAliasing: true, Interceptors: interceptors, DisableDeadlockDetection: progress != nil,
	})
	if err != nil {
		return nil, fmt.Errorf("make replayer: %w", err)
	}
	registerWorkflows(sdk, w, s.journeys, s.workflows)
	return &replayer{sdk: sdk, progress: progress}, nil
}

func (r *replayer) replay(runID string, events []*historypb.HistoryEvent) error {
	history := &historypb.History{Events: events}
	if r.progress == nil {
		return r.sdk.ReplayWorkflowHistory(silent(), history)
	}
	done := make(chan error, 1)
	go func() { done <- r.sdk.ReplayWorkflowHistory(silent(), history) }()
	var err error
	if !r.progress.Await(patience, func(tick <-chan time.Time) bool {
		select {
		case err = <-done:
			return true
		case <-tick:
			return false
		}
	}) {
		return fmt.Errorf("its code is blocked, or computes without end:\n%s", virtual.Stacks(runID))
	}
	return err
}

// compare finds the first call that differs from those recorded; "" for none.
func compare(recorded *trace, length int, replayed *trace) string {
	for i := range max(length, len(replayed.calls)) {
		was, is := "nothing more", "nothing more"
		if i < length {
			was = recorded.calls[i].String()
		}
		if i < len(replayed.calls) {
			is = replayed.calls[i].String()
		}
		if i < length && i < len(replayed.calls) && recorded.calls[i].what == replayed.calls[i].what && recorded.calls[i].detail == replayed.calls[i].detail {
			continue
		}
		return fmt.Sprintf("  step %d\n  recorded: %s\n  asked for: %s", i+1, was, is)
	}
	return ""
}
