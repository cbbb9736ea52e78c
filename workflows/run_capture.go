package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Capture implements hogsend.Run.
func (r *journeyRun) Capture(ctx workflow.Context, event string, properties hogsend.Properties) error {
	if event == "" {
		return invalid("event", "is required")
	}
	if err := short("event", event); err != nil {
		return err
	}
	raw, err := encodeProperties(properties)
	if err != nil {
		return err
	}
	if err := r.closed(ctx); err != nil {
		return err
	}
	return r.effect(ctx, contract.CaptureName, "capture:"+event, contract.CaptureRequest{
		Step: r.step("capture", event, r.node), Event: event, Properties: raw, OccurredAt: workflow.Now(ctx),
	})
}

func encodeProperties(properties hogsend.Properties) (json.RawMessage, error) {
	if properties == nil {
		properties = hogsend.Properties{}
	}
	raw, err := json.Marshal(properties)
	if err != nil {
		return nil, invalid("properties", "cannot be encoded: %s", err)
	}
	return raw, storableJSON("properties", raw)
}
