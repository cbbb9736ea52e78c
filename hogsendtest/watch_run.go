package hogsendtest

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// watch makes a journey whose calls of Run are seen: where they are made, by which
// goroutine, and what becomes of their errors. It does the same as the journey.
func (w *watcher) watch(j hogsend.Journey) hogsend.Journey {
	run := j.Run
	j.Run = func(ctx workflow.Context, r hogsend.Run) error {
		watched := &watchedRun{Run: r, watcher: w, trace: w.trace(workflow.GetInfo(ctx).WorkflowExecution.RunID)}
		outcome := run(ctx, watched)
		watched.judge(j.ID, outcome)
		return outcome
	}
	return j
}

// watchedRun passes every call on.
type watchedRun struct {
	hogsend.Run
	watcher *watcher
	trace   *trace
	failed  []failedCall
}

type failedCall struct {
	method, place, file string
	line                int
	err                 error
}

// enter notes the place of a call, and ends a goroutine that must not make any: what
// it does would be done in another order by every replay.
func (r *watchedRun) enter() {
	place, _, _ := caller(2)
	if !inWorkflow() {
		r.watcher.mu.Lock()
		if !slices.Contains(r.watcher.bare, place) {
			r.watcher.bare = append(r.watcher.bare, place)
		}
		r.watcher.mu.Unlock()
		runtime.Goexit()
	}
	r.trace.place = place
}

func (r *watchedRun) leave(method string, err error) error {
	if err != nil {
		place, file, line := caller(2)
		r.failed = append(r.failed, failedCall{method: method, place: place, file: file, line: line, err: err})
	}
	return err
}

// judge finds the errors that were discarded, now that the journey has returned: the
// end of the enrollment that was not returned, and any error whose code throws it
// away (T-26).
func (r *watchedRun) judge(journeyID string, outcome error) {
	for _, f := range r.failed {
		if errors.Is(outcome, f.err) {
			continue
		}
		exited := errors.Is(f.err, hogsend.ErrExited) && !errors.Is(outcome, hogsend.ErrExited)
		if !exited && !throwsAway(f.file, f.line) {
			continue
		}
		r.watcher.mu.Lock()
		r.watcher.waste = append(r.watcher.waste, discarded{journey: journeyID, method: f.method, place: f.place, err: f.err})
		r.watcher.mu.Unlock()
	}
}

func (r *watchedRun) Contact(ctx workflow.Context) (hogsend.Contact, error) {
	r.enter()
	c, err := r.Run.Contact(ctx)
	return c, r.leave("Contact", err)
}

func (r *watchedRun) Sleep(ctx workflow.Context, d time.Duration, label ...string) error {
	r.enter()
	return r.leave("Sleep", r.Run.Sleep(ctx, d, label...))
}

func (r *watchedRun) SleepUntil(ctx workflow.Context, t time.Time, label ...string) error {
	r.enter()
	return r.leave("SleepUntil", r.Run.SleepUntil(ctx, t, label...))
}

func (r *watchedRun) WaitForEvent(ctx workflow.Context, wait hogsend.Wait) (*hogsend.StoredEvent, error) {
	r.enter()
	e, err := r.Run.WaitForEvent(ctx, wait)
	return e, r.leave("WaitForEvent", err)
}

func (r *watchedRun) WaitForAny(ctx workflow.Context, of hogsend.AnyOf) (hogsend.Outcome, error) {
	r.enter()
	o, err := r.Run.WaitForAny(ctx, of)
	return o, r.leave("WaitForAny", err)
}

func (r *watchedRun) Send(ctx workflow.Context, mail hogsend.Email) (hogsend.Verdict, error) {
	r.enter()
	v, err := r.Run.Send(ctx, mail)
	return v, r.leave("Send", err)
}

func (r *watchedRun) Trigger(ctx workflow.Context, event hogsend.TriggerEvent) error {
	r.enter()
	return r.leave("Trigger", r.Run.Trigger(ctx, event))
}

