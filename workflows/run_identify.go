package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Identify implements hogsend.Run.
func (r *journeyRun) Identify(ctx workflow.Context, properties hogsend.Properties) error {
	encoded := make(map[string]json.RawMessage, len(properties))
	raw, err := encodeProperties(properties)
	if err == nil {
		err = json.Unmarshal(raw, &encoded)
	}
	if err != nil {
		return err
	}
	if err := r.closed(ctx); err != nil || len(encoded) == 0 {
		return err
	}
	return r.effect(ctx, contract.IdentifyName, "identify", contract.IdentifyRequest{
		Step: r.step("identify", "contact", r.node), Properties: encoded,
	})
}
