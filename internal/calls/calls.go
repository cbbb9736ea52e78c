// Package calls runs activities of the author's for Run.Do: in a worker and in the test
// kit alike.
package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/naming"
)

// Runner runs activities of the author's for Run.Do. What they are asked for through plain
// Temporal passes untouched (J-164).
type Runner struct {
	// Activities are the author's, by name.
	Activities map[string]any
	// Begin is asked before each attempt whether it may begin.
	Begin func(context.Context, contract.BeginCallRequest) (contract.CallBegin, error)
	// Enter, if not nil, makes the context that the activity runs in.
	Enter func(ctx context.Context, step hogsend.Step) context.Context
}

// Check refuses a call that no attempt can serve (J-163). It is registered under
// contract.CheckCallName.
func (r *Runner) Check(_ context.Context, q contract.CheckCallRequest) error {
	fn, known := r.Activities[q.Activity]
	if !known {
		return refused("activity", "there is no activity %q%s", q.Activity, naming.Suggestion(q.Activity, slices.Sorted(maps.Keys(r.Activities))))
	}
	in := reflect.TypeOf(fn)
	switch {
	case q.Input == nil:
		return nil
	case in.NumIn() < 2:
		return refused("input", "%s takes none", q.Activity)
	}
	if err := json.Unmarshal(q.Input, reflect.New(in.In(1)).Interface()); err != nil {
		return refused("input", "%s cannot take it: %s", q.Activity, err)
	}
	return nil
}

func refused(field, format string, args ...any) error {
	invalid := encryptedValidation{Field: field, Message: fmt.Sprintf(format, args...)}
	return temporal.NewNonRetryableApplicationError("invalid "+field, contract.ErrorTypeValidation, nil, invalid)
}

// Details of failures are encrypted like every other value.
type (
	encryptedValidation hogsend.ValidationError
	encryptedCall       hogsend.CallError
)

func (encryptedValidation) Encrypted() {}
func (encryptedCall) Encrypted()       {}

// Missing stands for activities that this worker does not have. An attempt of Run.Do that
// comes here is none; another worker may have the activity.
func Missing(ctx context.Context, _ converter.EncodedValues) (any, error) {
	return nil, fmt.Errorf("this worker has no activity %q", activity.GetInfo(ctx).ActivityType.Name)
}

// Interceptor is what a worker registers for its calls.
func (r *Runner) Interceptor() interceptor.WorkerInterceptor { return &callInterceptor{runner: r} }

type callInterceptor struct {
	interceptor.WorkerInterceptorBase
	runner *Runner
}

func (i *callInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &callActivity{runner: i.runner}
	in.Next = next
	return in
}

type callActivity struct {
	interceptor.ActivityInboundInterceptorBase
	runner *Runner
}

// HeaderOf is the header of an activity that Run.Do asked for; nil for others.
func HeaderOf(ctx context.Context) *contract.CallHeader {
	payload, ok := interceptor.Header(ctx)[contract.CallField]
	var header contract.CallHeader
	if !ok || converter.GetDefaultDataConverter().FromPayload(payload, &header) != nil {
		return nil
	}
	return &header
}

// ExecuteActivity runs one attempt.
func (i *callActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	header, info := HeaderOf(ctx), activity.GetInfo(ctx)
	if header == nil {
		out, err := i.Next.ExecuteActivity(ctx, in)
		return out, plain(err)
	}
	before := header.Begun + int(info.Attempt) - 1
	void := contract.CallResult{Void: true, Attempts: before}
	if _, known := i.runner.Activities[info.ActivityType.Name]; !known {
		return void, nil
	}
	begin, err := i.runner.Begin(ctx, contract.BeginCallRequest{Step: header.Step, Begun: before})
	switch {
	case err != nil:
		activity.GetLogger(ctx).Warn("attempt of an activity could not begin", "activity", info.ActivityType.Name, "error", err)
		return void, nil
	case begin.Ended, begin.Held != nil:
		return contract.CallResult{Ended: begin.Ended, Held: begin.Held, Attempts: before}, nil
	}
	step := hogsend.Step{
		Key: header.Step.EnrollmentID + ":" + header.Step.Key, EnrollmentID: header.Step.EnrollmentID, JourneyID: header.JourneyID,
		ContactID: header.ContactID, Attempt: before + 1, Retry: begin.Retry,
	}
	running := hogsend.WithStep(ctx, step)
	if i.runner.Enter != nil {
		running = i.runner.Enter(running, step)
	}
	value, err := i.Next.ExecuteActivity(running, in)
	failed := func(reason string) error {
		return temporal.NewNonRetryableApplicationError("activity failed", contract.ErrorTypeCall, nil, encryptedCall{
			Activity: info.ActivityType.Name, Reason: reason, Attempts: step.Attempt,
		})
	}
	switch {
	case err != nil && (isFinal(err) || header.MaxAttempts > 0 && step.Attempt >= header.MaxAttempts):
		return nil, failed(reason(err))
	case err != nil:
		return nil, err
	}
	raw, err := json.Marshal(value)
	switch {
	case err != nil:
		return nil, failed("its result cannot be encoded: " + err.Error())
	case len(raw) > contract.MaxCallBytes:
		return nil, failed(fmt.Sprintf("its result has %d bytes as JSON, more than %d", len(raw), contract.MaxCallBytes))
	}
	return contract.CallResult{Attempts: step.Attempt, Value: raw}, nil
}

func isFinal(err error) bool {
	var failure *temporal.ApplicationError
	return hogsend.IsFinal(err) || errors.As(err, &failure) && failure.NonRetryable()
}

// reason is the text of an error, without what Temporal adds.
func reason(err error) string {
	if failure, ok := err.(*temporal.ApplicationError); ok { //nolint:errorlint // one that is wrapped says more
		return failure.Message()
	}
	return err.Error()
}

// plain lets Final be final for calls through plain Temporal too.
func plain(err error) error {
	var failure *temporal.ApplicationError
	if !hogsend.IsFinal(err) || errors.As(err, &failure) {
		return err
	}
	return temporal.NewNonRetryableApplicationError(err.Error(), "Final", err)
}
