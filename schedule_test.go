package hogsend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
)

const newYork = "America/New_York"

// local reads "2026-06-01 10:00" or with seconds as shown on a wall in the zone; an
// offset behind it, such as -04:00, tells two passes apart.
func local(t *testing.T, zone, text string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04 -07:00", "2006-01-02 15:04:05 -07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	loc, err := hogsend.LoadZone(zone)
	require.NoError(t, err)
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, loc); err == nil {
			return at
		}
	}
	t.Fatalf("no time: %s", text)
	return time.Time{}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id, zone, now string
		chain         func(hogsend.When) (time.Time, error)
		want          string // UTC
	}{
		{"S-7", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Next(time.Friday).At("09:00") }, "2026-06-05 13:00"},
		{"S-9", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Tomorrow().At("9:00") }, "2026-06-02 13:00"},
		{"S-10", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.In(0).At("09:00") }, "2026-06-02 13:00"},
		{"S-11", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.TZ(" Asia/Tokyo ").NextLocal("09:00") }, "2026-06-02 00:00"},
		{"S-11", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Next(time.Monday).IfPast(hogsend.Now).At("09:00") }, "2026-06-01 14:00"},
		{"S-12", newYork, "2026-06-01 10:00:07", func(w hogsend.When) (time.Time, error) { return w.NextLocal(" 10:01 ") }, "2026-06-01 14:01"},
		{"S-13", "Asia/Kathmandu", "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.NextLocal("11:00") }, "2026-06-01 05:15"},
		{"S-14", "Pacific/Apia", "2011-12-29 10:00", func(w hogsend.When) (time.Time, error) { return w.Tomorrow().At("08:00") }, "2011-12-30 18:00"},
		{"S-8", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.NextLocal("10:01") }, "2026-06-01 14:01"},
		{"S-15", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.NextLocal("10:00") }, "2026-06-02 14:00"},
		{"S-16", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.IfPast(hogsend.Now).NextLocal("09:00") }, "2026-06-01 14:00"},
		{"S-17", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Next(time.Monday).At("10:00") }, "2026-06-08 14:00"},
		{"S-17", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Next(time.Monday).At("10:01") }, "2026-06-01 14:01"},
		{"S-18", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Next(time.Sunday).At("09:00") }, "2026-06-07 13:00"},
		{"S-19", newYork, "2026-03-08 00:30", func(w hogsend.When) (time.Time, error) { return w.NextLocal("02:30") }, "2026-03-08 07:30"},
		{"S-20", newYork, "2026-03-08 03:15", func(w hogsend.When) (time.Time, error) { return w.NextLocal("02:30") }, "2026-03-08 07:30"},
		{"S-21", newYork, "2026-03-07 20:00", func(w hogsend.When) (time.Time, error) { return w.Tomorrow().At("08:00") }, "2026-03-08 12:00"},
		{"S-22", newYork, "2026-03-07 23:30", func(w hogsend.When) (time.Time, error) { return w.In(24 * time.Hour).At("09:00") }, "2026-03-09 13:00"},
		{"S-23", newYork, "2026-11-01 00:30", func(w hogsend.When) (time.Time, error) { return w.NextLocal("01:30") }, "2026-11-01 05:30"},
		{"S-24", newYork, "2026-11-01 01:45 -04:00", func(w hogsend.When) (time.Time, error) { return w.NextLocal("01:30") }, "2026-11-02 06:30"},
		{"S-25", newYork, "2026-10-31 20:00", func(w hogsend.When) (time.Time, error) { return w.Tomorrow().At("08:00") }, "2026-11-01 13:00"},
		{"S-26", "America/Santiago", "2026-09-05 22:00", func(w hogsend.When) (time.Time, error) { return w.NextLocal("00:00") }, "2026-09-06 04:00"},
		{"S-27", "Australia/Lord_Howe", "2026-10-04 01:00", func(w hogsend.When) (time.Time, error) { return w.NextLocal("02:15") }, "2026-10-03 15:45"},
		{"S-40", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2026-07-04").At("9:00") }, "2026-07-04 13:00"},
		{"S-40", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2026-07-04T01:30:00Z").At("9:00") }, "2026-07-03 13:00"}, // its day there
		{"S-40", newYork, "2026-01-01 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2026-03-01").Plus(-30).At("9:00") }, "2026-01-30 14:00"},
		{"S-40", newYork, "2026-01-01 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2026-03-07").Plus(1).At("2:30") }, "2026-03-08 07:30"}, // a gap
		{"S-40", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2026-06-01").IfPast(hogsend.Now).At("10:00") }, "2026-06-01 14:00"},
		{"S-40", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2026-07-04").TZ("Asia/Tokyo").At("9:00") }, "2026-07-04 00:00"},
		{"S-40", "Pacific/Apia", "2011-12-28 10:00", func(w hogsend.When) (time.Time, error) { return w.On("2011-12-30").At("08:00") }, "2011-12-30 18:00"},
		{"S-41", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Yearly(time.December, 24).At("9:00") }, "2026-12-24 14:00"},
		{"S-41", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Yearly(time.June, 1).At("10:00") }, "2027-06-01 14:00"},
		{"S-41", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Yearly(time.February, 29).At("9:00") }, "2027-02-28 14:00"},
		{"S-41", newYork, "2027-06-01 10:00", func(w hogsend.When) (time.Time, error) { return w.Yearly(time.February, 29).Plus(1).At("9:00") }, "2028-03-01 14:00"},
		{"S-41", newYork, "2026-12-31 10:00", func(w hogsend.When) (time.Time, error) { return w.Yearly(time.January, 5).Plus(-10).At("9:00") }, "2027-12-26 14:00"},
		{"S-41", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) {
			return w.Yearly(time.January, 1).IfPast(hogsend.Now).At("9:00")
		}, "2026-06-01 14:00"},
		{"S-39", newYork, "2040-12-30 20:00", func(w hogsend.When) (time.Time, error) { return w.Tomorrow().At("09:00") }, "2040-12-31 14:00"}, // of a leap year
		{"S-29", newYork, "2026-06-01 08:30:15", func(w hogsend.When) (time.Time, error) {
			return w.IfPast(hogsend.Now).Window("08:00", "17:00").NextLocal("08:00")
		}, "2026-06-01 12:30:15"},
		{"S-29", newYork, "2026-06-01 18:30", func(w hogsend.When) (time.Time, error) {
			return w.IfPast(hogsend.Now).Window("08:00", "17:00").NextLocal("08:00")
		}, "2026-06-02 12:00"},
		{"S-29", newYork, "2026-06-01 10:00", func(w hogsend.When) (time.Time, error) {
			return w.Window("08:00", "17:00").Next(time.Friday).At("20:00")
		}, "2026-06-06 12:00"},
	} {
		n := local(t, tt.zone, tt.now)
		got, err := tt.chain(hogsend.At(n, tt.zone))
		require.NoError(t, err, tt.id)
		require.Equal(t, local(t, "UTC", tt.want), got.In(mustLoad(t, "UTC")), "%s: %s", tt.id, tt.now)
	}
}

