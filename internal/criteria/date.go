package criteria

import (
	"time"

	"github.com/hogsend/hogsend/internal/zone"
)

// ZoneProperties are the properties of a contact that may say where it is (S-1).
func ZoneProperties() []string { return []string{"timezone", "$timezone", "$geoip_time_zone"} }

// date is the instant of a property that is a date (S-42).
func date(v Values, property string, place func() *time.Location) (x time.Time, ok bool) {
	text, isText := v[property].(string)
	found, isDate := zone.ParseDate(text)
	switch {
	case !isText || !isDate:
		return x, false
	case found.IsDay():
		return found.Instant(place()), true
	}
	return found.Instant(time.UTC), true
}