func (r *watchedRun) Do(ctx workflow.Context, call hogsend.Call, out any) error {
	r.enter()
	return r.leave("Do", r.Run.Do(ctx, call, out))
}

func (r *watchedRun) Checkpoint(ctx workflow.Context, label string) error {
	r.enter()
	return r.leave("Checkpoint", r.Run.Checkpoint(ctx, label))
}

func (r *watchedRun) Once(ctx workflow.Context, label string, out any, fn func() (any, error)) error {
	r.enter()
	return r.leave("Once", r.Run.Once(ctx, label, out, fn))
}

func (r *watchedRun) IsSubscribed(ctx workflow.Context, category ...string) (bool, error) {
	r.enter()
	on, err := r.Run.IsSubscribed(ctx, category...)
	return on, r.leave("IsSubscribed", err)
}

func (r *watchedRun) Matches(ctx workflow.Context, condition hogsend.Condition) (bool, error) {
	r.enter()
	holds, err := r.Run.Matches(ctx, condition)
	return holds, r.leave("Matches", err)
}

func (r *watchedRun) InBucket(ctx workflow.Context, bucketID string) (bool, error) {
	r.enter()
	in, err := r.Run.InBucket(ctx, bucketID)
	return in, r.leave("InBucket", err)
}

func (r *watchedRun) Exit(ctx workflow.Context, reason string) error {
	r.enter()
	return r.leave("Exit", r.Run.Exit(ctx, reason))
}

func (r *watchedRun) Identify(ctx workflow.Context, properties hogsend.Properties) error {
	r.enter()
	return r.leave("Identify", r.Run.Identify(ctx, properties))
}

func (r *watchedRun) Capture(ctx workflow.Context, event string, properties hogsend.Properties) error {
	r.enter()
	return r.leave("Capture", r.Run.Capture(ctx, event, properties))
}

func (r *watchedRun) When(ctx workflow.Context) hogsend.When {
	r.enter()
	return r.Run.When(ctx)
}

func (r *watchedRun) Timezone(ctx workflow.Context) (hogsend.Zone, error) {
	r.enter()
	zone, err := r.Run.Timezone(ctx)
	return zone, r.leave("Timezone", err)
}

func (r *watchedRun) Variant(ctx workflow.Context, name string, arms ...hogsend.Arm) (string, error) {
	r.enter()
	arm, err := r.Run.Variant(ctx, name, arms...)
	return arm, r.leave("Variant", err)
}

func (r *watchedRun) Throttle(ctx workflow.Context, throttle hogsend.Throttle) (bool, error) {
	r.enter()
	allowed, err := r.Run.Throttle(ctx, throttle)
	return allowed, r.leave("Throttle", err)
}

func (r *watchedRun) Digest(ctx workflow.Context, digest hogsend.Digest) (hogsend.Collected, error) {
	r.enter()
	c, err := r.Run.Digest(ctx, digest)
	return c, r.leave("Digest", err)
}

func (r *watchedRun) Version(ctx workflow.Context, change string, newest int) int {
	r.enter()
	return r.Run.Version(ctx, change, newest)
}

func (r *watchedRun) History() hogsend.History { return watchedHistory{r} }

// watchedHistory passes every question on.
type watchedHistory struct{ run *watchedRun }

func (h watchedHistory) Event(ctx workflow.Context, name string, within time.Duration) (hogsend.PastEvents, error) {
	h.run.enter()
	past, err := h.run.Run.History().Event(ctx, name, within)
	return past, h.run.leave("History().Event", err)
}

func (h watchedHistory) Journey(ctx workflow.Context, id string) (hogsend.PastEntries, error) {
	h.run.enter()
	past, err := h.run.Run.History().Journey(ctx, id)
	return past, h.run.leave("History().Journey", err)
}

func (h watchedHistory) Email(ctx workflow.Context, template string) (hogsend.PastMails, error) {
	h.run.enter()
	past, err := h.run.Run.History().Email(ctx, template)
	return past, h.run.leave("History().Email", err)
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
