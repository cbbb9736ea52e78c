package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// What a call takes unless its author says otherwise, and at most (J-161, J-162).
const (
	defaultCallTimeout = time.Minute
	minCallTimeout     = time.Second
	maxCallTimeout     = time.Hour
)

// Do implements hogsend.Run.
func (r *journeyRun) Do(ctx workflow.Context, call hogsend.Call, out any) error {
	node, input, err := checkedCall(&call, out)
	if err != nil {
		return err
	}
	if err := r.closed(ctx); err != nil {
		return err
	}
	if err := r.local(ctx, contract.CheckCallName, node, contract.CheckCallRequest{Activity: call.Activity, Input: input}, nil); err != nil {
		return err
	}
	name := call.Label
	if name == "" {
		name = call.Activity
	}
	header := contract.CallHeader{
		Step: r.step("do", name, node), JourneyID: r.journeyID, ContactID: r.claim.ContactID, MaxAttempts: call.Retry.MaxAttempts,
	}
	r.node = node
	result, failed := r.attempts(ctx, call, input, &header)
	end := contract.EndCallRequest{Step: header.Step, Activity: call.Activity, Attempts: result.Attempts, Outcome: contract.CallSucceeded}
	var final *hogsend.CallError
	switch {
	case errors.As(failed, &final):
		end.Attempts, end.Outcome = final.Attempts, contract.CallFailed
	case failed != nil && end.Attempts == 0:
		return failed // it has not begun
	case failed != nil:
		end.Outcome = contract.CallFailed
	}
	var effect contract.Effect
	if err := r.local(ctx, contract.EndCallName, node, end, &effect); err != nil {
		return err
	}
	switch {
	case effect.Ended:
		return r.end()
	case failed != nil:
		return failed
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(result.Value, out); err != nil {
		return invalid("out", "cannot hold what %s returned: %s", call.Activity, err)
	}
	return nil
}

// checkedCall checks what the author asked, and says where the enrollment stands meanwhile.
func checkedCall(call *hogsend.Call, out any) (node string, input contract.CallInput, err error) {
	if call.Activity == "" {
		return "", nil, invalid("activity", "is required")
	}
	if err := short("activity", call.Activity); err != nil {
		return "", nil, err
	}
	if node, err = labelOr(call.Label, "do:"+call.Activity); err != nil {
		return "", nil, err
	}
	if call.Timeout == 0 {
		call.Timeout = defaultCallTimeout
	}
	switch most := call.Retry.MaxAttempts; {
	case call.Timeout < minCallTimeout || call.Timeout > maxCallTimeout:
		return "", nil, invalid("timeout", "must be from %s to %s", minCallTimeout, maxCallTimeout)
	case most < 0 || most > math.MaxInt32:
		return "", nil, invalid("retry.maxAttempts", "must not be negative")
	}
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return "", nil, invalid("out", "must be a pointer, or nil")
	}
	if call.Input == nil {
		return node, nil, nil
	}
	raw, err := json.Marshal(call.Input)
	if err != nil {
		return "", nil, invalid("input", "cannot be encoded: %s", err)
	}
	if len(raw) > contract.MaxCallBytes {
		return "", nil, invalid("input", "must have at most %d bytes as JSON", contract.MaxCallBytes)
	}
	return node, contract.CallInput(raw), nil
}

// attempts runs the activity until it succeeds or fails for good. An attempt that was
// none, because the enrollment could not be read or the worker is of a build without the
// activity, is made again and does not count.
func (r *journeyRun) attempts(ctx workflow.Context, call hogsend.Call, input contract.CallInput, header *contract.CallHeader) (contract.CallResult, error) {
	pause := time.Second
	for {
		result, err := r.attempt(ctx, call, input, *header)
		switch {
		case err != nil:
			return result, callError(call, header.Begun, err)
		case result.Ended:
			return result, r.end()
		case result.Held != nil:
			if err := r.hold(ctx, *result.Held); err != nil {
				return result, err
			}
		case !result.Void:
			return result, nil
		default:
			header.Begun = result.Attempts
			if err := r.pause(ctx, pause); err != nil {
				if r.canceled() {
					return result, hogsend.ErrExited
				}
				return result, err
			}
			pause = min(2*pause, time.Minute)
		}
	}
}

// attempt runs one activity of Temporal's, which tries the author's again and again.
func (r *journeyRun) attempt(ctx workflow.Context, call hogsend.Call, input contract.CallInput, header contract.CallHeader) (contract.CallResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // what was begun is finished (J-85)
	retries := transientRetries()
	if header.MaxAttempts > 0 {
		retries.MaximumAttempts = int32(max(1, header.MaxAttempts-header.Begun)) //nolint:gosec // was checked
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: call.Timeout, RetryPolicy: retries, Summary: contract.Summary(header.Step.Node)})
	ctx = workflow.WithValue(ctx, callKey{}, header)
	var args []any
	if input != nil {
		args = append(args, input)
	}
	defer r.open()()
	var result contract.CallResult
	err := workflow.ExecuteActivity(ctx, call.Activity, args...).Get(ctx, &result)
	return result, err
}

// callError is what the author is told of an activity that failed for good.
func callError(call hogsend.Call, begun int, err error) error {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) && failure.Type() == contract.ErrorTypeCall {
		var told hogsend.CallError
		if failure.Details(&told) == nil {
			return &told
		}
	}
	failed := &hogsend.CallError{Activity: call.Activity, Reason: err.Error(), Attempts: max(begun+1, call.Retry.MaxAttempts)}
	var late *temporal.TimeoutError
	var attempt *temporal.ActivityError
	switch {
	case failure != nil:
		failed.Reason = failure.Message()
	case errors.As(err, &late):
		failed.Reason = fmt.Sprintf("timed out after %s", contract.ShortDuration(call.Timeout))
	case errors.As(err, &attempt) && attempt.Unwrap() != nil:
		failed.Reason = attempt.Unwrap().Error() // a panic
	}
	return failed
}
