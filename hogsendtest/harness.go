package hogsendtest

import (
	"log/slog"
	"reflect"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/calls"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/virtual"
	"github.com/hogsend/hogsend/workflows"
)

// patience is how long nothing may move in the code of a journey that does not wait
// either (T-10). A machine that is merely busy does not use it up.
const patience = 3 * time.Second

// harness is a worker that plays a script, any number of times.
type harness struct {
	scenario *Scenario
	open     backend.Open
	server   *virtual.Server
	runner   *calls.Runner // of the author's activities
	worker   *virtual.Worker
	watcher  *watcher
	playback *playback // the one that is played
	own      map[string]bool
	heard    *listeners
	problems []problem // of the playback
}

func newHarness(s *Scenario, open backend.Open) (*harness, error) {
	h := &harness{scenario: s, open: open, server: virtual.NewServer(s.start), watcher: newWatcher(), own: map[string]bool{}, heard: newListeners(s)}
	h.watcher.asked = h.heard.asked
	h.server.Patience, h.watcher.order.progress = patience, h.server.Progress
	h.watcher.lost, h.watcher.now = h.server.Lost, h.server.Now
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

func (h *harness) stop() {
	h.server.Close()
	h.watcher.order.close()
	h.worker.Stop()
}

func silent() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// register registers what a worker does (T-1).
func (h *harness) register(r worker.Registry, withWorkflows bool) {
	if withWorkflows {
		registerWorkflows(r, h.watcher, h.scenario.journeys, h.scenario.workflows)
	}
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

// forward is an activity of whichever playback is played: each has a backend of its own.
func (h *harness) forward(name string, like any) any {
	return reflect.MakeFunc(reflect.TypeOf(like), func(args []reflect.Value) []reflect.Value {
		return reflect.ValueOf(h.playback.activities[name]).Call(args)
	}).Interface()
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

// problem notes one of the playback once.
func (h *harness) problem(p problem) {
	for _, known := range h.problems {
		if known == p {
			return
		}
	}
	h.problems = append(h.problems, p)
}
