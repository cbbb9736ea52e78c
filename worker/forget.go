package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/store"
)

// forgetter deletes from Temporal what it keeps of erased contacts (I-51).
type forgetter struct {
	client    client.Client
	store     *store.Store
	namespace string
}

// Temporal's lists are a little behind: one that is empty sooner after an erasure proves
// nothing.
const forgetAfter = 20 * time.Second

// errRemembers lets a row be delivered again, until Temporal lists nothing any more.
var errRemembers = errors.New("temporal may still keep workflows of an erased contact")

// forget deletes every workflow of the contact and of those merged into it, open or closed,
// with its history. It is told again until nothing is listed.
func (f forgetter) forget(ctx context.Context, p contract.ForgetPayload) error {
	id, err := uuid.Parse(p.ErasureID)
	if err != nil {
		return fmt.Errorf("read erasure id: %w: %w", outbox.ErrPermanent, err)
	}
	erasures, err := f.store.ErasureForgotten(ctx, id)
	if err != nil {
		return fmt.Errorf("read erasure: %w", err)
	}
	if len(erasures) == 0 {
		return fmt.Errorf("erasure %s is unknown: %w", id, outbox.ErrPermanent)
	}
	deleted := 0
	for _, contact := range erasures[0].ContactIds {
		n, err := f.forgetContact(ctx, contact)
		if err != nil {
			return classify(err)
		}
		deleted += n
	}
	if deleted > 0 || erasures[0].Seconds < forgetAfter.Seconds() {
		return errRemembers
	}
	return nil
}

// forgetContact deletes a page of what is listed at a time, and returns how many those were.
func (f forgetter) forgetContact(ctx context.Context, contact uuid.UUID) (deleted int, err error) {
	var token []byte
	for {
		page, err := f.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: f.namespace, Query: contract.AttributeContact + ` = "` + contact.String() + `"`, PageSize: 100, NextPageToken: token,
		})
		if err != nil {
			return deleted, err
		}
		for _, found := range page.GetExecutions() {
			_, err := f.client.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace: f.namespace, WorkflowExecution: found.GetExecution(),
			})
			var gone *serviceerror.NotFound
			if err != nil && !errors.As(err, &gone) {
				return deleted, err
			}
			deleted++
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return deleted, nil
		}
	}
}
