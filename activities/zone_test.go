package activities_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// S-1, S-2
func TestTheFirstValidSourceIsTheZone(t *testing.T) {
	t.Parallel()
	type properties = hogsend.Properties
	const berlin = "Europe/Berlin"
	// S-1 to S-4: the first source that has a zone counts.
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
		got, refused := decide.ResolveZone(hogsend.Contact{Timezone: tt.column, Properties: tt.properties}, tt.fallback)
		require.Equal(t, tt.want, got)
		require.Equal(t, tt.refused, refused)
	}
}

// S-2, S-5: read as committed, with one warning that names nobody and no place.
func TestTheZoneIsReadAsCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	w.Logger = slog.New(slog.NewTextHandler(&log, nil))
	claim := w.enroll("start")
	zone := func() hogsend.Zone {
		got, err := w.ReadTimezone(t.Context(), claim.Enrollment.ID)
		require.NoError(t, err)
		return got.Zone
	}
	require.Equal(t, hogsend.ZoneFallback, zone().Source)
	w.define(func(r *hogsend.Registry) { r.Defaults.Timezone = "Asia/Tokyo" })
	require.Equal(t, "Asia/Tokyo", zone().Name)
	w.exec(`update contacts set properties = '{"timezone": "Mars/Phobos", "$timezone": 7, "$geoip_time_zone": "Europe/Paris"}'`)
	require.Equal(t, hogsend.Zone{Name: "Europe/Paris", Source: hogsend.ZoneGeoIP}, zone())
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
	require.NotContains(t, log.String(), "Mars")
	w.exec(`update contacts set timezone = 'America/New_York'`)
	require.Equal(t, hogsend.Zone{Name: "America/New_York", Source: hogsend.ZoneColumn}, zone())

	w.exec(`delete from contacts`)
	require.Equal(t, hogsend.ZoneDefault, zone().Source, "of somebody erased nothing is known")
}

// S-5, S-11, S-30: contact's zone or the author's, default window or the author's.
func TestFindInstant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) { r.Defaults.Window = hogsend.Window{Start: "9:00", End: "17:00"} })
	claim := w.enroll("start")
	w.exec(`update contacts set timezone = 'America/New_York'`)
	monday := time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		schedule hogsend.Schedule
		want     string
	}{
		{hogsend.Schedule{Day: hogsend.DayTomorrow, At: "10:00"}, "2026-06-02T14:00:00Z"},
		{hogsend.Schedule{Day: hogsend.DayTomorrow, At: "7:00"}, "2026-06-02T13:00:00Z"},
		{hogsend.Schedule{Day: hogsend.DayTomorrow, At: "7:00", Window: &hogsend.Window{Start: "0:00", End: "0:00"}}, "2026-06-02T11:00:00Z"},
		{hogsend.Schedule{Day: hogsend.DayTomorrow, At: "10:00", Zone: "UTC"}, "2026-06-02T10:00:00Z"},
	} {
		got, err := w.FindInstant(t.Context(), contract.InstantRequest{EnrollmentID: claim.Enrollment.ID, Now: monday, Schedule: tt.schedule})
		require.NoError(t, err)
		require.Equal(t, tt.want, got.At.Format(time.RFC3339))
		if tt.schedule.Zone == "" && tt.schedule.Window != nil { // the same builder, as a pure function (S-2)
			pure, err := hogsend.At(monday, "America/New_York").Tomorrow().Window("0:00", "0:00").At(tt.schedule.At)
			require.NoError(t, err)
			require.True(t, pure.Equal(got.At))
		}
	}
	_, err := w.FindInstant(t.Context(), contract.InstantRequest{
		EnrollmentID: claim.Enrollment.ID, Now: monday, Schedule: hogsend.Schedule{Day: hogsend.DayTomorrow, At: "10:00", Zone: "Local"},
	})
	requireFinal(t, err, contract.ErrorTypeValidation) // S-2
}
