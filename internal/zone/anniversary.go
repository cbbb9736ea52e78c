package zone

import "time"

// Anniversary is a date as of which somebody is due (J-156).
type Anniversary struct {
	Date Date
	// Shift is how much later than the date it is, or earlier if it is negative. With Timed
	// it is whole days of the calendar, and At the local time on that day.
	Shift time.Duration
	Timed bool
	At    time.Duration
	// Yearly is set for one that comes every year.
	Yearly bool
}

// In is its instant in a year, which counts for a yearly one only.
func (a Anniversary) In(year int, loc *time.Location) time.Time {
	day, at := a.Date.Day(loc), time.Duration(0)
	if !a.Date.IsDay() {
		local := a.Date.instant.In(loc)
		at = time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	}
	if a.Yearly {
		day = YearlyDay(year, day.Month(), day.Day())
	}
	switch {
	case a.Timed:
		return AtLocal(day.AddDate(0, 0, int(a.Shift/(24*time.Hour))), a.At, loc).UTC()
	case a.Yearly:
		return AtLocal(day, at, loc).Add(a.Shift).UTC()
	}
	return a.Date.Instant(loc).Add(a.Shift)
}

// Next is its first instant after another one, with its year, 0 unless it is yearly. ok is
// false for one that has passed.
func (a Anniversary) Next(after time.Time, loc *time.Location) (at time.Time, year int, ok bool) {
	if !a.Yearly {
		at = a.In(0, loc)
		return at, 0, at.After(after)
	}
	// Its own year is the first; a day of leeway on each side covers every zone.
	year = max(a.Date.Day(loc).Year(), after.Add(-a.Shift).Year()-1)
	for range 4 {
		if at = a.In(year, loc); at.After(after) {
			return at, year, true
		}
		year++
	}
	return time.Time{}, 0, false
}
