package activities

import (
	"context"
	"errors"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
)

// BeginCall decides whether an attempt of an activity of the author's begins. A pause
// holds the first one only: what has begun goes on (J-100, J-162).
func (a *Activities) BeginCall(ctx context.Context, r contract.BeginCallRequest) (contract.CallBegin, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.CallBegin{}, final(err)
	}
	var begin contract.CallBegin
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		begin = contract.CallBegin{Retry: int(tx.Enrollment.Retries)}
		if r.Begun > 0 {
			begin.Ended = !tx.Enrollment.Status.Live()
			return nil
		}
		runs, effect, err := a.begin(ctx, tx, r.Step, false)
		begin.Ended, begin.Held = effect.Ended, effect.Held
		if runs {
			a.stand(ctx, tx, contract.EnrollmentActive, r.Step.Node)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return contract.CallBegin{Ended: true}, nil // erased since
	}
	return begin, err
}

// EndCall logs how a call ended, and says whether its result is still wanted.
func (a *Activities) EndCall(ctx context.Context, r contract.EndCallRequest) (contract.Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	var effect contract.Effect
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		e := tx.Enrollment
		effect.Ended = !e.Status.Live()
		step := r.Step
		step.Key = contract.CallLogKey(step.Key, int(e.Retries))
		a.log(ctx, tx, step, "called", e.Node, e.Node, map[string]any{"activity": r.Activity, "attempts": r.Attempts, "outcome": r.Outcome})
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return contract.Effect{Ended: true}, nil // erased since
	}
	return effect, err
}
