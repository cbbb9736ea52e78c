package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// EndedError says that an enrollment has the state Status already (J-82).
type EndedError struct{ Status contract.EnrollmentStatus }

func (e *EndedError) Error() string { return "enrollment is already " + string(e.Status) }

// Exit ends a live enrollment from outside: its row, journey:exited with what
// follows from that, and the cancel of its workflow commit together (J-75). Of two
// at once one succeeds; the other gets *EndedError. It is store.ErrNotFound for an
// unknown id.
func (g *Ingester) Exit(ctx context.Context, enrollmentID uuid.UUID, reason contract.ExitReason) error {
	it := newItem(&Event{})
	it.kind, it.origin, it.end = kindEnd, enrollmentID, &End{Status: contract.EnrollmentExited, Reason: reason, StepKey: stepEnd, cancels: true}
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return fmt.Errorf("exit enrollment: %w", err)
	}
	if it.ended {
		return &EndedError{Status: it.status}
	}
	return nil
}

// What makes a retry impossible (J-96).
var (
	ErrNotFailed = errors.New("enrollment has not failed")
	ErrRival     = errors.New("another enrollment of the contact is active")
)

// Retry makes a failed enrollment active again and tells Temporal to take it up
// from runID, the run that failed, in one transaction under the contact's lock. No
// guard runs again and its entry stays (J-30, J-96). Of two at once one succeeds;
// the other gets ErrNotFailed.
func (g *Ingester) Retry(ctx context.Context, enrollmentID uuid.UUID, runID string) error {
	err := g.store.WithEnrollment(ctx, enrollmentID, func(tx *store.EnrollmentTx) error {
		e := tx.Enrollment
		if e.Status != contract.EnrollmentFailed {
			return ErrNotFailed
		}
		rivals, err := tx.Q.RetryRivals(ctx, e.ContactID, g.catalog.Load().ids(e.JourneyID), e.ID)
		if err != nil {
			return fmt.Errorf("look for another enrollment: %w", err)
		}
		if rivals > 0 && !e.Concurrent {
			return ErrRival
		}
		var c changes
		c.logs.Now, c.outbox.Now, c.logs.BuildID = tx.Now, tx.Now, g.cfg.BuildID
		n := int(e.Retries) + 1
		if err := c.log(e.ID, "retry#"+strconv.Itoa(n), "retried", e.Node, e.Node, map[string]any{"n": n}); err != nil {
			return err
		}
		if err := c.tell(e.ContactID, e.TriggerEventID, contract.OutboxRetry, contract.RetryKey(e.ID.String(), n),
			contract.RetryPayload{WorkflowID: e.WorkflowID, EnrollmentID: e.ID.String(), RunID: runID}); err != nil {
			return err
		}
		tx.Add(func(q *storedb.Queries) error {
			_, err := q.RetrySet(ctx, tx.Now, e.ID)
			return err
		})
		tx.Add(func(q *storedb.Queries) error { return q.RetryWaits(ctx, e.ID, &e.UpdatedAt) }) // one instant ended both
		tx.Add(func(q *storedb.Queries) error { return q.IngestStepLogsInsert(ctx, c.logs) })
		tx.Add(func(q *storedb.Queries) error { return q.IngestOutboxInsert(ctx, c.outbox) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("retry enrollment: %w", err)
	}
	g.cfg.Notify()
	return nil
}

// retried is the key of a step that may come once more after each retry.
func (n *enrollment) retried(stepKey string) string {
	if n.retries == 0 {
		return stepKey
	}
	return stepKey + ":r" + strconv.Itoa(n.retries)
}

// ids are all ids of a journey, sorted, by any of them; of an unknown one itself.
func (c *catalog) ids(journeyID string) []string {
	id := c.id(journeyID)
	all := []string{id}
	for i, of := range c.aliasOf {
		if of == id {
			all = append(all, c.aliases[i])
		}
	}
	slices.Sort(all)
	return all
}
