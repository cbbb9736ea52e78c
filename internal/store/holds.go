package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ResumePolicy says what becomes of the effects that a pause held.
type ResumePolicy string

// The policies of J-104 to J-106.
const (
	CatchUp    ResumePolicy = "catch_up"
	SkipLate   ResumePolicy = "skip_late"
	Reschedule ResumePolicy = "reschedule"
)

// Valid reports whether the policy is one of the three.
func (p ResumePolicy) Valid() bool { return p == CatchUp || p == SkipLate || p == Reschedule }

// JourneyPause pauses a journey: once it returns, no effect of it begins that has
// not begun (J-100). ids are all ids of the journey, the present one first. Pausing
// twice is pausing once.
func (s *Store) JourneyPause(ctx context.Context, ids []string, reason string, now time.Time) (storedb.JourneyConfig, error) {
	var row storedb.JourneyConfig
	var why *string
	if reason != "" {
		why = &reason
	}
	err := s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) (err error) {
		if err = q.PauseLock(ctx, sorted(ids)); err != nil {
			return err
		}
		row, err = q.PauseSet(ctx, ids[0], now, why)
		return err
	})
	if err != nil {
		return row, fmt.Errorf("pause journey: %w", err)
	}
	return row, nil
}

// JourneyResume ends the pause of a journey and decides when each held effect goes
// on; a send held longer than lateAfter is skipped under SkipLate (J-103 to J-106).
// A journey that is not paused stays as it is.
func (s *Store) JourneyResume(ctx context.Context, ids []string, policy ResumePolicy, lateAfter time.Duration, now time.Time) error {
	err := s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.PauseLock(ctx, sorted(ids)); err != nil {
			return err
		}
		paused, err := q.PauseFind(ctx, ids)
		if err != nil || len(paused) == 0 {
			return err
		}
		err = q.HoldsPlan(ctx, storedb.HoldsPlanParams{
			Now: now, PausedAt: paused[0].PausedAt, LateSeconds: lateAfter.Seconds(),
			Reschedule: policy == Reschedule, SkipLate: policy == SkipLate, JourneyIds: ids,
		})
		if err != nil {
			return err
		}
		return q.PauseClear(ctx, now, ids)
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

// HoldOutcome says how a hold ends.
type HoldOutcome struct {
	BuildID string
	// Signal is the signal that tells the workflow, Key its outbox key; without them
	// the effect is given up, which the workflow knows.
	Signal, Key string
}

// HoldRelease lets a held effect go on: the enrollment stands where it stood, the
// step log tells it and the workflow is signaled, in one transaction. Released is
// false when the hold was closed before or its enrollment has ended.
func (s *Store) HoldRelease(ctx context.Context, enrollmentID, holdID uuid.UUID, outcome HoldOutcome) (released bool, err error) {
	err = s.WithEnrollment(ctx, enrollmentID, func(tx *EnrollmentTx) error {
		rows, err := tx.Q.HoldGet(ctx, holdID)
		if err != nil {
			return fmt.Errorf("read hold: %w", err)
		}
		released = len(rows) > 0 && rows[0].ClosedAt == nil
		if !released {
			return nil
		}
		h, e := rows[0], tx.Enrollment
		tx.Add(func(q *storedb.Queries) error { return q.HoldClose(ctx, &tx.Now, h.ID) })
		if released = e.Status.Live(); !released {
			return nil
		}
		if e.Status == contract.EnrollmentWaiting && e.Node == "paused:"+h.Node {
			tx.Add(func(q *storedb.Queries) error {
				return q.EnrollmentStand(ctx, storedb.EnrollmentStandParams{ID: e.ID, Status: contract.EnrollmentActive, Node: h.Node, Now: tx.Now})
			})
		}
		return tx.tellReleased(ctx, h, outcome)
	})
	return released, err
}

func (tx *EnrollmentTx) tellReleased(ctx context.Context, h storedb.Hold, outcome HoldOutcome) error {
	e := tx.Enrollment
	detail := map[string]any{"heldAt": h.HeldAt.UTC()}
	switch {
	case outcome.Signal == "":
		detail["outcome"] = "abandoned"
	case h.Skip:
		detail["outcome"] = "paused_late"
	}
	body, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("encode step log: %w", err)
	}
	tx.Add(func(q *storedb.Queries) error {
		return q.StepLogInsert(ctx, storedb.StepLogInsertParams{
			EnrollmentID: e.ID, StepKey: contract.HoldLogKey(h.StepKey, h.N), Action: "resumed", FromNode: e.Node, ToNode: h.Node,
			Detail: body, BuildID: outcome.BuildID, At: tx.Now,
		})
	})
	if outcome.Signal == "" {
		return nil
	}
	payload, err := json.Marshal(contract.SignalPayload{WorkflowID: e.WorkflowID, Signal: outcome.Signal, WaitID: h.ID.String()})
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
