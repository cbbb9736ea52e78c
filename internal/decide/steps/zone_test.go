package steps_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func TestTheFirstValidSourceIsTheZone(t *testing.T) { // S-1 to S-4
	t.Parallel()
	type properties = hogsend.Properties
	const berlin = "Europe/Berlin"
	for _, tt := range []struct {
		column     string
		properties properties
		fallback   string
		want       hogsend.Zone
		refused    []hogsend.ZoneSource
	}{
		{"", nil, "", hogsend.Zone{Name: "UTC", Source: hogsend.ZoneFallback}, nil},
		{"", nil, berlin, hogsend.Zone{Name: berlin, Source: hogsend.ZoneDefault}, nil},
		{"", properties{"$geoip_time_zone": berlin}, "EST", hogsend.Zone{Name: berlin, Source: hogsend.ZoneGeoIP}, nil},
		{"", properties{"$timezone": berlin, "$geoip_time_zone": "EST"}, "", hogsend.Zone{Name: berlin, Source: hogsend.ZonePostHog}, nil},
		{"", properties{"timezone": " Europe/Berlin ", "$timezone": "EST"}, "", hogsend.Zone{Name: berlin, Source: hogsend.ZoneProperties}, nil},
		{berlin, properties{"timezone": "EST"}, "", hogsend.Zone{Name: berlin, Source: hogsend.ZoneColumn}, nil},
		{"", properties{"timezone": nil, "$timezone": ""}, berlin, hogsend.Zone{Name: berlin, Source: hogsend.ZoneDefault}, nil},
		{
			"Local",
			properties{"timezone": 1.0, "$timezone": "europe/berlin", "$geoip_time_zone": berlin},
			"",
			hogsend.Zone{Name: berlin, Source: hogsend.ZoneGeoIP},
			[]hogsend.ZoneSource{hogsend.ZoneColumn, hogsend.ZoneProperties, hogsend.ZonePostHog},
		},
		{"", properties{"timezone": map[string]any{}}, "", hogsend.Zone{Name: "UTC", Source: hogsend.ZoneFallback}, []hogsend.ZoneSource{hogsend.ZoneProperties}},
	} {
		got, refused := steps.ResolveZone(hogsend.Contact{Timezone: tt.column, Properties: tt.properties}, tt.fallback)
		require.Equal(t, tt.want, got)
		require.Equal(t, tt.refused, refused)
	}
}
