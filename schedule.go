package hogsend

import (
	"time"

	"github.com/hogsend/hogsend/internal/zone"
)

// Schedule is a finished chain of [When] as plain data. Implementations of [Run] get it by
// way of [NewWhen].
type Schedule struct {
	Day ScheduleDay `json:"day"`
	// Weekday belongs to DayWeekday, After to DayAfter.
	Weekday time.Weekday  `json:"weekday,omitempty"`
	After   time.Duration `json:"after,omitempty"`
	// Date belongs to DayDate, Month and MonthDay to DayYearly. Plus is how many days
	// later one of these two is, or earlier.
	Date     string     `json:"date,omitempty"`
	Month    time.Month `json:"month,omitempty"`
	MonthDay int        `json:"monthDay,omitempty"`
	Plus     int        `json:"plus,omitempty"`
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
	DayDate     ScheduleDay = "date"     // the day of a date
	DayYearly   ScheduleDay = "yearly"   // a day of every year
)

// PastRule says what becomes of an instant that is not after now; see [When.IfPast].
type PastRule string

// The rules.
const (
	// Next is the same time a day later, a week later for a weekday, a year later for a day
	// of every year. Of a date there is no next one: the chain returns ErrPast.
	Next PastRule = "next"
	Now  PastRule = "now" // now
)

// maxPlus is how many days away from its day an instant may be: a century.
const maxPlus = 36_525

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
	case DayDate:
		if _, ok := zone.ParseDate(s.Date); !ok {
			return invalid("on", "%.60q is not a date such as 2026-03-01 or 2026-03-01T09:00:00Z", s.Date)
		}
	case DayYearly:
		const leap = 2000 // has every day that any year has
		if s.Month < time.January || s.Month > time.December || s.MonthDay < 1 ||
			time.Date(leap, s.Month, s.MonthDay, 0, 0, 0, 0, time.UTC).Month() != s.Month {
			return invalid("yearly", "no year has a day %d of month %d", s.MonthDay, int(s.Month))
		}
	case DayToday, DayTomorrow:
	default:
		return invalid("day", "choose one with Next, Tomorrow, In, On or Yearly")
	}
	if s.Plus != 0 && s.Day != DayDate && s.Day != DayYearly {
		return invalid("plus", "goes with On and Yearly only")
	}
	if s.Plus < -maxPlus || s.Plus > maxPlus {
		return invalid("plus", "must be at most %d days", maxPlus)
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
// else in the given ones. The result is not before now. Errors are *ValidationError, or
// ErrPast of a date that has passed.
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
	day, step := zone.Noon(now.In(loc)), 1
	switch s.Day {
	case DayWeekday:
		day, step = day.AddDate(0, 0, int(s.Weekday-day.Weekday()+7)%7), 7
	case DayTomorrow:
		day = day.AddDate(0, 0, 1)
	case DayAfter:
		day = zone.Noon(now.Add(s.After).In(loc))
	case DayDate, DayYearly:
		return s.dated(now, at, loc)
	case DayToday:
	}
	for {
		found := zone.AtLocal(day, at, loc)
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

// dated is the candidate on the day of a date, or on a day of every year (S-40, S-41).
func (s Schedule) dated(now time.Time, at time.Duration, loc *time.Location) (time.Time, error) {
	year := now.In(loc).Year()
	for {
		day := zone.YearlyDay(year, s.Month, s.MonthDay)
		if s.Day == DayDate {
			date, _ := zone.ParseDate(s.Date) // checked
			day = date.Day(loc)
		}
		found := zone.AtLocal(day.AddDate(0, 0, s.Plus), at, loc)
		switch {
		case found.After(now):
			return found, nil
		case s.IfPast == Now:
			return now, nil
		case s.Day == DayDate:
			return time.Time{}, ErrPast
		}
		year++
	}
}

func (w Window) clamp(t time.Time, loc *time.Location) (time.Time, error) {
	if w == (Window{}) {
		return t, nil
	}
	start, err := parseLocalTime("start", w.Start)
	if err != nil {
		return time.Time{}, err
	}
	end, err := parseLocalTime("end", w.End)
	if err != nil {
		return time.Time{}, err
	}
	for {
		at := sinceMidnight(t.In(loc))
		if open(at, start, end) {
			return t, nil
		}
		// The next opening, if local time goes on as it does, or else the instant at which
		// clocks are set.
		opening := t.Add((start - at + Day) % Day)
		set := zone.NextSet(t, loc)
		if set.IsZero() || opening.Before(set) {
			return opening, nil
		}
		t = set
	}
}
