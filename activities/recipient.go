package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// address finds who gets a mail of an enrollment, whose contact the draft has so far (E-83).
func (a *Activities) address(ctx context.Context, d *draft, to hogsend.Recipient) error {
	if to == (hogsend.Recipient{}) {
		d.to = text(d.contact.Email)
		return nil
	}
	d.about = d.contact
	if to.Address != "" {
		known, ok := a.Registry.Address(to.Address)
		if !ok {
			return &hogsend.ValidationError{
				Field: "to", Message: fmt.Sprintf("there is no address %q%s", to.Address, naming.Suggestion(to.Address, a.Registry.AddressNames())),
			}
		}
		d.to, d.contact = known, storedb.Contact{Properties: json.RawMessage("{}"), Email: &known}
		return nil
	}
	about, err := contactOf(d.about)
	if err != nil {
		return err
	}
	d.contact = storedb.Contact{Properties: json.RawMessage("{}")}
	id := steps.RecipientID(to, about.Properties)
	if d.nobody = id == ""; d.nobody {
		return nil
	}
	var own *uuid.UUID
	if parsed, err := uuid.Parse(id); err == nil {
		own = &parsed
	}
	found, err := a.Store.ContactsByUserID(ctx, id, own)
	if err != nil {
		return fmt.Errorf("find recipient: %w", err)
	}
	if d.nobody = len(found) == 0; d.nobody {
		return nil
	}
	d.contact, d.to = found[0], text(found[0].Email)
	if d.contact.ID == d.about.ID { // it is for its own contact after all
		d.about = storedb.Contact{}
	}
	return nil
}

// locks are the contacts whose locks a send to somebody else takes before it is decided, in
// the order in which all locks are taken (I-5, E-12).
func (d *draft) locks() []uuid.UUID {
	if d.about.ID == uuid.Nil || d.contact.ID == uuid.Nil {
		return nil
	}
	if cmp.Compare(d.about.ID.String(), d.contact.ID.String()) > 0 {
		return []uuid.UUID{d.contact.ID, d.about.ID}
	}
	return []uuid.UUID{d.about.ID, d.contact.ID}
}
