package activities

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

// Identify writes the properties once per step, and lets buckets see them in the
// same transaction.
func (a *Activities) Identify(ctx context.Context, r contract.IdentifyRequest) (contract.Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	if err := checkProperties(r.Properties); err != nil {
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

// checkProperties holds properties to the rules of those that come with events (I-13).
func checkProperties(properties map[string]json.RawMessage) error {
	event := ingest.Event{Name: "identify", UserID: "contact", ContactProperties: properties}
	if problems := ingest.Validate(&event); len(problems) > 0 {
		p := problems[0]
		_, key, found := strings.Cut(p.Path, ".")
		field := "properties"
		if found {
			field += "." + key
		}
		return &hogsend.ValidationError{Field: field, Message: p.Message}
	}
	return nil
}
