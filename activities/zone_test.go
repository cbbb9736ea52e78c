package activities_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

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

// people stands in for PostHog.
type people struct {
	asked []string
	found map[string]map[string]any
	err   error
}

func (p *people) Find(_ context.Context, contactID, distinctID string) (map[string]any, error) {
	p.asked = append(p.asked, distinctID)
	if p.err != nil {
		return nil, p.err
	}
	p.found[contactID] = map[string]any{"$timezone": "Asia/Tokyo"}
	return p.found[contactID], nil
}

func (p *people) Known(contactID string) map[string]any { return p.found[contactID] }

// P-13, S-4: asked only when nothing tells a zone; a failure is no zone, and fails nothing;
// the contact stays as it is.
func TestAZoneIsLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := &people{found: map[string]map[string]any{}, err: errors.New("down")}
	w.People = p
	claim := w.enroll("start")
	zone := func() hogsend.Zone {
		got, err := w.ReadTimezone(t.Context(), claim.Enrollment.ID)
		require.NoError(t, err)
		return got.Zone
	}
	require.Equal(t, hogsend.ZoneFallback, zone().Source)
	p.err = nil
	require.Equal(t, hogsend.Zone{Name: "Asia/Tokyo", Source: hogsend.ZonePostHog}, zone())
	require.Len(t, p.asked, 2)
	w.define(func(r *hogsend.Registry) { r.Defaults.Timezone = "Europe/Paris" })
	require.Equal(t, "Asia/Tokyo", zone().Name, "a guess about the person is better than that of the installation")
	asked := len(p.asked)
	w.exec(`update contacts set properties = '{"timezone": "Europe/Berlin"}'`)
	require.Equal(t, "Europe/Berlin", zone().Name)
	w.exec(`update contacts set properties = '{}', timezone = 'America/New_York'`)
	require.Equal(t, hogsend.ZoneColumn, zone().Source)
	require.Len(t, p.asked, asked, "nobody is asked")
}
