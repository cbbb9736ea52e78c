// Package workflows holds the durable control flow: deterministic code only. What
// touches the world is asked of the activities by name.
package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// JourneyResult is how a journey's workflow ended (J-70).
type JourneyResult struct {
	StateID string                    `json:"stateId"`
	Status  contract.EnrollmentStatus `json:"status"`
}

// Journey is the workflow function of one journey, registered under
// contract.JourneyType for its id and each alias. Its input is the enrollment id alone
// (J-50). A panic of the author's blocks the workflow task until a corrected binary
// is deployed; it never fails the enrollment (J-95).
func Journey(j hogsend.Journey) func(workflow.Context, string) (JourneyResult, error) {
	return func(ctx workflow.Context, enrollmentID string) (JourneyResult, error) {
		run := &journeyRun{
			root:         ctx,
			enrollmentID: enrollmentID,
			journeyID:    j.ID,
			firstID:      append(j.Aliases[:len(j.Aliases):len(j.Aliases)], j.ID)[0],
			trigger:      j.Trigger.Conditions,
			node:         nodeStart,
			status:       contract.EnrollmentActive,
			counts:       map[string]int{},
			sendLabels:   map[string]bool{},
			waits:        map[string]*openWait{},
			early:        map[string]bool{},
		}
		if err := workflow.SetQueryHandler(ctx, contract.QueryState, run.state); err != nil {
			return JourneyResult{}, fmt.Errorf("register state query: %w", err)
		}
		claimed, err := run.setup()
		if err != nil || !claimed {
			return JourneyResult{StateID: enrollmentID, Status: run.status}, err
		}
		return run.finish(j.Run(run.root, run))
	}
}

// journeyRun is one enrollment under way; it implements hogsend.Run. All of it
// lives in one workflow, whose coroutines never run at the same time.
type journeyRun struct {
	root         workflow.Context
	enrollmentID string
	journeyID    string
	firstID      string // the first alias, or else the id: a rename keeps it (J-142)
	trigger      []hogsend.Condition
	claim        contract.Claim
	logger       log.Logger

	// mark is where waits look back to (J-117). It moves no more once calls of several
	// coroutines were under way at one instant (J-159).
	mark     contract.EventPosition
	underway int // calls
	several  bool
	// listening says that signals are received.
	listening bool
	// ended is set once the enrollment is known to be terminal.
	ended bool
	// left is set by Run.Exit: the author's own exit completes the workflow.
	left bool

	counts     map[string]int  // step keys, by name (J-116)
	sendLabels map[string]bool // labels of sends used so far

	opened int                  // waits that have no outcome yet
	waits  map[string]*openWait // by wait id
	early  map[string]bool      // signals that came before their wait was known

	node    string
	status  contract.EnrollmentStatus
	waiting *waitingFor
	paused  int // effects that a pause holds
	steps   int
}

var _ hogsend.Run = (*journeyRun)(nil)

const nodeStart = "start"

// setup claims the enrollment for this workflow and starts listening for signals.
// It reports false when the row is terminal or another run's: nothing is to be done
// then, and nothing is changed (J-54, J-55).
func (r *journeyRun) setup() (claimed bool, err error) {
	request := contract.ClaimRequest{EnrollmentID: r.enrollmentID, FirstRunID: workflow.GetInfo(r.root).FirstRunID}
	if err := r.local(r.root, contract.ClaimEnrollmentName, "claim", request, &r.claim); err != nil {
		return false, err
	}
	if !r.claim.Claimed {
		r.status = r.claim.Status
		return false, nil
	}
	for r.claim.Held != nil {
		if err := r.heldEntry(request); err != nil || !r.claim.Claimed {
			return false, err
		}
	}
	r.mark = r.claim.Now
	r.root = withLogFields(r.root, "enrollment_id", r.enrollmentID, "journey_id", r.journeyID, "contact_id", r.claim.ContactID)
	r.logger = workflow.GetLogger(r.root)
	r.listen()
	return true, nil
}

