package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// ReadTimezone is the zone of the enrollment's contact as committed now (S-5).
func (a *Activities) ReadTimezone(ctx context.Context, enrollmentID string) (contract.ZoneValue, error) {
	zone, err := a.zone(ctx, enrollmentID)
	return contract.ZoneValue{Zone: zone}, err
}

// FindInstant computes a chain of When from the contact's zone as committed now.
func (a *Activities) FindInstant(ctx context.Context, r contract.InstantRequest) (contract.InstantValue, error) {
	var zone hogsend.Zone
	if r.Schedule.Zone == "" {
		var err error
		if zone, err = a.zone(ctx, r.EnrollmentID); err != nil {
			return contract.InstantValue{}, err
		}
	}
	at, err := r.Schedule.Instant(r.Now, zone.Name, a.Registry.Defaults().Window)
	if errors.Is(err, hogsend.ErrPast) {
		return contract.InstantValue{Past: true}, nil // recorded (S-40)
	}
	return contract.InstantValue{At: at}, final(err)
}

func (a *Activities) zone(ctx context.Context, enrollmentID string) (hogsend.Zone, error) {
	id, err := parseID(enrollmentID)
	if err != nil {
		return hogsend.Zone{}, final(err)
	}
	var contact hogsend.Contact
	row, err := a.Store.EnrollmentContact(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // erased since
	case err != nil:
		return hogsend.Zone{}, fmt.Errorf("read contact: %w", err)
	default:
		if contact, err = contactOf(row); err != nil {
			return hogsend.Zone{}, err
		}
	}
	return a.zoneOf(ctx, contact, enrollmentID), nil
}

// zoneOf resolves the zone of a contact and warns of what is none.
func (a *Activities) zoneOf(ctx context.Context, contact hogsend.Contact, enrollmentID string) hogsend.Zone {
	zone, refused := steps.ResolveZone(contact, a.Registry.Defaults().Timezone)
	if len(refused) > 0 {
		a.warn(ctx, "time zone of a contact is not valid", "enrollment_id", enrollmentID, "sources", refused)
	}
	return zone
}
