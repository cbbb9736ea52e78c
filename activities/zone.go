package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
)

// Names of the activities about time zones.
const (
	ReadTimezoneName = "ReadTimezone"
	FindInstantName  = "FindInstant"
)

// ZoneValue is the time zone of a contact.
type ZoneValue struct {
	Zone hogsend.Zone `json:"zone"`
}

// InstantRequest asks for the end of a chain of When (S-7 to S-14).
type InstantRequest struct {
	EnrollmentID string           `json:"enrollmentId"`
	Now          time.Time        `json:"now"`
	Schedule     hogsend.Schedule `json:"schedule"`
}

// InstantValue is the instant that was found.
type InstantValue struct {
	At time.Time `json:"at"`
}

// Sealed marks what tells where somebody lives.
func (ZoneValue) Sealed() {}

// Sealed marks what the author may have computed from what somebody said.
func (InstantRequest) Sealed() {}

// ReadTimezone is the zone of the enrollment's contact as committed now (S-5).
func (a *Activities) ReadTimezone(ctx context.Context, enrollmentID string) (ZoneValue, error) {
	zone, err := a.zone(ctx, enrollmentID)
	return ZoneValue{Zone: zone}, err
}

// FindInstant computes a chain of When from the contact's zone as committed now.
func (a *Activities) FindInstant(ctx context.Context, r InstantRequest) (InstantValue, error) {
	var zone hogsend.Zone
	if r.Schedule.Zone == "" {
		var err error
		if zone, err = a.zone(ctx, r.EnrollmentID); err != nil {
			return InstantValue{}, err
		}
	}
	at, err := r.Schedule.Instant(r.Now, zone.Name, a.Config.DefaultWindow)
	return InstantValue{At: at}, final(err)
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
	zone, refused := ResolveZone(contact, a.Config.DefaultTimezone)
	if len(refused) > 0 {
		a.warn(ctx, "time zone of a contact is not valid", "enrollment_id", enrollmentID, "sources", refused)
	}
	return zone
}

// ResolveZone finds the time zone of a contact, fallback being that of the
// installation or "". refused are the sources that say something that is no zone, of
// which the caller warns once (S-1, S-2).
func ResolveZone(c hogsend.Contact, fallback string) (zone hogsend.Zone, refused []hogsend.ZoneSource) {
	for _, said := range []struct {
		source hogsend.ZoneSource
		value  any
	}{
		{hogsend.ZoneColumn, c.Timezone},
		{hogsend.ZoneProperties, c.Properties["timezone"]},
		{hogsend.ZonePostHog, c.Properties["$timezone"]},
		{hogsend.ZoneGeoIP, c.Properties["$geoip_time_zone"]},
		{hogsend.ZoneDefault, fallback},
	} {
		if said.value == nil {
			continue
		}
		name, isText := said.value.(string)
		name = strings.TrimSpace(name)
		if isText && name == "" {
			continue
		}
		if _, err := hogsend.LoadZone(name); err != nil {
			refused = append(refused, said.source)
			continue
		}
		return hogsend.Zone{Name: name, Source: said.source}, refused
	}
	return hogsend.Zone{Name: "UTC", Source: hogsend.ZoneFallback}, refused
}
