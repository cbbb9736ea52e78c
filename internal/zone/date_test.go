package zone_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend/internal/zone"
)

func load(t require.TestingT, name string) *time.Location {
	loc, err := zone.Load(name)
	require.NoError(t, err)
	return loc
}

// S-42
func TestADateIsAnInstantOrADay(t *testing.T) {
	t.Parallel()
	newYork := load(t, "America/New_York")
	for text, want := range map[string]string{
		"2026-03-01":                       "2026-03-01T05:00:00Z",
		"2024-02-29":                       "2024-02-29T05:00:00Z",
		"2026-03-01T09:00:00+01:00":        "2026-03-01T08:00:00Z",
		"2026-03-01T09:00:00Z":             "2026-03-01T09:00:00Z",
		"2026-03-01T09:00:00.1234567Z":     "2026-03-01T09:00:00.123456Z",
		"2026-03-01T09:00:00.999999999Z":   "2026-03-01T09:00:00.999999Z",
		"0001-01-01T00:00:00.0000009Z":     "0001-01-01T00:00:00Z",
		"2026-03-01T00:00:00.000001-23:59": "2026-03-01T23:59:00.000001Z",
	} {
		date, ok := zone.ParseDate(text)
		require.True(t, ok, text)
		require.Equal(t, want, date.Instant(newYork).Format(time.RFC3339Nano), text)
		require.Equal(t, len(text) == 10, date.IsDay(), text)
	}
	for _, text := range []string{
		"", "2026-02-30", "2026-3-1", "01.03.2026", " 2026-03-01", "2026-03-01 ", "2026-03-01\n", "2025-02-29", "2026-13-01", "2026-00-10", "20260301",
		"2026-03-01T09:00:00", "2026-03-01 09:00:00Z", "2026-03-01T9:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z", "2026-03-01T09:00:60Z",
		"2026-03-01T09:00:00,5Z", "2026-03-01T09:00:00.Z", "2026-03-01T09:00:00+1:00", "2026-03-01T09:00:00+24:00", "2026-02-30T09:00:00Z", "1772323200", "tomorrow", "2026-W09",
	} {
		_, ok := zone.ParseDate(text)
		require.False(t, ok, "%q", text)
	}
}

// S-14, S-42: a day begins with the first instant that bears its date, whatever a zone
// does at midnight; a day that a zone leaves out begins where the clock was set over it.
func TestADayBeginsAtItsMidnight(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"}, // midnight is left out
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"},   // midnight comes twice
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},     // the day is left out
		{"UTC", "2026-03-01", "2026-03-01T00:00:00Z"},
	} {
		date, ok := zone.ParseDate(tt[1])
		require.True(t, ok)
		require.Equal(t, tt[2], date.Instant(load(t, tt[0])).Format(time.RFC3339), "%v", tt)
	}
	names := []string{"Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Nuuk", "Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		loc := load(t, rapid.SampledFrom(names).Draw(t, "zone"))
		day := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 60_000).Draw(t, "day")).Format("2006-01-02")
		date, ok := zone.ParseDate(day)
		require.True(t, ok)
		begins := date.Instant(loc)
		require.Equal(t, day, begins.In(loc).Format("2006-01-02"))
		require.NotEqual(t, day, begins.Add(-time.Microsecond).In(loc).Format("2006-01-02"))
		require.Equal(t, day, date.Day(loc).Format("2006-01-02"))
	})
}
