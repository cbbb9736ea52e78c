package activities

import (
	"context"
	"errors"

	"github.com/hogsend/hogsend/internal/alert"
	"github.com/hogsend/hogsend/internal/contract"
)

// EvaluateAlerts evaluates all alert rules and returns the firings that are to be delivered
// (O-13). What kept a rule from being evaluated is logged: the others are.
func (a *Activities) EvaluateAlerts(ctx context.Context) ([]string, error) {
	pending, err := alert.Evaluate(ctx, a.Store)
	if err != nil {
		a.warn(ctx, "evaluate alert rules", "error", err)
	}
	firings := make([]string, len(pending))
	for i, id := range pending {
		firings[i] = id.String()
	}
	return firings, nil
}

// DeliverAlert tells a firing once more (O-16).
func (a *Activities) DeliverAlert(ctx context.Context, firingID string) error {
	id, err := parseID(firingID)
	if err != nil {
		return final(err)
	}
	return a.Courier.Deliver(ctx, id)
}

// FailAlert notes that a firing was given up (O-15).
func (a *Activities) FailAlert(ctx context.Context, r contract.FailAlertRequest) error {
	id, err := parseID(r.FiringID)
	if err != nil {
		return final(err)
	}
	return a.Courier.Settle(ctx, id, errors.New(r.Reason))
}
