// Package virtual is a Temporal service in memory, for one worker and in virtual
// time. It keeps a real history of every workflow, hands out one task at a time, so
// that the same script always runs in the same order, and moves its clock only when
// it is told to.
package virtual

import (
	"slices"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
)

func (e *TaskError) Error() string {
	text := e.WorkflowType + ": " + e.Message
	if e.Stack != "" {
		text += "\n" + e.Stack
	}
	return text
}

// NewServer is a service without workflows whose clock stands at start.
func NewServer(start time.Time) *Server {
	s := &Server{
		TaskTimeout: 3 * time.Second, Progress: NewProgress(), activityTasks: make(chan *activityTask),
		answers: make(chan *answer), closed: make(chan struct{}),
	}
	for i := range s.workflowTasks {
		s.workflowTasks[i] = make(chan *workflowTask)
	}
	s.Reset(start)
	return s
}

// Reset forgets all workflows and sets the clock.
func (s *Server) Reset(start time.Time) {
	for x := range s.holding {
		x.release(nil)
	}
	s.holding = map[*execution]bool{}
	s.now, s.executions, s.ready, s.timers, s.tasks = start, nil, nil, nil, 0
	s.lost.Store(false)
	s.forget.Store(false)
	s.open, s.used = map[string]*execution{}, map[string]bool{}
}

// Close lets the calls of the worker fail from now on.
func (s *Server) Close() { close(s.closed) }

// Now is the virtual time.
func (s *Server) Now() time.Time { return s.now }

// Start starts a workflow and reports whether its id was free: an id is used once.
func (s *Server) Start(id, kind string, input *commonpb.Payloads, memo *commonpb.Memo) bool {
	if s.used[id] {
		return false
	}
	s.begin(&execution{server: s, id: id, runID: uuid.NewString(), kind: kind}, input, func(a *historypb.WorkflowExecutionStartedEventAttributes) {
		a.Memo = memo
	})
	return true
}

// Signal signals an open workflow and reports whether there is one.
func (s *Server) Signal(id, name string, input *commonpb.Payloads) bool {
	x := s.open[id]
	if x != nil {
		x.signal(name, input)
	}
	return x != nil
}

// Cancel asks an open workflow to end and reports whether there is one.
func (s *Server) Cancel(id string) bool {
	x := s.open[id]
	if x != nil {
		x.cancel()
	}
	return x != nil
}

// Idle reports that the worker has nothing to do until the clock moves.
func (s *Server) Idle() bool {
	s.ready = slices.DeleteFunc(s.ready, task.void)
	return len(s.ready) == 0
}

// Step lets the worker do one task; there is nothing to do when Idle. It returns the
// run whose code went on, "" after an activity, and a *TaskError when that failed.
func (s *Server) Step() (runID string, err error) {
	if s.Idle() {
		return "", nil
	}
	next := s.ready[0]
	s.ready = s.ready[1:]
	s.tasks++
	return next.run(s)
}

// Tasks counts those that were handed out since the last Reset.
func (s *Server) Tasks() int { return s.tasks }

// Next is the instant of the next timer; ok is false when there is none.
func (s *Server) Next() (at time.Time, ok bool) {
	if len(s.timers) == 0 {
		return time.Time{}, false
	}
	return s.timers[0].at, true
}

// Advance moves the clock, forward only.
func (s *Server) Advance(to time.Time) {
	if to.After(s.now) {
		s.now = to
	}
}

// FireNext lets the next timer fire if it is due, and reports whether one was.
func (s *Server) FireNext() bool {
	if len(s.timers) == 0 || s.timers[0].at.After(s.now) {
		return false
	}
	t := s.timers[0]
	s.timers = s.timers[1:]
	t.fire()
	return true
}

// CrashWorker kills the worker during the task that is under way: its answer is refused,
// and another worker, which knows nothing, does the task again at once.
func (s *Server) CrashWorker() { s.lost.Store(true) }

// Crashed reports that the worker was lost and its task is still under way: nothing it
// does has any effect.
func (s *Server) Crashed() bool { return s.lost.Load() }

// CrashAfterTask kills the worker once the answer of the task that is under way is recorded.
func (s *Server) CrashAfterTask() { s.forget.Store(true) }

// History is the history of one run of a workflow.
type History struct {
	WorkflowID, RunID, Type string
	Events                  []*historypb.HistoryEvent
	// Closed is false while the workflow is open.
	Closed bool
}

// Histories are those of all runs, in the order in which they began.
func (s *Server) Histories() []History {
	all := make([]History, len(s.executions))
	for i, x := range s.executions {
		all[i] = History{WorkflowID: x.id, RunID: x.runID, Type: x.kind, Events: slices.Clone(x.events), Closed: x.closed}
	}
	return all
}
