package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// endAbandonedSends ends the mails that were called for more than a day ago and whose workflow
// has gone, so that nobody calls for them again. It never calls a provider (E-33).
func (a *Activities) endAbandonedSends(ctx context.Context, now time.Time) error {
	page := storedb.SendsAbandonedParams{Before: now.Add(-steps.AbandonedAfter), RowLimit: reconcilePage}
	for ended := 0; ; {
		rows, err := a.Store.SendsAbandoned(ctx, page)
		if err != nil {
			return fmt.Errorf("list abandoned sends: %w", err)
		}
		for _, row := range rows {
			gone, err := a.endAbandoned(ctx, row)
			if err != nil {
				return err
			}
			if gone {
				ended++
			}
			page.AfterAt, page.AfterID = *row.FirstAttemptAt, row.ID
		}
		if len(rows) < reconcilePage {
			if ended > 0 {
				a.warn(ctx, "mails whose workflow has gone are ended", "count", ended)
			}
			return nil
		}
	}
}

// endAbandoned ends one mail if its workflow has gone: else its activity ends it by itself.
func (a *Activities) endAbandoned(ctx context.Context, row storedb.Send) (gone bool, err error) {
	workflowID, of, err := a.senderOf(ctx, row)
	if err != nil {
		return false, err
	}
	if workflowID != "" {
		x, err := a.Executions.Look(ctx, workflowID)
		if err != nil {
			return false, fmt.Errorf("look at workflow: %w", err)
		}
		if x.Open {
			return false, nil
		}
	}
	end := steps.Attempts{Unclear: row.Unclear, Reason: text(row.Reason)}.End()
	_, err = a.fail(ctx, of, row, end)
	return err == nil, err
}

// senderOf is the workflow that hands a mail over, "" for one of an enrollment that is not
// there any more, and what else is told of its outcome.
func (a *Activities) senderOf(ctx context.Context, row storedb.Send) (workflowID string, of parent, err error) {
	if row.EnrollmentID != nil {
		if stepKey, own := strings.CutPrefix(row.Key, row.EnrollmentID.String()+":"); own {
			n, err := a.Store.EnrollmentGet(ctx, *row.EnrollmentID)
			if errors.Is(err, pgx.ErrNoRows) {
				return "", of, nil
			}
			if err != nil {
				return "", of, fmt.Errorf("read enrollment: %w", err)
			}
			of.step = contract.Step{EnrollmentID: row.EnrollmentID.String(), Key: stepKey, Node: contract.SendNode(row.TemplateKey)}
			return n.Enrollment.WorkflowID, of, nil
		}
	}
	if id, err := uuid.Parse(contract.CampaignRecipientOf(row.Key)); err == nil && row.CampaignID != nil {
		of.settled = settledRecipient(ctx, storedb.CampaignRecipient{CampaignID: *row.CampaignID, ContactID: id})
		return contract.CampaignWorkflowID(row.CampaignID.String()), of, nil
	}
	return contract.SendWorkflowID(row.ID.String()), of, nil
}
