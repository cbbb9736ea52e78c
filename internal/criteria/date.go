package criteria

import (
	"time"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/zone"
)

// ZoneProperties are the properties of a contact that may say where it is (S-1).
func ZoneProperties() []string { return []string{"timezone", "$timezone", "$geoip_time_zone"} }

// place is the contact's time zone: the first that is one (S-1).
func (h *History) place() *time.Location {
	names := []any{h.Timezone}
	for _, property := range ZoneProperties() {
		names = append(names, h.Properties[property])
	}
	for _, said := range append(names, h.Fallback) {
		if name, isText := said.(string); isText {
			if loc, err := zone.Load(name); err == nil {
				return loc
			}
		}
	}
	return time.UTC
}

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

// property is the truth of a leaf on a property of the contact.
func (h *History) property(n condition.Property, now time.Time) bool {
	if !n.Dated() {
		return propertyHolds(n, h.Properties)
	}
	x, ok := date(h.Properties, n.Property, h.place)
	return ok && n.DateHolds(x, now)
}

// matches is Match for the properties of one of the contact's events, which may be dates.
func (h *History) matches(where []condition.Condition, v Values) bool {
	return matcher{place: h.place}.all(where, v)
}
