package hogsend

import (
	"time"

	"github.com/hogsend/hogsend/internal/zone"
)

// Zone is the time zone that counts for a contact, and what said so.
type Zone struct {
	// Name is a name of the IANA database, such as "Europe/Berlin".
	Name   string
	Source ZoneSource
}

// ZoneSource says where a zone was found. The first source that has a valid one
// counts, in the order of the constants (S-1).
type ZoneSource string

// The sources of zones (S-1).
const (
	ZoneExplicit   ZoneSource = "explicit"           // named by the author
	ZoneColumn     ZoneSource = "contact_column"     // the contact's own time zone
	ZoneProperties ZoneSource = "contact_properties" // its property timezone
	ZonePostHog    ZoneSource = "posthog_timezone"   // its property $timezone
	ZoneGeoIP      ZoneSource = "posthog_geoip"      // its property $geoip_time_zone
	ZoneDefault    ZoneSource = "default"            // of the installation
	ZoneFallback   ZoneSource = "fallback"           // UTC
)

// LoadZone is the time zone of a name of the IANA database in its exact case, from the
// copy that is compiled in, so that all processes agree; blanks around it do not
// matter. "Local", "" and offsets are no names (S-3).
func LoadZone(name string) (*time.Location, error) { return zone.Load(name) }
