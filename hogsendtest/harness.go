package hogsendtest

import (
	"log/slog"
	"reflect"
	"sync"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/calls"
	"github.com/hogsend/hogsend/internal/virtual"
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

func (h *harness) stop() {
	h.server.Close()
	h.watcher.order.close()
	h.worker.Stop()
}

func silent() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// forward is an activity of whichever playback is played: each has a backend of its own.
func (h *harness) forward(name string, like any) any {
	return reflect.MakeFunc(reflect.TypeOf(like), func(args []reflect.Value) []reflect.Value {
		return reflect.ValueOf(h.playback.activities[name]).Call(args)
	}).Interface()
}

type workflowRegistry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
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

// playback is one time that a script is played.
type playback struct {
	harness    *harness
	backend    backend.Backend
	activities map[string]any
	server     *virtual.Server
	down       int // outages under way
	steps      []step
	losses     []loss
	played     bool
	ran        map[string]bool // activities of the author's that had their effect
	calls      *callLog
}

// callLog is what a playback sees of calls. Activities run beside the playback.
type callLog struct {
	mu     sync.Mutex
	inputs map[string]any
	keys   map[string]bool // those that an activity asked for
}

// loss is when a worker is lost: at a step, counted from 1.
type loss struct {
	at   int
	when moment
}
