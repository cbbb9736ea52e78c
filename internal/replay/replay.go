// Package replay replays histories of people in flight with the code of this binary,
// and says of each whether they can go on with it.
package replay

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/workflows"
)

// Verdict is what a replay found.
type Verdict string

// The verdicts (T-32, T-34).
const (
	// OK says that the code asks for what was recorded.
	OK Verdict = "ok"
	// Changed says that it asks for the same commands, but that a step which was taken
	// has another label, template or duration now: it stays as it was recorded.
	Changed Verdict = "changed"
	// Broken says that it asks for other commands: the enrollment would be stuck.
	Broken Verdict = "broken"
	// Unreadable says that the history could not be replayed, so that nothing is known.
	Unreadable Verdict = "unreadable"
	// Skipped says that there is nothing to replay: the enrollment has ended, or has
	// not begun.
	Skipped Verdict = "skipped"
	// Pinned says that the person stays on the build that has begun the run.
	Pinned Verdict = "pinned"
)

// Outcome is the verdict over one history and what it rests on.
type Outcome struct {
	Verdict Verdict
	// EventID is the first event of the history that differs; 0 if that is not known.
	EventID int64
	// Difference is said in one line. It carries names and labels, no values.
	Difference string
}

// Config is what a replayer is made of.
type Config struct {
	Registry hogsend.Registry
	// Data opens the payloads. nil reads plain ones, as --save and the test kit write them.
	Data converter.DataConverter
	// Failures opens the failures; nil as for Data.
	Failures converter.FailureConverter
}

// Replayer replays one history at a time; use one for each goroutine.
type Replayer struct {
	data    converter.DataConverter
	sdk     worker.WorkflowReplayer
	watcher *watcher
	types   map[string]bool
}

// New makes a replayer of every journey and reaction of a registry, as a worker
// registers them: those left out by ENABLED_JOURNEYS included, since their people go
// on (J-12).
func New(cfg Config) (*Replayer, error) {
	r := &Replayer{data: cfg.Data, types: map[string]bool{}}
	if r.data == nil {
		r.data = converter.GetDefaultDataConverter()
	}
	r.watcher = &watcher{}
	var err error
	r.sdk, err = worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: r.data, FailureConverter: cfg.Failures, DisableRegistrationAliasing: true,
		Interceptors: []interceptor.WorkerInterceptor{r.watcher, workflows.LogFields()},
	})
	if err != nil {
		return nil, fmt.Errorf("make replayer: %w", err)
	}
	r.register(cfg.Registry)
	return r, nil
}

func (r *Replayer) register(registry hogsend.Registry) {
	add := func(name string, run any) {
		r.types[name] = true
		r.sdk.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: name})
	}
	for _, j := range registry.Journeys {
		run := workflows.Journey(j)
		for _, id := range append([]string{j.ID}, j.Aliases...) {
			add(contract.JourneyType(id), run)
		}
	}
	for _, j := range definition.Reactions(registry) {
		if j.Reaction.Kind == hogsend.ReactionDwell {
			add(j.ID, workflows.Dwell(j))
		} else {
			add(j.ID, workflows.Journey(j))
		}
	}
}

// Knows reports whether a workflow type is in this binary.
func (r *Replayer) Knows(workflowType string) bool { return r.types[workflowType] }

// minEvents are those of a workflow that has taken its first step: started, and a
// task scheduled, started and completed.
const minEvents = 4

// Replay replays a history, which it does not change. One that has come to its end is
// replayed as well (T-18).
func (r *Replayer) Replay(history *historypb.History) Outcome {
	name := TypeOf(history)
	if !r.Knows(name) {
		return Unknown(name)
	}
	parked := park(history)
	if len(parked.Events) < minEvents {
		return Outcome{Verdict: Skipped, Difference: "has not begun"}
	}
	if err := r.readable(parked); err != nil {
		return Outcome{Verdict: Unreadable, Difference: err.Error()}
	}
	err := r.replay(parked)
	for try := 1; err != nil && try < 3 && strings.Contains(err.Error(), deadlock); try++ {
		err = r.replay(parked)
	}
	if err != nil {
		out := Outcome{Verdict: Broken, Difference: reason(err)}
		if d := firstDifference(r.data, parked, r.watcher.steps); d.eventID != 0 {
			out.EventID, out.Difference = d.eventID, d.text
		}
		return out
	}
	if d := changes(r.data, parked, r.watcher.steps); d.eventID != 0 {
		return Outcome{Verdict: Changed, EventID: d.eventID, Difference: d.text}
	}
	return Outcome{Verdict: OK}
}

// Unknown is the outcome of every history of a type that is not in this binary.
func Unknown(workflowType string) Outcome {
	return Outcome{Verdict: Broken, Difference: fmt.Sprintf("workflow type %s is not in this binary", workflowType)}
}

// deadlock is how the SDK calls code that does not yield within a second. On a busy
// machine it may be code that was not let run.
const deadlock = "TMPRL1101"

// replay makes an error of a panic: the code of an author may panic where the SDK
// does not catch it.
func (r *Replayer) replay(history *historypb.History) (err error) {
	r.watcher.reset()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.sdk.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history)
}

// readable reports a payload that cannot be opened: for the code that would look like
// a failure, and so like another way to go on.
func (r *Replayer) readable(history *historypb.History) error {
	return eachPayload(history, func(p *payload) (*payload, error) {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != contract.EncryptedEncoding {
			return p, nil
		}
		var raw json.RawMessage
		return p, r.data.FromPayload(p, &raw)
	})
}

// TypeOf is the workflow type of a history, "" if it has none.
func TypeOf(history *historypb.History) string {
	if len(history.GetEvents()) == 0 {
		return ""
	}
	return history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
}

// Closed reports whether the workflow of a history has ended.
func Closed(history *historypb.History) bool {
	events := history.GetEvents()
	if len(events) == 0 {
		return false
	}
	switch events[len(events)-1].GetEventType() { // the others are not the end
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}

// park cuts off what no code has answered yet: a task that is under way, or was tried
// and failed. What the last completed task asked for stays.
func park(history *historypb.History) *historypb.History {
	events := history.GetEvents()
	if Closed(history) {
		return &historypb.History{Events: events}
	}
	end, task := 0, int64(0)
	for i, e := range events {
		switch {
		case e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			end, task = i+1, e.GetEventId()
		case end == i && task != 0 && TaskOf(e) == task:
			end = i + 1
		}
	}
	return &historypb.History{Events: events[:end:end]}
}

// TaskOf is the completed workflow task that asked for an event; 0 for none. It goes
// by the name of the field, which all events that commands make have in common.
func TaskOf(e *historypb.HistoryEvent) int64 {
	m := e.ProtoReflect()
	attributes := m.WhichOneof(m.Descriptor().Oneofs().ByName("attributes"))
	if attributes == nil {
		return 0
	}
	field := attributes.Message().Fields().ByName("workflow_task_completed_event_id")
	if field == nil {
		return 0
	}
	return m.Get(attributes).Message().Get(field).Int()
}

// longestReason bounds what the SDK says: it prints commands with their inputs.
const longestReason = 200

// reason is the SDK's own word for a difference, without what it dumps of the
// commands.
func reason(err error) string {
	text := err.Error()
	if i := strings.Index(text, "[TMPRL"); i >= 0 {
		text = text[i:]
	}
	text, _, _ = strings.Cut(text, "(")
	text, _, _ = strings.Cut(text, "\n")
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(clip.Short(text, longestReason)), ":"))
}
