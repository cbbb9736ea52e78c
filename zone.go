package hogsend

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the database of time zones is part of the binary (S-3)
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

// LoadZone is the time zone of a name of the IANA database in its exact case;
// blanks around it do not matter. Names that only some machine knows, "Local", ""
// and offsets are refused (S-3).
func LoadZone(name string) (*time.Location, error) {
	name = strings.TrimSpace(name)
	if name == "" || strings.Contains(name, "\n") || !strings.Contains(zoneNames, "\n"+name+"\n") {
		return nil, fmt.Errorf("%q is not the name of a time zone", name)
	}
	return time.LoadLocation(name)
}
