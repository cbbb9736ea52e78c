package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
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
		a.lookUp(ctx, row.ID, contact)
	}
	return a.zoneOf(ctx, contact, enrollmentID), nil
}

// People is where somebody's zone is looked up that nothing here tells (P-13).
type People interface {
	Find(ctx context.Context, contactID, distinctID string) (map[string]any, error)
	// Known is what was found lately, without asking; nil for nothing.
	Known(contactID string) map[string]any
}

// lookUp asks for the zone of somebody of whom nothing tells one. It is never called within
// a transaction, and a failure is no more than a zone that is not found (S-4).
func (a *Activities) lookUp(ctx context.Context, id uuid.UUID, contact hogsend.Contact) {
	if a.People == nil || known(a.resolved(contact).Source) {
		return
	}
	distinctID, err := a.Store.PostHogContact(ctx, id)
	if err == nil {
		_, err = a.People.Find(ctx, id.String(), distinctID)
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		a.warn(ctx, "zone of a contact is not looked up", "contact_id", id, "error", err)
	}
}

// lookUpFor is lookUp for the contact of an enrollment, before a mail is decided of.
func (a *Activities) lookUpFor(ctx context.Context, enrollmentID uuid.UUID) {
	if a.People == nil {
		return
	}
	row, err := a.Store.EnrollmentContact(ctx, enrollmentID)
	if err != nil {
		return // what needs the contact says so
	}
	if contact, err := contactOf(row); err == nil {
		a.lookUp(ctx, row.ID, contact)
	}
}

func known(source hogsend.ZoneSource) bool {
	return source != hogsend.ZoneDefault && source != hogsend.ZoneFallback
}

func (a *Activities) resolved(contact hogsend.Contact) hogsend.Zone {
	zone, _ := steps.ResolveZone(contact, a.Registry.Defaults().Timezone)
	return zone
}

// found is the zone that was looked up lately; false for none.
func (a *Activities) found(contact hogsend.Contact) (hogsend.Zone, bool) {
	if a.People == nil || contact.ID == "" {
		return hogsend.Zone{}, false
	}
	properties := a.People.Known(contact.ID)
	if properties == nil {
		return hogsend.Zone{}, false
	}
	zone := a.resolved(hogsend.Contact{Properties: hogsend.Properties{"$timezone": properties["$timezone"], "$geoip_time_zone": properties["$geoip_time_zone"]}})
	return zone, known(zone.Source)
}

// zoneOf resolves the zone of a contact and warns of what is none.
func (a *Activities) zoneOf(ctx context.Context, contact hogsend.Contact, enrollmentID string) hogsend.Zone {
	zone, refused := steps.ResolveZone(contact, a.Registry.Defaults().Timezone)
	if len(refused) > 0 {
		a.warn(ctx, "time zone of a contact is not valid", "enrollment_id", enrollmentID, "sources", refused)
	}
	if !known(zone.Source) {
		if found, ok := a.found(contact); ok {
			return found
		}
	}
	return zone
}
