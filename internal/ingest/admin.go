package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/engine/effects"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// EndedError says that an enrollment has the state Status already (J-82).
type EndedError struct{ Status contract.EnrollmentStatus }

func (e *EndedError) Error() string { return "enrollment is already " + string(e.Status) }

// Exit ends a live enrollment from outside: its row, journey:exited with what
// follows from that, and the cancel of its workflow commit together (J-75). Of two
// at once one succeeds; the other gets *EndedError. It is store.ErrNotFound for an
// unknown id. Further writes are made along with a success.
func (g *Ingester) Exit(ctx context.Context, enrollmentID uuid.UUID, reason contract.ExitReason, also ...Write) error {
	c := g.engine.Change(&decide.End{
		Origin: decide.Origin{EnrollmentID: enrollmentID, StepKey: cascade.StepEnd},
		Status: contract.EnrollmentExited, Reason: reason, Cancels: true,
	})
	c.Also = attached(also)
	if err := g.engine.Apply(ctx, c); err != nil {
		return fmt.Errorf("exit enrollment: %w", err)
	}
	if c.Ended {
		return &EndedError{Status: c.Status}
	}
	return nil
}

// LeaveLate ends an entry that a pause held for too long, if it has not ended by itself
// (J-168).
func (g *Ingester) LeaveLate(ctx context.Context, enrollmentID uuid.UUID) error {
	var ended *EndedError
	if err := g.Exit(ctx, enrollmentID, contract.ExitPausedLate); err != nil && !errors.As(err, &ended) && !errors.Is(err, store.ErrNotFound) {
		return err
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
// the other gets ErrNotFailed. Further writes are made along with a success.
func (g *Ingester) Retry(ctx context.Context, enrollmentID uuid.UUID, runID string, also ...Write) error {
	err := g.engine.Store.WithEnrollment(ctx, enrollmentID, nil, func(tx *store.EnrollmentTx) error {
		e := tx.Enrollment
		if e.Status != contract.EnrollmentFailed {
			return ErrNotFailed
		}
		rivals, err := tx.Q.RetryRivals(ctx, storedb.RetryRivalsParams{
			ContactID: e.ContactID, JourneyIds: g.engine.Index().IDs(e.JourneyID), Key: e.Key, ID: e.ID,
		})
		if err != nil {
			return fmt.Errorf("look for another enrollment: %w", err)
		}
		if rivals > 0 && !e.Concurrent {
			return ErrRival
		}
		d := g.engine.Decider(tx.Now)
		d.Retry(&decide.Retried{
			EnrollmentID: e.ID, ContactID: e.ContactID, EventID: e.TriggerEventID, WorkflowID: e.WorkflowID, Node: e.Node,
			Retries: int(e.Retries) + 1, RunID: runID,
		})
		tx.Add(func(q *storedb.Queries) error {
			_, err := q.RetrySet(ctx, tx.Now, e.ID)
			return err
		})
		for _, write := range also {
			tx.Add(write)
		}
		tx.Add(func(q *storedb.Queries) error { return q.RetryWaits(ctx, e.ID, &e.UpdatedAt) }) // one instant ended both
		return effects.Write(ctx, tx.Add, d.Take(), tx.Now, g.engine.Config().BuildID)
	})
	if err != nil {
		return fmt.Errorf("retry enrollment: %w", err)
	}
	g.engine.Config().Notify()
	return nil
}