func mustLoad(t *testing.T, zone string) *time.Location {
	t.Helper()
	loc, err := hogsend.LoadZone(zone)
	require.NoError(t, err)
	return loc
}

// S-28, S-29, S-31 to S-37.
func TestWindowsClamp(t *testing.T) {
	t.Parallel()
	const same = ""
	for _, tt := range []struct{ id, start, end, at, want string }{
		{"S-31", "09:00", "17:00", "2026-06-01 08:59", "2026-06-01 09:00"},
		{"S-31", "09:00", "17:00", "2026-06-01 09:00", same},
		{"S-31", "09:00", "17:00", "2026-06-01 16:59:59", same},
		{"S-32", "09:00", "17:00", "2026-06-01 17:00", "2026-06-02 09:00"},
		{"S-32", "09:00", "17:00", "2026-06-01 19:00", "2026-06-02 09:00"},
		{"S-33", "22:00", "06:00", "2026-06-01 23:00", same},
		{"S-33", "22:00", "06:00", "2026-06-01 03:00", same},
		{"S-33", "22:00", "06:00", "2026-06-01 06:00", "2026-06-01 22:00"},
		{"S-33", "22:00", "06:00", "2026-06-01 12:00", "2026-06-01 22:00"},
		{"S-34", "09:00", "09:00", "2026-06-01 03:33:33", same},
		{"S-35", "02:30", "05:00", "2026-03-08 01:50", "2026-03-08 03:00 -04:00"},
		{"S-36", "02:00", "03:00", "2026-03-08 01:50", "2026-03-09 02:00 -04:00"},
		{"S-37", "01:00", "02:00", "2026-11-01 01:10 -05:00", same},
		{"S-39", "09:00", "17:00", "2040-12-30 22:00", "2040-12-31 09:00"}, // of a leap year
		{"S-38", "09:00", "17:00", "2026-06-05 19:00", "2026-06-06 09:00"}, // Friday to Saturday
	} {
		at := local(t, newYork, tt.at)
		want := at
		if tt.want != same {
			want = local(t, newYork, tt.want)
		}
		got, err := hogsend.Window{Start: tt.start, End: tt.end}.Clamp(at, newYork)
		require.NoError(t, err, tt.id)
		require.True(t, want.Equal(got), "%s: %s-%s at %s: %s", tt.id, tt.start, tt.end, tt.at, got)
	}
	at := local(t, newYork, "2026-06-01 03:00")
	got, err := hogsend.Window{}.Clamp(at, newYork)
	require.NoError(t, err)
	require.Equal(t, at, got, "no window changes nothing")
}

