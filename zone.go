package hogsend

import (
	"time"

	"github.com/hogsend/hogsend/internal/zone"
)

// Zone is the time zone that counts for a contact, and where it is from.
type Zone struct {
	// Name is a name such as "Europe/Berlin", for [LoadZone].
	Name   string
	Source ZoneSource
}

// ZoneSource says where a contact's time zone is from. The first source with a valid one
// counts, in the order of the constants.
type ZoneSource string

// The sources.
const (
	ZoneExplicit   ZoneSource = "explicit"           // named by the author
	ZoneColumn     ZoneSource = "contact_column"     // the contact's own, set by the API or an event
	ZoneProperties ZoneSource = "contact_properties" // its property timezone
	ZonePostHog    ZoneSource = "posthog_timezone"   // its property $timezone
	ZoneGeoIP      ZoneSource = "posthog_geoip"      // its property $geoip_time_zone
	ZoneDefault    ZoneSource = "default"            // the default of the installation
	ZoneFallback   ZoneSource = "fallback"           // UTC, as nothing else tells one
)

// LoadZone is the time zone of a name such as "Europe/Berlin". It reads the database that
// is compiled in, so that it gives the same on every machine, and journeys may call it.
// Names count in their exact case. "Local", "" and offsets are no names (S-3).
func LoadZone(name string) (*time.Location, error) { return zone.Load(name) }
