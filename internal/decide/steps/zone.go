package steps

import (
	"strings"

	"github.com/hogsend/hogsend"
)

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
