// Package pause begins and ends the pauses of journeys, and releases the effects that they
// held (J-100 to J-106). What an effect does about a pause it asks in its own transaction.
package pause

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Start pauses a journey: once it returns, no effect of it begins that has
// not begun (J-100), and new entries are held or dropped (J-168). ids are all ids of the
// journey, the present one first. Pausing twice is pausing once, but for what becomes of
// later entries. What also gives is made in the same transaction.
func Start(ctx context.Context, s *store.Store, ids []string, reason string, entries contract.PauseEntries, now time.Time, also ...store.Also) (storedb.JourneyConfig, error) {
	var row storedb.JourneyConfig
	var why *string
	if reason != "" {
		why = &reason
	}
	err := s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) (err error) {
		if err = q.PauseLock(ctx, sorted(ids)); err != nil {
			return err
		}
		before, err := q.PauseFind(ctx, ids)
		if err != nil {
			return err
		}
		if row, err = q.PauseSet(ctx, storedb.PauseSetParams{JourneyID: ids[0], Now: now, Reason: why, Entries: string(entries)}); err != nil {
			return err
		}
		return store.WriteAlso(q, len(before) == 0, also)
	})
	if err != nil {
		return row, fmt.Errorf("pause journey: %w", err)
	}
	return row, nil
}

// Resume ends the pause of a journey and decides when each held effect goes on; a send
// held longer than lateAfter is skipped under SkipLate. One statement decides for all of
// them as steps.Resume does for one. A journey that is not paused stays as it is. What
// also gives is made in the same transaction.
func Resume(ctx context.Context, s *store.Store, ids []string, policy contract.ResumePolicy, lateAfter time.Duration, now time.Time, also ...store.Also) error {
	err := s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.PauseLock(ctx, sorted(ids)); err != nil {
			return err
		}
		paused, err := q.PauseFind(ctx, ids)
		if err != nil {
			return err
		}
		if len(paused) == 0 {
			return store.WriteAlso(q, false, also)
		}
		err = q.PausedEffectsPlan(ctx, storedb.PausedEffectsPlanParams{
			Now: now, PausedAt: paused[0].PausedAt, LateSeconds: lateAfter.Seconds(),
			Reschedule: policy == contract.Reschedule, SkipLate: policy == contract.SkipLate, JourneyIds: ids,
		})
		if err != nil {
			return err
		}
		if err := q.PauseClear(ctx, now, ids); err != nil {
			return err
		}
		return store.WriteAlso(q, true, also)
	})
	if err != nil {
		return fmt.Errorf("resume journey: %w", err)
	}
	return nil
}

// sorted makes all who take several of these locks take them in one order.
func sorted(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

// Outcome says how a paused effect is let go.
type Outcome struct {
	BuildID string
	// Signal is the signal that tells the workflow, Key its outbox key; without them
	// the effect is given up, which the workflow knows.
	Signal, Key string
}

// Release lets a paused effect go on: the enrollment stands where it stood, the step log
// tells it and the workflow is signaled, in one transaction. Released is false when it was
// let go before or its enrollment has ended.
func Release(ctx context.Context, s *store.Store, enrollmentID, id uuid.UUID, outcome Outcome) (released bool, err error) {
	err = s.WithEnrollment(ctx, enrollmentID, nil, func(tx *store.EnrollmentTx) error {
		rows, err := tx.Q.PausedEffectGet(ctx, id)
		if err != nil {
			return fmt.Errorf("read paused effect: %w", err)
		}
		released = len(rows) > 0 && rows[0].ClosedAt == nil
		if !released {
			return nil
		}
		p, e := rows[0], tx.Enrollment
		tx.Add(func(q *storedb.Queries) error { return q.PausedEffectClose(ctx, &tx.Now, p.ID) })
		if released = e.Status.Live(); !released {
			return nil
		}
		if p.IsEntry && p.Starts != nil {
			if err := start(ctx, tx, p); err != nil {
				return err
			}
			outcome.Key = "" // there is no workflow yet that could be signaled
		}
		if steps.Released(e.Status, e.Node, p.Node) {
			tx.Add(func(q *storedb.Queries) error {
				return q.EnrollmentStand(ctx, storedb.EnrollmentStandParams{ID: e.ID, Status: contract.EnrollmentActive, Node: p.Node, Now: tx.Now})
			})
		}
		return tell(ctx, tx, p, outcome)
	})
	return released, err
}

// start queues the start of an entry that was held (J-51).
func start(ctx context.Context, tx *store.EnrollmentTx, p storedb.PausedEffect) error {
	var payload contract.StartPayload
	if err := json.Unmarshal(p.Starts, &payload); err != nil {
		return fmt.Errorf("read start of enrollment %s: %w", p.EnrollmentID, err)
	}
	tx.Add(func(q *storedb.Queries) error {
		return q.OutboxInsert(ctx, storedb.OutboxInsertParams{
			ID: uuid.Must(uuid.NewV7()), OrderingKey: tx.Enrollment.ContactID, Kind: contract.OutboxStart,
			Key: contract.StartKey(payload.JourneyID, payload.EnrollmentID), Payload: p.Starts, Now: tx.Now,
		})
	})
	return nil
}

// tell logs what became of a paused effect, and queues the signal to its workflow.
func tell(ctx context.Context, tx *store.EnrollmentTx, p storedb.PausedEffect, outcome Outcome) error {
	e := tx.Enrollment
	detail := map[string]any{"heldAt": p.HeldAt.UTC()}
	switch {
	case outcome.Signal == "":
		detail["outcome"] = "abandoned"
	case p.Skip:
		detail["outcome"] = "paused_late"
	}
	body, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("encode step log: %w", err)
	}
	tx.Add(func(q *storedb.Queries) error {
		return q.StepLogInsert(ctx, storedb.StepLogInsertParams{
			EnrollmentID: e.ID, StepKey: contract.PauseLogKey(p.StepKey, p.N), Action: "resumed", FromNode: e.Node, ToNode: p.Node,
			Detail: body, BuildID: outcome.BuildID, At: tx.Now,
		})
	})
	if outcome.Signal == "" || outcome.Key == "" {
		return nil
	}
	payload, err := json.Marshal(contract.SignalPayload{WorkflowID: e.WorkflowID, Signal: outcome.Signal, WaitID: p.ID.String()})
	if err != nil {
		return fmt.Errorf("encode signal: %w", err)
	}
	tx.Add(func(q *storedb.Queries) error {
		return q.OutboxInsert(ctx, storedb.OutboxInsertParams{
			ID: uuid.Must(uuid.NewV7()), OrderingKey: e.ContactID, Kind: contract.OutboxSignal, Key: outcome.Key,
			Payload: payload, Now: tx.Now,
		})
	})
	return nil
}
