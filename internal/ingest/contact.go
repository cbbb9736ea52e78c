package ingest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
)

// Change is what an operator writes of a contact. The zero value changes nothing.
type Change struct {
	// ExternalID identifies the contact from now on; "" leaves it. The one it replaces
	// is nobody's any more (I-62).
	ExternalID string
	// Email replaces the address; "" leaves it. NoEmail takes it away instead.
	Email   string
	NoEmail bool
	// Properties merge into the contact's; a JSON null removes a key (I-32).
	Properties map[string]json.RawMessage
	// Zoned says that what is written along moves the contact to another time zone.
	Zoned bool
}

// Update changes a contact and makes further writes of it, in one transaction in which
// buckets see the change. No event is stored. Each write makes exactly one generated
// call. An unidentified contact that has one of the
// keys is merged with it. found is false, and nothing happens, when it is deleted or erased;
// nor does anything with a *TakenError.
func (g *Ingester) Update(ctx context.Context, contactID uuid.UUID, c Change, writes ...Write) (found bool, err error) {
	change := g.engine.ChangeOf(contactID, &decide.Update{
		ExternalID: c.ExternalID, Email: c.Email, NoEmail: c.NoEmail, Properties: c.Properties, Zoned: c.Zoned, Attached: attached(writes),
	})
	if err := g.engine.Apply(ctx, change); err != nil {
		return false, fmt.Errorf("update contact: %w", err)
	}
	return !change.Missing, nil
}

// Delete deletes a contact softly, in one transaction: its stays end silently, their
// timers are canceled, its enrollments exit without journey:exited (I-48, J-83). Its
// keys still lead to it: what it does later revives it (I-49). found is false, and
// nothing happens, when it is deleted already. Further writes are made along.
func (g *Ingester) Delete(ctx context.Context, contactID uuid.UUID, also ...Write) (found bool, err error) {
	c := g.engine.ChangeOf(contactID, &decide.Delete{})
	c.Also = attached(also)
	if err := g.engine.Apply(ctx, c); err != nil {
		return false, fmt.Errorf("delete contact: %w", err)
	}
	return !c.Missing, nil
}
