package virtual

import (
	"errors"
	"sync/atomic"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
)

// parts is how many workers of the SDK a Worker is: each polls a thousand times a second
// at most, for workflow tasks and for activities. A run is always the same part's, which
// keeps its state.
const parts = 4

// Server is the service. Its methods are for one goroutine, which drives it; the
// worker talks to it through Client.
type Server struct {
	// TaskTimeout is how long nothing may move in the worker while it has a task.
	TaskTimeout time.Duration
	// Progress is what moves in the worker.
	Progress *Progress

	now        time.Time
	executions []*execution // in the order in which they began
	open       map[string]*execution
	used       map[string]bool // workflow ids, open or closed
	ready      []task
	timers     []*timer
	count      int // of timers, to keep those of one instant in order

	holding map[*execution]bool // with a call that is held

	// lost says that the worker died during the task that is under way, forget that
	// it dies after it. Both are said by the activity that is under way.
	lost, forget atomic.Bool
	tasks        int

	workflowTasks [parts]chan *workflowTask
	activityTasks chan *activityTask
	answers       chan *answer
	closed        chan struct{}
}

// activity is an activity of a workflow that has no outcome yet.
type activity struct {
	execution *execution
	scheduled int64
	command   *commandpb.ScheduleActivityTaskCommandAttributes
	began     time.Time
	attempt   int32
	retry     *timer
	failure   *failurepb.Failure // of the attempt before
	dropped   bool
}

// activityTask is one attempt of an activity.
type activityTask struct {
	activity *activity
	attempt  int32
}

// answer is what the worker says of its task. Its call returns once the answer was
// applied; that of a workflow task is held until the workflow has another one, which
// it then brings along: the worker polls a thousand times a second at most.
type answer struct {
	request proto.Message
	reply   chan reply
	over    atomic.Bool // the call has returned, or is about to
}

// execution is one run of a workflow.
type execution struct {
	server              *Server
	id, runID, firstRun string
	kind                string
	part                int // of the worker, which has its state
	events              []*historypb.HistoryEvent
	closed              bool

	// scheduled is the event of the workflow task that is to be done; 0 for none.
	scheduled int64
	// previous is the started event of the last task whose answer was recorded; handed
	// is the same, or 0 when the worker that answered was lost: what comes after it is
	// new to the worker.
	previous, handed int64

	timers     map[string]*workflowTimer
	activities map[int64]*activity
	children   []*execution
	parent     *execution
	initiated  int64 // the event of the parent that began this one
	onClose    enumspb.ParentClosePolicy
	canceled   bool
	held       *answer // the call of its last task, which waits for the next one
}

type reply struct {
	err  error
	next *workflowTask
}

// task is something the worker is to do.
type task interface {
	// void reports that it is not to be done any more.
	void() bool
	// run hands it to the worker and applies the answer.
	run(s *Server) (runID string, err error)
}

// workflowTask lets the code of a workflow go on.
type workflowTask struct {
	execution *execution
	scheduled int64
	started   int64
}

// timer is something that time alone brings.
type timer struct {
	at    time.Time
	count int
	fire  func()
}

type workflowTimer struct {
	timer   *timer
	started int64
}

func queue() *taskqueuepb.TaskQueue {
	return &taskqueuepb.TaskQueue{Name: TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
}

// Names that the worker of a Server uses.
const (
	Namespace = "virtual"
	TaskQueue = "virtual"
)

// TaskError is a workflow task that failed: its code panicked, blocked, or asked for
// something else than its history holds. In production the workflow would be blocked
// until other code is deployed (J-95).
type TaskError struct {
	WorkflowID, WorkflowType string
	Message, Stack           string
}

// errGone refuses the answer of a worker that was lost.
func errGone() error {
	return serviceerror.ToStatus(serviceerror.NewNotFound("the task is another worker's now")).Err()
}

var errUnexpected = errors.New("the worker answered another task than it was given")
