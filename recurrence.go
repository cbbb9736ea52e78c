package hogsend

import (
	"fmt"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/zone"
)

// Recurrence is a row of instants at a local time of one time zone, for [OnSchedule]. Make
// one with [Daily], [Weekly] or [Monthly]; the zero value is refused at start.
type Recurrence struct {
	Period Period
	// Weekday belongs to PeriodWeek, Day, from 1 to 31, to PeriodMonth.
	Weekday time.Weekday
	Day     int
	// At is the local time, such as "9:00" or "17:30".
	At string
	// Zone is a time zone such as "Europe/Berlin"; "" means UTC.
	Zone string
}

// Period is how often a Recurrence comes.
type Period string

// The periods.
const (
	PeriodDay   Period = "daily"
	PeriodWeek  Period = "weekly"
	PeriodMonth Period = "monthly"
)

// Daily comes every day at a local time.
func Daily(at string) Recurrence { return Recurrence{Period: PeriodDay, At: at} }

// Weekly comes on a day of every week.
func Weekly(day time.Weekday, at string) Recurrence {
	return Recurrence{Period: PeriodWeek, Weekday: day, At: at}
}

// Monthly comes on a day of the month, from 1 to 31; a month without that day is left
// out, so that one from 1 to 28 comes every month.
func Monthly(day int, at string) Recurrence {
	return Recurrence{Period: PeriodMonth, Day: day, At: at}
}

// TZ counts in this time zone, such as "Europe/Berlin", instead of UTC. The receiver is not
// changed.
func (r Recurrence) TZ(zone string) Recurrence {
	r.Zone = zone
	return r
}

// Validate says what is wrong with the recurrence as a *ValidationError; nil if nothing is.
func (r Recurrence) Validate() error {
	_, _, err := r.clock()
	return err
}

// clock checks the recurrence and reads its local time and its zone.
func (r Recurrence) clock() (at time.Duration, loc *time.Location, err error) {
	switch r.Period {
	case PeriodDay:
	case PeriodWeek:
		if r.Weekday < time.Sunday || r.Weekday > time.Saturday {
			return 0, nil, invalid("weekday", "must be Sunday to Saturday")
		}
	case PeriodMonth:
		if r.Day < 1 || r.Day > 31 {
			return 0, nil, invalid("day", "must be 1 to 31")
		}
	default:
		return 0, nil, invalid("period", "choose one with Daily, Weekly or Monthly")
	}
	if at, err = parseLocalTime("at", r.At); err != nil {
		return 0, nil, err
	}
	if loc, err = LoadZone(r.zone()); err != nil {
		return 0, nil, invalid("zone", "%s", err)
	}
	return at, loc, nil
}

// Next is the first instant after t. A day counts by its own date: one whose local
// time a gap moves into the next day, week or month is still that day's. Errors are
// *ValidationError (S-44).
func (r Recurrence) Next(t time.Time) (time.Time, error) {
	at, loc, err := r.clock()
	if err != nil {
		return time.Time{}, err
	}
	// Days before t count, since a gap moves an instant by up to a day. No two months
	// in a row are without a day, whichever it is.
	const before, ahead = 2, 3 * 31
	first := zone.Noon(t.In(loc)).AddDate(0, 0, -before)
	for n := range before + ahead {
		if day := first.AddDate(0, 0, n); r.has(day) {
			if found := zone.AtLocal(day, at, loc); found.After(t) {
				return found.UTC(), nil
			}
		}
	}
	return time.Time{}, invalid("after", "%s is beyond the calendar", t)
}

// has reports whether a day of the calendar is one of the recurrence.
func (r Recurrence) has(day time.Time) bool {
	switch r.Period {
	case PeriodWeek:
		return day.Weekday() == r.Weekday
	case PeriodMonth:
		return day.Day() == r.Day
	case PeriodDay:
	}
	return true
}

func (r Recurrence) zone() string {
	if zone := strings.TrimSpace(r.Zone); zone != "" {
		return zone
	}
	return "UTC"
}

// Label names the recurrence, the same for the same instants on every machine, for
// example "weekly-monday-09:00-UTC".
func (r Recurrence) Label() string {
	label := string(r.Period)
	switch r.Period {
	case PeriodWeek:
		label += "-" + strings.ToLower(r.Weekday.String())
	case PeriodMonth:
		label += fmt.Sprintf("-%d", r.Day)
	case PeriodDay:
	}
	if at, err := parseLocalTime("at", r.At); err == nil {
		label += fmt.Sprintf("-%02d:%02d", at/time.Hour, at%time.Hour/time.Minute)
	}
	return label + "-" + r.zone()
}
