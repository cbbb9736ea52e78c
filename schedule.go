package hogsend

import (
	"time"
)

// Schedule is a finished chain of [When] as plain data. Implementations of [Run] get it by
// way of [NewWhen].
type Schedule struct {
	Day ScheduleDay `json:"day"`
	// Weekday belongs to DayWeekday, After to DayAfter.
	Weekday time.Weekday  `json:"weekday,omitempty"`
	After   time.Duration `json:"after,omitempty"`
	// At is the local time on that day.
	At string `json:"at"`
	// IfPast is what becomes of an instant that has passed; "" means Next.
	IfPast PastRule `json:"ifPast,omitempty"`
	// Zone is the zone that the author named; "" means the contact's.
	Zone string `json:"zone,omitempty"`
	// Window is the author's own; nil means the default one.
	Window *Window `json:"window,omitempty"`
}

// ScheduleDay says from which day a Schedule starts.
type ScheduleDay string

// The days.
const (
	DayWeekday  ScheduleDay = "weekday"  // the next such day of the week, today included
	DayToday    ScheduleDay = "today"    // today
	DayTomorrow ScheduleDay = "tomorrow" // the next day of the calendar
	DayAfter    ScheduleDay = "after"    // the day a while from now
)

// PastRule says what becomes of an instant that is not after now; see [When.IfPast].
type PastRule string

// The rules.
const (
	Next PastRule = "next" // the same time a day later, or a week later for a weekday
	Now  PastRule = "now"  // now
)

// check says what is wrong with a schedule apart from its zone, which only the
// database of zones can tell.
func (s Schedule) check() error {
	switch s.Day {
	case DayWeekday:
		if s.Weekday < time.Sunday || s.Weekday > time.Saturday {
			return invalid("weekday", "must be Sunday to Saturday")
		}
	case DayAfter:
		if s.After < 0 {
			return invalid("in", "must not be negative")
		}
	case DayToday, DayTomorrow:
	default:
		return invalid("day", "choose one with Next, Tomorrow or In")
	}
	if s.IfPast != "" && s.IfPast != Next && s.IfPast != Now {
		return invalid("ifPast", "must be Next or Now")
	}
	if _, err := parseLocalTime("at", s.At); err != nil {
		return err
	}
	if s.Window != nil {
		return s.Window.Validate()
	}
	return nil
}

// Instant computes the schedule from now on, in the zone and the window that it names, or
// else in the given ones. The result is not before now. Errors are *ValidationError.
func (s Schedule) Instant(now time.Time, zone string, window Window) (time.Time, error) {
	if err := s.check(); err != nil {
		return time.Time{}, err
	}
	if s.Zone != "" {
		zone = s.Zone
	}
	loc, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, invalid("zone", "%s", err)
	}
	if s.Window != nil {
		window = *s.Window
	}
	at, err := s.candidate(now, loc)
	if err != nil {
		return time.Time{}, err
	}
	held, err := window.clamp(at, loc)
	return held.UTC(), err
}

// candidate is the instant before any window: after now, or now itself under Now.
func (s Schedule) candidate(now time.Time, loc *time.Location) (time.Time, error) {
	at, err := parseLocalTime("at", s.At)
	if err != nil {
		return time.Time{}, err
	}
	// Days are counted on the calendar, by their names at noon of UTC.
	day, step := noon(now.In(loc)), 1
	switch s.Day {
	case DayWeekday:
		day, step = day.AddDate(0, 0, int(s.Weekday-day.Weekday()+7)%7), 7
	case DayTomorrow:
		day = day.AddDate(0, 0, 1)
	case DayAfter:
		day = noon(now.Add(s.After).In(loc))
	case DayToday:
	}
	for {
		found := atLocal(day, at, loc)
		switch {
		case found.After(now):
			return found, nil
		case s.IfPast == Now:
			return now, nil
		}
		// Once mostly: where a clock is set back over midnight, the time of the next day
		// may have been before.
		day = day.AddDate(0, 0, step)
	}
}

func noon(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// atLocal is the instant of a local time in loc on a day: the first one where it comes
// twice. A time that a gap leaves out is moved forward by the length of the gap (S-14).
func atLocal(day time.Time, at time.Duration, loc *time.Location) time.Time {
	const widest = 24 * time.Hour // no zone is as far from UTC
	local := day.Add(at - 12*time.Hour)
	from := local.Add(-widest)
	for {
		_, offset := from.In(loc).Zone()
		found := local.Add(-time.Duration(offset) * time.Second)
		set := nextSet(from, loc)
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

// nextSet is when the clocks in loc are set next after t, the zero time for never.
// Nothing changes at some of these instants.
func nextSet(t time.Time, loc *time.Location) time.Time {
	_, set := t.In(loc).ZoneBounds()
	if !set.IsZero() && !set.After(t) {
		// ZoneBounds takes the last day of a leap year for one beyond the year (Go 1.26).
		return t.UTC().Truncate(Day).Add(Day)
	}
	return set
}
