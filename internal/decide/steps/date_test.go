package steps_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func rule(t hogsend.Trigger) *steps.DateRule {
	return &steps.DateRule{JourneyID: "j", Date: *t.Date, Zone: "UTC"}
}

func dated(zone string, value any) hogsend.Contact {
	return hogsend.Contact{Timezone: zone, Properties: hogsend.Properties{"on": value}}
}

// J-156, S-42
func TestWhenAContactIsDue(t *testing.T) {
	t.Parallel()
	const newYork = "America/New_York"
	on := hogsend.OnDate("on")
	now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		trigger hogsend.Trigger
		zone    string
		value   any
		want    string // "" for never
	}{
		{on.Before(30 * hogsend.Day).At("9:00"), newYork, "2026-03-01", "2026-01-30T14:00:00Z"},
		{on, newYork, "2026-03-01", "2026-03-01T05:00:00Z"},
		{on, newYork, "2026-03-01T09:00:00+01:00", "2026-03-01T08:00:00Z"},
		{on.Before(36 * time.Hour), "", "2026-03-01", "2026-02-27T12:00:00Z"},
		{on.After(hogsend.Day), newYork, "2026-03-07", "2026-03-08T05:00:00Z"},
		{on.After(2 * hogsend.Day), newYork, "2026-03-07", "2026-03-09T05:00:00Z"},            // exactly, over the change of clocks
		{on.After(2 * hogsend.Day).At("0:00"), newYork, "2026-03-07", "2026-03-09T04:00:00Z"}, // calendar days
		{on.At("2:30"), newYork, "2026-03-08", "2026-03-08T07:30:00Z"},                        // a gap
		{on.At("9:00"), newYork, "2026-03-01T03:00:00Z", "2026-02-28T14:00:00Z"},              // its local day
		{on, "", "2026-01-05T10:00:00Z", ""},                                                  // not after now
		{on, "", "2025-12-31", ""},
		{on.Yearly(), "", "2020-01-05T10:00:00Z", "2027-01-05T10:00:00Z"},
		{on.Yearly(), "", "2020-01-05T10:00:00.000001Z", "2026-01-05T10:00:00.000001Z"},
		{on.At("8:00").Yearly(), newYork, "1990-02-29", ""}, // no date
		{on.At("8:00").Yearly(), newYork, "1992-02-29", "2026-02-28T13:00:00Z"},
		{on.At("8:00").After(hogsend.Day).Yearly(), newYork, "1992-02-29", "2026-03-01T13:00:00Z"},
		{on.Before(10 * hogsend.Day).Yearly(), "", "2000-01-10", "2026-12-31T00:00:00Z"}, // of 2027
		{on.After(20 * hogsend.Day).Yearly(), "", "2000-12-24", "2026-01-13T00:00:00Z"},  // of 2025
		{on.Yearly(), "", "2040-05-01", "2040-05-01T00:00:00Z"},                          // from its own year on
		{on, "", "01.03.2026", ""},
		{on, "", 20260301, ""},
		{on, "", nil, ""},
		{on, "", " 2026-03-01", ""},
	} {
		due, ok := rule(tt.trigger).Due(uuid.Nil, dated(tt.zone, tt.value), nil, now)
		require.Equal(t, tt.want != "", ok, "%+v of %v", *tt.trigger.Date, tt.value)
		if ok {
			require.Equal(t, tt.want, due.At.Format(time.RFC3339Nano), "%+v of %v", *tt.trigger.Date, tt.value)
		}
	}
}

// J-156: against a plain search through the days of years, local time by local time.
func TestYearlyInstantsAreThoseOfAPlainSearch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"}).Draw(t, "zone")
		loc, err := hogsend.LoadZone(zone)
		require.NoError(t, err)
		day := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 30_000).Draw(t, "day"))
		shift := rapid.IntRange(-400, 400).Draw(t, "shift")
		trigger := hogsend.OnDate("on").At("12:00").Yearly()
		if shift < 0 {
			trigger = trigger.Before(time.Duration(-shift) * hogsend.Day)
		} else {
			trigger = trigger.After(time.Duration(shift) * hogsend.Day)
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 3*366*24).Draw(t, "hours")) * time.Hour)
		var want time.Time
		for year := day.Year(); want.IsZero(); year++ {
			anniversary := time.Date(year, day.Month(), day.Day(), 12, 0, 0, 0, loc)
			if day.Month() == time.February && day.Day() == 29 && anniversary.Month() == time.March {
				anniversary = time.Date(year, 2, 28, 12, 0, 0, 0, loc)
			}
			if at := anniversary.AddDate(0, 0, shift); at.After(now) { // noon is in no gap of these
				want = at
			}
		}
		contact := dated(zone, day.Format("2006-01-02"))
		due, ok := rule(trigger).Due(uuid.Nil, contact, nil, now)
		require.True(t, ok)
		require.Equal(t, want.UTC(), due.At)
		next, ok := rule(trigger).Following(contact, due)
		require.True(t, ok)
		require.Equal(t, due.Year+1, next.Year)
		require.InDelta(t, 365.5, next.At.Sub(due.At).Hours()/24, 1)
	})
}

// J-157: what only a changed zone moves stays due for the same year; another value does not.
func TestAChangedZoneMovesWhatIsDue(t *testing.T) {
	t.Parallel()
	r := rule(hogsend.OnDate("on").At("9:00"))
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	due, ok := r.Due(uuid.Nil, dated("America/New_York", "2026-03-01"), nil, now)
	require.True(t, ok)
	require.Equal(t, "2026-03-01T14:00:00Z", due.At.Format(time.RFC3339))
	moved, ok := r.Due(uuid.Nil, dated("Europe/Berlin", "2026-03-01"), &due, now)
	require.True(t, ok, "at once")
	require.Equal(t, "2026-03-01T08:00:00Z", moved.At.Format(time.RFC3339))
	_, ok = r.Due(uuid.Nil, dated("Europe/Berlin", "2026-02-28"), &due, now)
	require.False(t, ok, "another value that has passed")
	_, ok = r.Due(uuid.Nil, dated("Europe/Berlin", nil), &due, now)
	require.False(t, ok)
	a, b := uuid.New(), uuid.New()
	due.ContactID = a
	require.Contains(t, due.Keys([]string{"j", "former"}, []uuid.UUID{b}), due.Key("former", b))
	other := due
	other.Year = 2027
	require.NotEqual(t, due.Key("j", a), other.Key("j", a))
	require.NotEqual(t, due.Key("j", a), steps.DateDue{Value: "2026-03-02"}.Key("j", a), fmt.Sprint(due))
}
