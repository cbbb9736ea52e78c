package activities

import (
	"context"
	"errors"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
)

// Identify writes the properties once per step, and lets buckets see them in the
// same transaction.
func (a *Activities) Identify(ctx context.Context, r contract.IdentifyRequest) (contract.Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	if err := check.Properties(r.Properties); err != nil {
		return contract.Effect{}, final(err)
	}
	for {
		ended, err := a.Ingest.Identify(ctx, id, r.Step.Key, r.Step.Node, r.Properties)
		if !errors.Is(err, ingest.ErrPaused) {
			return contract.Effect{Ended: ended}, final(err)
		}
		effect, err := a.holdEffect(ctx, id, r.Step)
		if err != nil || effect != (contract.Effect{}) {
			return effect, err
		}
	}
}
