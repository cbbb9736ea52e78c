package hogsendtest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
)

func newCallLog() *callLog { return &callLog{inputs: map[string]any{}, keys: map[string]bool{}} }

func (l *callLog) input(key string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.inputs[key]; !known && len(args) > 0 {
		l.inputs[key] = args[0]
	}
}

func (l *callLog) ask(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[key] = true
}

func (l *callLog) asked(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[key]
}

func (h *harness) beginCall(ctx context.Context, r contract.BeginCallRequest) (contract.CallBegin, error) {
	begin, ok := h.playback.activities[contract.BeginCallName].(func(context.Context, contract.BeginCallRequest) (contract.CallBegin, error))
	if !ok {
		return contract.CallBegin{}, fmt.Errorf("the backend has no %s", contract.BeginCallName)
	}
	return begin(ctx, r)
}

// enterCall makes the context of an activity tell whether it asks for its step.
func (h *harness) enterCall(ctx context.Context, step hogsend.Step) context.Context {
	return asking{Context: ctx, tell: func() { h.playback.calls.ask(step.Key) }}
}

// asking is a context that tells when somebody asks it for the step of a call.
type asking struct {
	context.Context //nolint:containedctx // it is one
	tell            func()
}

func (a asking) Value(key any) any {
	value := a.Context.Value(key)
	if _, ok := value.(hogsend.Step); ok {
		a.tell()
	}
	return value
}

// checkCall checks a call as a worker does, and notes an activity that is not there.
func (h *harness) checkCall(ctx context.Context, r contract.CheckCallRequest) error {
	err := h.runner.Check(ctx, r)
	if _, known := h.runner.Activities[r.Activity]; !known {
		h.problem(problem{kind: UnknownActivity, name: r.Activity, text: fmt.Sprintf("no activity %s: call s.Activity", r.Activity)})
	}
	return err
}

// readCalls reads the calls off the step logs.
func (r *Result) readCalls(o *backend.Outcome, seen *callLog) error {
	for i := range o.StepLogs {
		row := &o.StepLogs[i]
		if row.Action != "called" {
			continue
		}
		var detail struct {
			Activity string               `json:"activity"`
			Attempts int                  `json:"attempts"`
			Outcome  contract.CallOutcome `json:"outcome"`
		}
		if err := json.Unmarshal(row.Detail, &detail); err != nil {
			return fmt.Errorf("read step log: %w", err)
		}
		key := row.EnrollmentID + ":" + row.Key
		call := Call{
			At: row.At, Contact: row.Contact, Journey: row.Journey, Activity: detail.Activity, Key: key, Attempts: detail.Attempts,
			Failed: detail.Outcome == contract.CallFailed, Input: seen.inputs[key],
		}
		r.Calls = append(r.Calls, call)
	}
	return nil
}
