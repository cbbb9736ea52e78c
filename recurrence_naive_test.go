package hogsend_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// The examples of S-44, S-45 and row C-16 of the report that asked for it: what gaps
// move over midnight stays its own day's, and is found whatever the instant asked from.
func TestAMovedInstantBelongsToItsOwnDay(t *testing.T) {
	t.Parallel()
	const nuuk = "America/Nuuk" // sets its clocks at ten in the evening, from 22:00 or 23:00 to midnight
	for _, tt := range []struct {
		r     hogsend.Recurrence
		after string
		want  []string
	}{
		{hogsend.Monthly(28, "23:30").TZ(nuuk), "2026-03-28T12:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-04-29T00:30:00Z"}},
		{hogsend.Monthly(28, "23:30").TZ(nuuk), "2026-03-29T01:00:00Z", []string{"2026-03-29T01:30:00Z"}},           // inside of the moved half hour
		{hogsend.Monthly(28, "23:30").TZ(nuuk), "2026-03-29T01:29:59.999999999Z", []string{"2026-03-29T01:30:00Z"}}, // just before
		{hogsend.Monthly(28, "23:30").TZ(nuuk), "2026-03-29T01:30:00Z", []string{"2026-04-29T00:30:00Z"}},           // at it
		{hogsend.Monthly(25, "23:30").TZ(nuuk), "2029-03-24T12:00:00Z", []string{"2029-03-26T00:30:00Z", "2029-04-26T00:30:00Z"}},
		{hogsend.Weekly(time.Saturday, "23:30").TZ(nuuk), "2026-03-29T01:10:00Z", []string{"2026-03-29T01:30:00Z", "2026-04-05T00:30:00Z"}},
		{hogsend.Daily("23:30").TZ(nuuk), "2026-03-28T12:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
		// Samoa left out December 30th, 2011: the day counts with the instant it is moved to.
		{hogsend.Monthly(30, "9:00").TZ("Pacific/Apia"), "2011-12-01T00:00:00Z", []string{"2011-12-30T19:00:00Z", "2012-01-29T19:00:00Z"}},
		{hogsend.Daily("9:00").TZ("Pacific/Apia"), "2011-12-29T12:00:00Z", []string{"2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"}},
		// Troll sets its clock over two hours, at one in the night.
		{hogsend.Weekly(time.Sunday, "2:59").TZ("Antarctica/Troll"), "2026-03-29T02:30:00Z", []string{"2026-03-29T02:59:00Z", "2026-04-05T00:59:00Z"}},
		// An overlap: only the first of the two, asked before, within and after.
		{hogsend.Daily("1:30").TZ(newYork), "2026-11-01T05:29:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{hogsend.Daily("1:30").TZ(newYork), "2026-11-01T06:10:00Z", []string{"2026-11-02T06:30:00Z"}},
		// Months that have no such day have no instant.
		{hogsend.Monthly(31, "9:00"), "2026-01-31T09:00:00Z", []string{"2026-03-31T09:00:00Z", "2026-05-31T09:00:00Z"}},
		{hogsend.Monthly(29, "0:00"), "2026-01-29T00:00:00Z", []string{"2026-03-29T00:00:00Z"}},
		{hogsend.Monthly(29, "0:00"), "2028-01-29T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
	} {
		at, err := time.Parse(time.RFC3339Nano, tt.after)
		require.NoError(t, err)
		for _, want := range tt.want {
			at, err = tt.r.Next(at)
			require.NoError(t, err)
			require.Equal(t, want, at.Format(time.RFC3339Nano), "%s after %s", tt.r.Label(), tt.after)
		}
	}
}

// S-44: Next returns, whatever it is asked for.
func TestABadRecurrenceIsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field string
		r     hogsend.Recurrence
	}{
		{"day", hogsend.Monthly(0, "9:00")},
		{"day", hogsend.Monthly(32, "9:00")},
		{"day", hogsend.Monthly(-1, "9:00")},
		{"weekday", hogsend.Weekly(7, "9:00")},
		{"weekday", hogsend.Weekly(-1, "9:00")},
		{"at", hogsend.Daily("24:00")},
		{"at", hogsend.Monthly(1, "")},
		{"zone", hogsend.Daily("9:00").TZ("Berlin")},
		{"period", hogsend.Recurrence{At: "9:00"}},
		{"period", hogsend.Recurrence{Period: "yearly", At: "9:00"}},
	} {
		at, err := tt.r.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		var refused *hogsend.ValidationError
		require.ErrorAs(t, err, &refused, "%+v", tt.r)
		require.Equal(t, tt.field, refused.Field)
		require.Zero(t, at)
		require.Equal(t, err, tt.r.Validate())
	}
	for _, t0 := range []time.Time{{}, time.Unix(0, 0), time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(99_999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		for day := 1; day <= 31; day++ {
			at, err := hogsend.Monthly(day, "23:59").TZ("America/Nuuk").Next(t0)
			require.NoError(t, err)
			require.True(t, at.After(t0))
			require.Less(t, at.Sub(t0), 93*hogsend.Day)
		}
	}
	_, err := hogsend.Daily("9:00").Next(time.Unix(1<<62, 0))
	if err != nil {
		require.ErrorContains(t, err, "calendar")
	}
}

// recurring are zones with gaps and overlaps of all kinds: at midnight, over it, of
// half an hour, of two hours, of a day, in the southern half, often, or never.
func recurring() []string {
	return []string{
		"America/Nuuk", "America/Godthab", "America/Scoresbysund", "America/Santiago", "America/Asuncion", "America/Havana", "America/Sao_Paulo",
		"America/St_Johns", newYork, "Europe/Berlin", "Europe/Dublin", "Africa/Casablanca", "Africa/Cairo", "Africa/Monrovia", "Asia/Gaza", "Asia/Beirut",
		"Asia/Amman", "Asia/Damascus", "Asia/Tehran", "Asia/Kathmandu", "Asia/Pyongyang", "Antarctica/Troll", "Antarctica/Casey", "Australia/Lord_Howe",
		"Pacific/Apia", "Pacific/Fakaofo", "Pacific/Chatham", "Pacific/Kwajalein", "Pacific/Kiritimati", "Atlantic/Azores", "UTC",
	}
}

// instantOf is S-14 from its words, by trial: of all instants at which some offset of
// the days around would make the clock show the asked time, the first at which it
// does; if none does, the one that the offset before the gap makes of it.
func instantOf(asked time.Time, loc *time.Location) time.Time {
	var offsets []time.Duration // in the order in which they come
	for at := asked.Add(-40 * time.Hour); at.Before(asked.Add(40 * time.Hour)); at = at.Add(15 * time.Minute) {
		_, seconds := at.In(loc).Zone()
		if offset := time.Duration(seconds) * time.Second; len(offsets) == 0 || offsets[len(offsets)-1] != offset {
			offsets = append(offsets, offset)
		}
	}
	if len(offsets) > 2 {
		at, _ := shown(asked, loc) // two changes within days: look at every half minute
		return at
	}
	var found []time.Time
	for _, offset := range offsets {
		if at := asked.Add(-offset); wall(at, loc).Equal(asked) {
			found = append(found, at)
		}
	}
	if len(found) == 0 {
		return asked.Add(-offsets[0])
	}
	return slices.MinFunc(found, time.Time.Compare)
}

// naiveNext looks at every matching day of a month before and of three after.
func naiveNext(r hogsend.Recurrence, t time.Time, loc *time.Location) time.Time {
	clock, err := time.Parse("15:04", r.At)
	if err != nil {
		panic(err)
	}
	var best time.Time
	day := wall(t, loc).Truncate(hogsend.Day)
	last := map[hogsend.Period]int{hogsend.PeriodDay: 5, hogsend.PeriodWeek: 16, hogsend.PeriodMonth: 93}[r.Period]
	for n := -5; n <= last; n++ {
		d := day.AddDate(0, 0, n)
		if r.Period == hogsend.PeriodWeek && d.Weekday() != r.Weekday || r.Period == hogsend.PeriodMonth && d.Day() != r.Day {
			continue
		}
		at := instantOf(d.Add(time.Duration(clock.Hour())*time.Hour+time.Duration(clock.Minute())*time.Minute), loc)
		if at.After(t) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	return best
}

// S-39, S-44
func TestRecurrencesAgreeWithATrialOfEveryDay(t *testing.T) {
	t.Parallel()
	const cases = 4_000
	random := rand.New(rand.NewPCG(16, 44)) // the same cases every time
	zones := recurring()
	for range cases {
		zone := zones[random.IntN(len(zones))]
		loc := mustLoad(t, zone)
		at := fmt.Sprintf("%02d:%02d", random.IntN(24), []int{0, 1, 15, 29, 30, 45, 59}[random.IntN(7)])
		t0 := time.Unix(random.Int64N(130*365*24*3600), random.Int64N(1e9))
		if _, set := t0.In(loc).ZoneBounds(); !set.IsZero() && random.IntN(4) > 0 {
			// Near a change of the clock: within it, just beside it, and at the time asked for.
			t0 = set.Add(time.Duration(random.Int64N(int64(60*time.Hour))) - 30*time.Hour)
			if random.IntN(2) == 0 {
				t0 = set.Add(time.Duration(random.IntN(5)-2) * 30 * time.Minute).Add(time.Duration(random.IntN(3) - 1))
				at = wall(set, loc).Add(time.Duration(random.IntN(9)-4) * 15 * time.Minute).Format("15:04")
			}
		}
		near := wall(t0, loc)
		r := []hogsend.Recurrence{
			hogsend.Daily(at),
			hogsend.Weekly(time.Weekday((int(near.Weekday())+6+random.IntN(3))%7), at),
			hogsend.Monthly(1+random.IntN(31), at),
			hogsend.Monthly(near.AddDate(0, 0, random.IntN(3)-1).Day(), at),
		}[random.IntN(4)].TZ(zone)
		for range 3 {
			got, err := r.Next(t0)
			require.NoError(t, err)
			want := naiveNext(r, t0, loc)
			require.True(t, want.Equal(got), "%s after %s: %s, not %s", r.Label(), t0.UTC(), got, want.UTC())
			require.True(t, got.After(t0))
			again, err := r.Next(got.Add(-1)) // what the kit asks
			require.NoError(t, err)
			require.Equal(t, got, again)
			t0 = got
		}
	}
}

// S-44: a day that comes every month has one instant for each month, a weekday one for
// each week, in every zone, over all its changes.
func TestEveryPeriodHasOneInstant(t *testing.T) {
	t.Parallel()
	from := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(40, 0, 0)
	for _, zone := range recurring() {
		for r, periods := range map[hogsend.Recurrence]int{
			hogsend.Monthly(1, "0:00"): 40 * 12, hogsend.Monthly(28, "23:30"): 40 * 12, hogsend.Monthly(25, "23:59"): 40 * 12,
			hogsend.Weekly(time.Saturday, "23:30"): int(to.Sub(from) / (7 * hogsend.Day)),
		} {
			count, at := 0, from
			var err error
			for at, err = r.TZ(zone).Next(at); err == nil && at.Before(to); at, err = r.TZ(zone).Next(at) {
				count++
			}
			require.NoError(t, err)
			require.InDelta(t, periods, count, 1, "%s in %s", r.Label(), zone) // the first and the last may be outside of the range
		}
	}
}
