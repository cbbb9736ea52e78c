package activities

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

func contactOf(c storedb.Contact) (hogsend.Contact, error) {
	contact := hogsend.Contact{ID: c.ID.String(), ExternalID: text(c.ExternalID), Email: text(c.Email), Timezone: text(c.Timezone)}
	if err := json.Unmarshal(c.Properties, &contact.Properties); err != nil {
		return contact, fmt.Errorf("decode properties of contact %s: %w", c.ID, err)
	}
	return contact, nil
}

func text[S ~string](s *S) S {
	if s == nil {
		return ""
	}
	return *s
}

func parseID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.UUID{}, &hogsend.ValidationError{Field: "enrollmentId", Message: "is not a uuid"}
	}
	return id, nil
}
