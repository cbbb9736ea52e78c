package zone

import "time"

// Noon names a day of the calendar: the local one of t, by noon of UTC.
func Noon(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// AtLocal is the instant of a local time in loc on a day: the first one where it comes
// twice. A time that a gap leaves out is moved forward by the length of the gap (S-14).
func AtLocal(day time.Time, at time.Duration, loc *time.Location) time.Time {
	const widest = 24 * time.Hour // no zone is as far from UTC
	local := day.Add(at - 12*time.Hour)
	from := local.Add(-widest)
	for {
		_, offset := from.In(loc).Zone()
		found := local.Add(-time.Duration(offset) * time.Second)
		set := NextSet(from, loc)
		if found.Before(from) {
			// The clock was set over it: what the offset before makes of it.
			_, before := from.Add(-time.Nanosecond).In(loc).Zone()
			return local.Add(-time.Duration(before) * time.Second)
		}
		if set.IsZero() || found.Before(set) {
			return found
		}
		from = set
	}
}

// NextSet is when the clocks in loc are set next after t, the zero time for never.
// Nothing changes at some of these instants.
func NextSet(t time.Time, loc *time.Location) time.Time {
	_, set := t.In(loc).ZoneBounds()
	if !set.IsZero() && !set.After(t) {
		// ZoneBounds takes the last day of a leap year for one beyond the year (Go 1.26).
		return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return set
}
