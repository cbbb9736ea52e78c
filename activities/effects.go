package activities

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Checkpoint sets the node and logs it (J-138).
func (a *Activities) Checkpoint(ctx context.Context, step contract.Step) (contract.Effect, error) {
	id, err := parseID(step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	var effect contract.Effect
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		effect.Ended = !tx.Enrollment.Status.Live()
		if effect.Ended {
			return nil
		}
		a.move(ctx, tx, step, "node", contract.EnrollmentActive, tx.Enrollment.Node, step.Node, nil)
		return nil
	})
	return effect, err
}

// Trigger ingests an event of the journey's, once per step (J-135, I-38).
func (a *Activities) Trigger(ctx context.Context, r contract.TriggerRequest) (contract.Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	event, err := check.Trigger(r, a.Config.JunkIDs, time.Now())
	if err != nil {
		return contract.Effect{}, final(err)
	}
	for {
		ended, err := a.Ingest.TriggerFrom(ctx, id, r.Step.Key, r.Step.Node, event)
		if !errors.Is(err, ingest.ErrPaused) {
			return contract.Effect{Ended: ended}, final(err)
		}
		effect, err := a.holdEffect(ctx, id, r.Step)
		if err != nil || effect != (contract.Effect{}) {
			return effect, err
		}
	}
}

// Exit ends the enrollment at the author's wish; one that has ended keeps its first
// reason (J-136). Ended says that somebody else ended it: the log knows who did, also
// when the step is repeated after its commit (J-70).
func (a *Activities) Exit(ctx context.Context, r contract.ExitRequest) (contract.Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	if _, err = a.Ingest.Finish(ctx, id, ingest.End{Status: contract.EnrollmentExited, Reason: r.Reason, StepKey: r.Step.Key}); err != nil {
		return contract.Effect{}, err
	}
	row, err := a.Store.EnrollmentGet(ctx, id)
	if err != nil {
		return contract.Effect{}, fmt.Errorf("read enrollment: %w", err)
	}
	key := r.Step.Key
	if n := row.Enrollment.Retries; n > 0 {
		key += ":r" + strconv.Itoa(int(n))
	}
	own, err := a.Store.StepLogFind(ctx, id, key, "exited")
	if err != nil {
		return contract.Effect{}, fmt.Errorf("find step: %w", err)
	}
	return contract.Effect{Ended: len(own) == 0}, nil
}

// ReadOnce reads a kept value (J-139).
func (a *Activities) ReadOnce(ctx context.Context, r contract.OnceRequest) (contract.OnceValue, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.OnceValue{}, final(err)
	}
	values, err := a.Store.OnceGet(ctx, id, r.Label)
	if err != nil {
		return contract.OnceValue{}, fmt.Errorf("read kept value: %w", err)
	}
	if len(values) == 0 {
		return contract.OnceValue{}, nil
	}
	return contract.OnceValue{Found: true, Value: values[0]}, nil
}

// KeepOnce keeps a value; the first one kept under a label stays and is returned.
func (a *Activities) KeepOnce(ctx context.Context, r contract.OnceRequest) (contract.OnceValue, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.OnceValue{}, final(err)
	}
	var kept contract.OnceValue
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		values, err := tx.Q.OnceGet(ctx, id, r.Label)
		if err != nil {
			return fmt.Errorf("read kept value: %w", err)
		}
		keep, ended := steps.KeepsOnce(tx.Enrollment.Status, len(values) > 0)
		if !keep {
			kept = contract.OnceValue{Ended: ended}
			if len(values) > 0 {
				kept = contract.OnceValue{Found: true, Value: values[0]}
			}
			return nil
		}
		kept = contract.OnceValue{Found: true, Value: r.Value}
		tx.Add(func(q *storedb.Queries) error {
			return q.OnceInsert(ctx, storedb.OnceInsertParams{EnrollmentID: id, Label: r.Label, Value: r.Value, Now: tx.Now})
		})
		a.log(ctx, tx, r.Step, "once", tx.Enrollment.Node, tx.Enrollment.Node, map[string]any{"label": r.Label})
		return nil
	})
	return kept, err
}

// IsSubscribed answers rows 5 and 6 of the send gate, with a category also row 7 (J-140).
func (a *Activities) IsSubscribed(ctx context.Context, r contract.SubscribedRequest) (bool, error) {
	id, err := parseID(r.EnrollmentID)
	if err != nil {
		return false, final(err)
	}
	contact, err := a.Store.EnrollmentContact(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // erased since
	}
	if err != nil {
		return false, fmt.Errorf("read contact: %w", err)
	}
	key := address.Key(text(contact.Email))
	rows, err := a.Store.PreferenceList(ctx, key, &contact.ID)
	if err != nil {
		return false, fmt.Errorf("read preferences: %w", err)
	}
	records, err := preferences(rows)
	return err == nil && steps.IsSubscribed(records, key, r.Category, a.Registry.Lists()), err
}
