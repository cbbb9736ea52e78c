package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/workflows"
)

// temporalClient is what the outbox needs of Temporal.
type temporalClient interface {
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	SignalWorkflow(ctx context.Context, workflowID, runID, signal string, arg any) error
	CancelWorkflow(ctx context.Context, workflowID, runID string) error
}

// temporalDeliverer delivers outbox rows to Temporal. Each kind may be delivered any
// number of times with the effect of once: starts by their workflow id, signals by
// the id of their wait, cancels by nature.
type temporalDeliverer struct {
	client    temporalClient
	taskQueue string
	// retry takes up a failed workflow.
	retry func(ctx context.Context, p contract.RetryPayload) error
	// forget deletes what Temporal keeps of an erased contact.
	forget func(ctx context.Context, p contract.ForgetPayload) error
}

// Deliver implements outbox.Deliverer.
func (d temporalDeliverer) Deliver(ctx context.Context, row outbox.Row) error {
	switch row.Kind {
	case contract.OutboxStart:
		var p contract.StartPayload
		if err := decode(row, &p, func() []string { return []string{p.WorkflowID, p.WorkflowType, p.EnrollmentID} }); err != nil {
			return err
		}
		return d.start(ctx, p)
	case contract.OutboxDwell:
		var p contract.DwellPayload
		if err := decode(row, &p, func() []string { return []string{p.WorkflowID, p.WorkflowType, p.StayID, p.Label} }); err != nil {
			return err
		}
		return d.dwell(ctx, p)
	case contract.OutboxSignal:
		var p contract.SignalPayload
		if err := decode(row, &p, func() []string { return []string{p.WorkflowID, p.Signal, p.WaitID} }); err != nil {
			return err
		}
		return settled(d.client.SignalWorkflow(ctx, p.WorkflowID, "", p.Signal, contract.WaitSignal{WaitID: p.WaitID, EventID: p.EventID}))
	case contract.OutboxCancel:
		var p contract.CancelPayload
		if err := decode(row, &p, func() []string { return []string{p.WorkflowID} }); err != nil {
			return err
		}
		return settled(d.client.CancelWorkflow(ctx, p.WorkflowID, ""))
	case contract.OutboxRun:
		var p contract.RunPayload
		if err := decode(row, &p, func() []string { return []string{p.WorkflowID, p.WorkflowType, p.ID} }); err != nil {
			return err
		}
		return d.run(ctx, p)
	case contract.OutboxRetry:
		var p contract.RetryPayload
		if err := decode(row, &p, func() []string { return []string{p.WorkflowID, p.RunID} }); err != nil {
			return err
		}
		return d.retry(ctx, p)
	case contract.OutboxForget:
		var p contract.ForgetPayload
		if err := decode(row, &p, func() []string { return []string{p.ErasureID} }); err != nil {
			return err
		}
		return d.forget(ctx, p)
	}
	return fmt.Errorf("outbox kind %q is unknown: %w", row.Kind, outbox.ErrPermanent)
}

// start starts a journey workflow with its enrollment id as the only input (J-50). A
// workflow id is used once, for good, so a second delivery starts nothing (J-53).
// There are no timeouts: an enrollment may live for years (J-56).
func (d temporalDeliverer) start(ctx context.Context, p contract.StartPayload) error {
	options := d.once(p.WorkflowID)
	options.EnableEagerStart = true // a worker in this process takes the first task without a poll
	options.TypedSearchAttributes = searchAttributes(p.JourneyID, p.ContactID, p.BucketID)
	options.Memo = map[string]any{"enrollmentId": p.EnrollmentID}
	_, err := d.client.ExecuteWorkflow(ctx, options, p.WorkflowType, p.EnrollmentID)
	return begun(err)
}

// run starts a workflow of the product, whose id is used once, for good.
func (d temporalDeliverer) run(ctx context.Context, p contract.RunPayload) error {
	_, err := d.client.ExecuteWorkflow(ctx, d.once(p.WorkflowID), p.WorkflowType, p.ID)
	return begun(err)
}

// once are options of a start that has an effect once, however often it is delivered.
func (d temporalDeliverer) once(workflowID string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       workflowID,
		TaskQueue:                                d.taskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

// searchAttributes are what an operator finds the workflow by (J-148).
func searchAttributes(journeyID, contactID, bucketID string) temporal.SearchAttributes {
	updates := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeJourney).ValueSet(journeyID),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeContact).ValueSet(contactID),
	}
	if bucketID != "" {
		updates = append(updates, temporal.NewSearchAttributeKeyKeyword(contract.AttributeBucket).ValueSet(bucketID))
	}
	return temporal.NewSearchAttributes(updates...)
}

// begun takes a workflow that was started before for started.
func begun(err error) error {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return nil
	}
	return classify(err)
}

// dwell starts the timer of a dwell reaction for one stay (B-39). Its id may be used
// again once it is closed: a bucket that was off arms its timers anew (B-52). What
// fired already does not fire again, whatever is delivered twice (B-42).
func (d temporalDeliverer) dwell(ctx context.Context, p contract.DwellPayload) error {
	_, err := d.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       p.WorkflowID,
		TaskQueue:                                d.taskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    searchAttributes(p.WorkflowType, p.ContactID, p.BucketID),
	}, p.WorkflowType, workflows.DwellInput{StayID: p.StayID, Label: p.Label, Due: p.Due, Repeats: p.Repeats})
	return begun(err)
}

// settled takes a workflow that is closed or unknown for told: there is nobody left
// to tell (J-80). Order per contact keeps a signal or cancel behind its start.
func settled(err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil
	}
	return classify(err)
}

func decode(row outbox.Row, payload any, required func() []string) error {
	if err := outbox.Decode(row, payload); err != nil {
		return err
	}
	for _, value := range required() {
		if value == "" {
			return fmt.Errorf("decode %s payload: an id is missing: %w", row.Kind, outbox.ErrPermanent)
		}
	}
	return nil
}

// classify is the one place that tells errors of Temporal apart: what can never
// succeed, what concerns Temporal as a whole, and what is worth another try (O-17).
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
	}
	switch serviceerror.ToStatus(err).Code() { // the rest is retried
	case codes.InvalidArgument:
		// A search attribute that is not registered, or not yet seen by every part of
		// the cluster, is no fault of the row.
		if strings.Contains(strings.ToLower(err.Error()), "search attribute") {
			return fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
		}
		return fmt.Errorf("%w: %w", outbox.ErrPermanent, err)
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled,
		codes.PermissionDenied, codes.Unauthenticated, codes.NotFound: // not found: the namespace
		return fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
	}
	return err
}
