package ingest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Update merges properties into a contact and makes further writes of it, in one
// transaction in which buckets see the change; a JSON null removes a key. No
// event is stored. Each write makes exactly one generated call. found is false, and
// nothing happens, when the contact is deleted or erased.
func (g *Ingester) Update(ctx context.Context, contactID uuid.UUID, properties map[string]json.RawMessage, writes ...Write) (found bool, err error) {
	it := newItem(&Event{ContactProperties: properties})
	it.kind, it.contactID, it.writes = kindTouch, contactID, writes
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return false, fmt.Errorf("update contact: %w", err)
	}
	return !it.gone, nil
}
