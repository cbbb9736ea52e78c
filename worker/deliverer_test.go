package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/outbox"
)

// fakeTemporal stands at the dispatcher's seam: it notes down and answers.
type fakeTemporal struct {
	err     error
	calls   []string
	options client.StartWorkflowOptions
	args    []any
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	f.calls = append(f.calls, fmt.Sprintf("start %v", workflow))
	f.options, f.args = options, args
	return nil, f.err
}

func (f *fakeTemporal) SignalWorkflow(_ context.Context, workflowID, runID, signal string, arg any) error {
	f.calls = append(f.calls, fmt.Sprintf("signal %s%s %s", workflowID, runID, signal))
	f.args = []any{arg}
	return f.err
}

func (f *fakeTemporal) CancelWorkflow(_ context.Context, workflowID, runID string) error {
	f.calls = append(f.calls, fmt.Sprintf("cancel %s%s", workflowID, runID))
	return f.err
}

func row(t *testing.T, kind contract.OutboxKind, payload any) outbox.Row {
	t.Helper()
	body, err := json.Marshal(payload)
	require.NoError(t, err)
	return outbox.Row{ID: uuid.New(), OrderingKey: uuid.New(), Kind: kind, Payload: body}
}

func startRow(t *testing.T) outbox.Row {
	return row(t, contract.OutboxStart, contract.StartPayload{
		WorkflowID: "journey-welcome/c/1", WorkflowType: "journey-welcome", EnrollmentID: "e", JourneyID: "welcome", ContactID: "c",
	})
}

func signalRow(t *testing.T) outbox.Row {
	return row(t, contract.OutboxSignal, contract.SignalPayload{WorkflowID: "w", Signal: contract.SignalWait, WaitID: "wait", EventID: "event"})
}

func cancelRow(t *testing.T) outbox.Row {
	return row(t, contract.OutboxCancel, contract.CancelPayload{WorkflowID: "w"})
}

// I-24, J-50, J-53, J-56, J-148.
func TestAStartIsIdempotentAndCarriesIdsOnly(t *testing.T) {
	t.Parallel()
	f := &fakeTemporal{}
	require.NoError(t, temporalDeliverer{client: f, taskQueue: "queue"}.Deliver(t.Context(), startRow(t)))
	require.Equal(t, []string{"start journey-welcome"}, f.calls)
	require.Equal(t, []any{"e"}, f.args)
	require.Equal(t, client.StartWorkflowOptions{
		ID:                                       "journey-welcome/c/1",
		TaskQueue:                                "queue",
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         true,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword("HogsendJourney").ValueSet("welcome"),
			temporal.NewSearchAttributeKeyKeyword("HogsendContact").ValueSet("c")),
		Memo: map[string]any{"enrollmentId": "e"},
	}, f.options)
}

// E-27: a workflow of no enrollment has its id for good, and no journey to be found by.
func TestARunOfNoEnrollmentStartsOnce(t *testing.T) {
	t.Parallel()
	r := row(t, contract.OutboxRun, contract.RunPayload{WorkflowID: contract.SendWorkflowID("s1"), WorkflowType: contract.SendType, ID: "s1"})
	for _, err := range []error{nil, serviceerror.NewWorkflowExecutionAlreadyStarted("started", "", "")} {
		f := &fakeTemporal{err: err}
		require.NoError(t, temporalDeliverer{client: f, taskQueue: "queue"}.Deliver(t.Context(), r))
		require.Equal(t, []string{"start hogsend-send"}, f.calls)
		require.Equal(t, []any{"s1"}, f.args)
		require.Equal(t, client.StartWorkflowOptions{
			ID:                                       "send-s1",
			TaskQueue:                                "queue",
			WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
			WorkflowExecutionErrorWhenAlreadyStarted: true,
		}, f.options)
	}
	r.Payload = []byte(`{"workflowId": "send-s1"}`)
	require.ErrorIs(t, temporalDeliverer{client: &fakeTemporal{}}.Deliver(t.Context(), r), outbox.ErrPermanent)
}

func TestSignalsAndCancelsReachTheWorkflow(t *testing.T) {
	t.Parallel()
	f := &fakeTemporal{}
	d := temporalDeliverer{client: f}
	require.NoError(t, d.Deliver(t.Context(), signalRow(t)))
	body, err := json.Marshal(f.args[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"waitId":"wait","eventId":"event"}`, string(body))
	require.NoError(t, d.Deliver(t.Context(), cancelRow(t)))
	require.Equal(t, []string{"signal w wait", "cancel w"}, f.calls)
}

// J-53, J-80, O-17.
func TestAnswersOfTemporalAreClassified(t *testing.T) {
	t.Parallel()
	const (
		ok          = "delivered"
		retry       = "retry"
		unavailable = "unavailable"
		dead        = "dead"
	)
	started := serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "", "")
	missing := serviceerror.NewNotFound("workflow execution already completed")
	for name, test := range map[string]struct {
		err                   error
		start, signal, cancel string
	}{
		"accepted":                {nil, ok, ok, ok},
		"already started":         {started, ok, retry, retry},
		"closed or unknown":       {missing, unavailable, ok, ok},
		"namespace unknown":       {serviceerror.NewNamespaceNotFound("n"), unavailable, unavailable, unavailable},
		"invalid":                 {serviceerror.NewInvalidArgument("workflow id too long"), dead, dead, dead},
		"search attribute":        {serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute HogsendJourney"), unavailable, unavailable, unavailable},
		"down":                    {serviceerror.NewUnavailable("no connection"), unavailable, unavailable, unavailable},
		"overloaded":              {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "slow down"), unavailable, unavailable, unavailable},
		"slow":                    {serviceerror.NewDeadlineExceeded("slow"), unavailable, unavailable, unavailable},
		"out of time":             {fmt.Errorf("call: %w", context.DeadlineExceeded), unavailable, unavailable, unavailable},
		"refused":                 {serviceerror.NewPermissionDenied("no", ""), unavailable, unavailable, unavailable},
		"internal error":          {serviceerror.NewInternal("bug"), retry, retry, retry},
		"something else entirely": {errors.New("who knows"), retry, retry, retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := temporalDeliverer{client: &fakeTemporal{err: test.err}}
			verdict := func(row outbox.Row) string {
				switch err := d.Deliver(t.Context(), row); {
				case err == nil:
					return ok
				case errors.Is(err, outbox.ErrPermanent):
					return dead
				case errors.Is(err, outbox.ErrUnavailable):
					return unavailable
				default:
					require.ErrorIs(t, err, test.err)
					return retry
				}
			}
			require.Equal(t, test.start, verdict(startRow(t)))
			require.Equal(t, test.signal, verdict(signalRow(t)))
			require.Equal(t, test.cancel, verdict(cancelRow(t)))
		})
	}
}

// O-17: what can never succeed is not tried.
func TestARowThatCannotBeUnderstoodIsDead(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]outbox.Row{
		"unknown kind":        row(t, "capture", struct{}{}),
		"payload not decoded": row(t, contract.OutboxStart, []int{1}),
		"start without ids":   row(t, contract.OutboxStart, contract.StartPayload{WorkflowID: "w"}),
		"signal without ids":  row(t, contract.OutboxSignal, contract.SignalPayload{WorkflowID: "w"}),
		"cancel without id":   row(t, contract.OutboxCancel, contract.CancelPayload{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeTemporal{}
			require.ErrorIs(t, temporalDeliverer{client: f}.Deliver(t.Context(), r), outbox.ErrPermanent)
			require.Empty(t, f.calls)
		})
	}
}