// S-3
func TestZonesAreNamesOfTheDatabase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", " Europe/Berlin\t", "UTC", "EST", "Etc/GMT+5", "Asia/Kathmandu"} {
		_, err := hogsend.LoadZone(name)
		require.NoError(t, err, name)
	}
	for _, name := range []string{
		"", " ", "Local", "localtime", "+02:00", "europe/berlin", "EUROPE/BERLIN", "Mars/Phobos", "../UTC", "/etc/localtime", "posix/Europe/Berlin",
		"right/UTC", "Europe", "Europe/", "UTC\nZulu", "UTC\x00", strings.Repeat("x", 1000),
	} {
		_, err := hogsend.LoadZone(name)
		require.Error(t, err, "%q", name)
	}
}

// S-10, S-11, S-12, J-118: the first mistake of a chain is returned at its end.
func TestMistakesInAChainAreReturnedAtItsEnd(t *testing.T) {
	t.Parallel()
	w := hogsend.At(time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC), newYork)
	for field, chain := range map[string]func() (time.Time, error){
		"in":      func() (time.Time, error) { return w.In(-1).Window("x", "y").At("z") },
		"weekday": func() (time.Time, error) { return w.Next(7).At("09:00") },
		"zone":    func() (time.Time, error) { return w.TZ("Local").NextLocal("09:00") },
		"start":   func() (time.Time, error) { return w.Window("9", "17:00").NextLocal("09:00") },
		"end":     func() (time.Time, error) { return w.Window("9:00", "24:00").NextLocal("09:00") },
		"ifPast":  func() (time.Time, error) { return w.IfPast("never").NextLocal("09:00") },
		"on":      func() (time.Time, error) { return w.On("2026-02-30").At("09:00") },
		"yearly":  func() (time.Time, error) { return w.Yearly(time.April, 31).At("09:00") },
		"plus":    func() (time.Time, error) { return w.Tomorrow().Plus(1).At("09:00") },
		"day":     func() (time.Time, error) { return w.At("09:00") },
		"at":      func() (time.Time, error) { return w.NextLocal("24:00") },
	} {
		at, err := chain()
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid, field)
		require.Equal(t, field, invalid.Field)
		require.Zero(t, at)
	}
	for _, text := range []string{"24:00", "9:5", "9am", "", ":", "9:", ":30", "-1:00", "1:60", "009:00", "9:000", "9:3O", "９:30", "9.30"} {
		_, err := w.NextLocal(text)
		require.Error(t, err, "%q", text)
	}
	for _, text := range []string{"0:00", "00:00", "9:05", "23:59", "\t9:05 "} {
		_, err := w.NextLocal(text)
		require.NoError(t, err, "%q", text)
	}
	for _, mistake := range []func() (time.Time, error){
		func() (time.Time, error) { return w.On("").At("09:00") },
		func() (time.Time, error) { return w.On("01.03.2026").At("09:00") },
		func() (time.Time, error) { return w.Yearly(0, 1).At("09:00") },
		func() (time.Time, error) { return w.Yearly(13, 1).At("09:00") },
		func() (time.Time, error) { return w.Yearly(time.May, 0).At("09:00") },
		func() (time.Time, error) { return w.On("2026-07-04").Plus(36_526).At("09:00") },
	} {
		var invalid *hogsend.ValidationError
		_, err := mistake()
		require.ErrorAs(t, err, &invalid)
	}
	for _, gone := range []string{"2026-06-01", "2026-06-01T13:59:59Z", "1999-12-31"} {
		_, err := w.On(gone).At("10:00")
		require.ErrorIs(t, err, hogsend.ErrPast, gone) // S-40
	}
	_, err := w.TZ("").NextLocal("09:00")
	require.Error(t, err, "an explicit zone is a zone (S-2)")
	_, err = hogsend.At(time.Now(), "nowhere").NextLocal("09:00")
	require.Error(t, err)
}