// heldEntry waits until an entry that a pause holds is released, and claims it again: it may
// be held anew, or have ended (J-168).
func (r *journeyRun) heldEntry(request contract.ClaimRequest) error {
	held := *r.claim.Held
	leave := r.standAt(held.Node, []string{}, nil)
	r.listen()
	err := r.await(r.root, held.Node, contract.WaitState{WaitID: held.ID})
	leave()
	if err != nil {
		return err
	}
	r.claim = contract.Claim{}
	if err := r.local(r.root, contract.ClaimEnrollmentName, "claim", request, &r.claim); err != nil {
		return err
	}
	r.node, r.status = nodeStart, contract.EnrollmentActive
	if !r.claim.Claimed {
		r.status = r.claim.Status
	}
	return nil
}

// listen starts to listen for signals, once.
func (r *journeyRun) listen() {
	if r.listening {
		return
	}
	r.listening = true
	signals := workflow.GetSignalChannel(r.root, contract.SignalWait)
	// Disconnected, because a cancel must not stop signals from being drained.
	listening, _ := workflow.NewDisconnectedContext(r.root)
	workflow.GoNamed(listening, "signals", func(ctx workflow.Context) {
		for {
			var signal contract.WaitSignal
			signals.Receive(ctx, &signal)
			r.receive(signal)
		}
	})
}

// finish records how the author's function ended. The first terminal state
// committed stands, whoever wrote it (J-65, J-68, J-69).
func (r *journeyRun) finish(outcome error) (JourneyResult, error) {
	request := contract.FinishRequest{EnrollmentID: r.enrollmentID, Status: contract.EnrollmentCompleted}
	switch {
	case r.canceled():
		request.Status, request.Reason = contract.EnrollmentExited, contract.ExitCanceled
	case errors.Is(outcome, hogsend.ErrExited):
		request.Status, request.Reason = contract.EnrollmentExited, contract.ExitCode
	case outcome != nil:
		request.Status, request.Error = contract.EnrollmentFailed, outcome.Error()
	}
	outside := r.ended && !r.left // an exit that somebody else committed
	var stands contract.Finish
	if err := r.local(r.root, contract.FinishEnrollmentName, "finish", request, &stands); err != nil {
		return JourneyResult{}, err
	}
	if outcome != nil && stands.Status != request.Status {
		r.logger.Warn("journey returned an error after its enrollment had ended", "status", stands.Status, "error", outcome)
	}
	r.status, r.ended = stands.Status, true
	result := JourneyResult{StateID: r.enrollmentID, Status: stands.Status}
	switch {
	case stands.Status == contract.EnrollmentFailed:
		// The text is in Postgres: what an author writes into an error may be personal.
		return result, temporal.NewNonRetryableApplicationError("journey failed; see the enrollment's error", "JourneyFailed", nil, r.enrollmentID)
	case stands.Status == contract.EnrollmentExited && !r.left && (outside || r.canceled() || request.Status != contract.EnrollmentExited):
		return result, temporal.NewCanceledError()
	}
	return result, nil
}

// canceled reports that the workflow itself was canceled, as opposed to a context
// that the author made and canceled.
func (r *journeyRun) canceled() bool { return r.root.Err() != nil }

// closed says why an effect or wait with ctx must not begin: the enrollment has
// ended (J-77), or the author canceled the context himself (J-119). nil means that
// it may.
func (r *journeyRun) closed(ctx workflow.Context) error {
	if r.ended || r.canceled() {
		return hogsend.ErrExited
	}
	return ctx.Err()
}

// end notes that the enrollment was found to be over.
func (r *journeyRun) end() error {
	r.ended = true
	return hogsend.ErrExited
}

const (
	// localTimeout bounds one attempt of a database touch.
	localTimeout = 10 * time.Second
	// forEver bounds all attempts together, because local activities need a bound:
	// they are to be retried until the database is back (J-93).
	forEver = 100 * 365 * 24 * time.Hour
)

func transientRetries() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}
}

// local runs a database touch as a local activity. What was begun is finished and
// recorded, also when the workflow is canceled meanwhile (J-85).
func (r *journeyRun) local(ctx workflow.Context, activity, label string, request, result any) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: localTimeout, ScheduleToCloseTimeout: forEver, RetryPolicy: transientRetries(), Summary: contract.Summary(label),
	})
	defer r.open()()
	return authorError(workflow.ExecuteLocalActivity(ctx, activity, request).Get(ctx, result))
}
