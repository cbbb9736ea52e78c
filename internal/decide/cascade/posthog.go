package cascade

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// capture tells PostHog of an event that is stored (P-11).
func (d *Decider) capture(e *eventState) {
	if d.Captures == nil || !d.Captures(e.name, e.source) {
		return
	}
	d.Enqueue(e.contact.ID, e.id, contract.OutboxCapture, "capture/"+e.id.String(), contract.CapturePayload{
		UUID: e.id.String(), ContactID: e.contact.ID.String(), Event: e.name, Properties: e.properties, Timestamp: e.occurred,
	})
}

// learned tells PostHog what a journey wrote into its contact: values as $set, those
// that it removed as $unset (J-137, P-11).
func (d *Decider) learned(c *work, u *decide.Update) error {
	if !d.Mirror || u.From == nil {
		return nil
	}
	set, unset := map[string]json.RawMessage{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(u.Properties)) {
		if value := u.Properties[name]; decide.IsNull(value) {
			unset = append(unset, name)
		} else {
			set[name] = value
		}
	}
	properties := map[string]any{}
	if len(set) > 0 {
		properties["$set"] = set
	}
	if len(unset) > 0 {
		properties["$unset"] = unset
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode properties: %w", err)
	}
	contact := c.Contact
	d.Enqueue(contact.ID, uuid.Nil, contract.OutboxCapture, "capture/"+c.ID.String(), contract.CapturePayload{
		UUID: c.ID.String(), ContactID: contact.ID.String(), Event: "$set", Properties: body, Timestamp: d.Now,
	})
	return nil
}