// S-2
func TestABuilderIsNotChangedByItsMethods(t *testing.T) {
	t.Parallel()
	w := hogsend.At(time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC), newYork)
	base := w.Tomorrow()
	_ = base.TZ("Asia/Tokyo").Window("10:00", "11:00").IfPast(hogsend.Now).Next(time.Friday)
	_ = base.In(-1)
	got, err := base.At("09:00")
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 6, 2, 13, 0, 0, 0, time.UTC), got)
}

// S-12
func TestWeekdaysAreParsed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Weekday{"monday": time.Monday, "SUN": time.Sunday, " Saturday ": time.Saturday, "thu": time.Thursday} {
		got, err := hogsend.ParseWeekday(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "mo", "thur", "Montag", "1"} {
		_, err := hogsend.ParseWeekday(text)
		require.Error(t, err, text)
	}
}

// grain divides every offset since 1970, so that every local minute begins on it.
const grain = 30 * time.Second

// wall is what the clock shows, as if it were UTC.
func wall(t time.Time, loc *time.Location) time.Time {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// shown is the first instant at which the clock shows asked, looked for one grain at
// a time; where it leaves asked out, exists is false and the instant is as much
// later as it leaves out (S-14).
func shown(asked time.Time, loc *time.Location) (at time.Time, exists bool) {
	previous := asked.Add(-26 * time.Hour)
	for at := previous.Add(grain); ; at = at.Add(grain) {
		if wall(at, loc).Equal(asked) {
			return at, true
		}
		if wall(previous, loc).Before(asked) && wall(at, loc).After(asked) {
			if _, later := find(asked, at, loc); !later.IsZero() {
				return later, true
			}
			return previous.Add(asked.Sub(wall(previous, loc))), false
		}
		previous = at
	}
}

// find looks whether the clock, set back later, shows asked after all.
func find(asked, from time.Time, loc *time.Location) (bool, time.Time) {
	for at := from; at.Before(from.Add(26 * time.Hour)); at = at.Add(grain) {
		if wall(at, loc).Equal(asked) {
			return true, at
		}
	}
	return false, time.Time{}
}

// S-39
func TestScheduleAgainstAClockOnTheWall(t *testing.T) {
	t.Parallel()
	zones := []string{
		newYork, "Europe/Berlin", "UTC", "Asia/Kathmandu", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca",
		"Africa/Monrovia", "Antarctica/Troll", "Pacific/Chatham", "Pacific/Kiritimati", "Asia/Gaza", "Africa/Cairo", "America/Havana", "Asia/Tehran",
	}
	hhmm := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "hour"), rapid.SampledFrom([]int{0, 1, 15, 29, 30, 45, 59}).Draw(t, "minute"))
	})
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		loc, err := hogsend.LoadZone(zone)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(0, 130*365*24*3600).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
		if _, set := now.In(loc).ZoneBounds(); !set.IsZero() && rapid.Bool().Draw(t, "near a change") {
			now = set.Add(time.Duration(rapid.Int64Range(-30*int64(time.Hour), 30*int64(time.Hour)).Draw(t, "from the change")))
		}
		s := hogsend.Schedule{
			Day:     rapid.SampledFrom([]hogsend.ScheduleDay{hogsend.DayWeekday, hogsend.DayToday, hogsend.DayTomorrow, hogsend.DayAfter}).Draw(t, "day"),
			Weekday: time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")),
			After:   time.Duration(rapid.Int64Range(0, 400*int64(hogsend.Day)).Draw(t, "after")),
			At:      hhmm.Draw(t, "at"),
			IfPast:  rapid.SampledFrom([]hogsend.PastRule{"", hogsend.Next, hogsend.Now}).Draw(t, "if past"),
		}
		window := hogsend.Window{}
		if rapid.Bool().Draw(t, "has a window") {
			window = hogsend.Window{Start: hhmm.Draw(t, "start"), End: hhmm.Draw(t, "end")}
		}

		free, err := s.Instant(now, zone, hogsend.Window{})
		if err != nil {
			t.Fatal(err)
		}
		if want := expected(s, now, loc); !free.Equal(want) {
			t.Fatalf("without a window: %s, not %s", free, want)
		}
		got, err := s.Instant(now, zone, window)
		if err != nil {
			t.Fatal(err)
		}
		if got.Before(now) || !inside(got, window, loc) {
			t.Fatalf("%s is before now or outside of the window", got)
		}
		for at := free; at.Before(got); at = at.Truncate(grain).Add(grain) {
			if inside(at, window, loc) {
				t.Fatalf("%s is earlier than %s", at, got)
			}
		}
	})
}

// expected goes through the days until one of them has the instant.
func expected(s hogsend.Schedule, now time.Time, loc *time.Location) time.Time {
	from := now
	if s.Day == hogsend.DayAfter {
		from = now.Add(s.After)
	}
	hour, _ := time.Parse("15:04", s.At)
	midnight := wall(from, loc).Truncate(hogsend.Day)
	for n := 0; ; n++ {
		day := midnight.AddDate(0, 0, n)
		if s.Day == hogsend.DayWeekday && day.Weekday() != s.Weekday || s.Day == hogsend.DayTomorrow && n == 0 {
			continue
		}
		at, _ := shown(day.Add(time.Duration(hour.Hour())*time.Hour+time.Duration(hour.Minute())*time.Minute), loc)
		if at.After(now) {
			return at
		}
		if s.IfPast == hogsend.Now {
			return now
		}
	}
}

func inside(at time.Time, window hogsend.Window, loc *time.Location) bool {
	if window == (hogsend.Window{}) || window.Start == window.End {
		return true
	}
	shows := wall(at, loc).Format("15:04")
	if window.Start < window.End {
		return window.Start <= shows && shows < window.End
	}
	return window.Start <= shows || shows < window.End
}
