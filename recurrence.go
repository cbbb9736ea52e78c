package hogsend

import (
	"fmt"
	"strings"
	"time"
)

// Recurrence is a row of instants by the clock on the wall of one time zone; make it
// with Daily, Weekly or Monthly. The zero value is refused at start.
type Recurrence struct {
	Period Period
	// Weekday belongs to PeriodWeek, Day, from 1 to 28, to PeriodMonth.
	Weekday time.Weekday
	Day     int
	// At is the local time, such as "9:00" or "17:30" (S-12).
	At string
	// Zone is a name of the IANA database; "" means UTC.
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

// Monthly comes on a day of every month, from 1 to 28, which every month has.
func Monthly(day int, at string) Recurrence {
	return Recurrence{Period: PeriodMonth, Day: day, At: at}
}

// TZ counts in this zone instead of UTC. The receiver is not changed.
func (r Recurrence) TZ(zone string) Recurrence {
	r.Zone = zone
	return r
}

// Validate says what is wrong with a recurrence as a *ValidationError.
func (r Recurrence) Validate() error {
	if r.Period == PeriodMonth && (r.Day < 1 || r.Day > 28) {
		return invalid("day", "must be 1 to 28")
	}
	_, err := r.Next(time.Time{})
	return err
}

// Next is the first instant after t. A local time that a day leaves out, or has
// twice, is meant as S-14 says. Errors are *ValidationError.
func (r Recurrence) Next(t time.Time) (time.Time, error) {
	s := Schedule{At: r.At}
	switch r.Period {
	case PeriodDay, PeriodMonth:
		s.Day = DayToday
	case PeriodWeek:
		s.Day, s.Weekday = DayWeekday, r.Weekday
	default:
		return time.Time{}, invalid("period", "choose one with Daily, Weekly or Monthly")
	}
	zone := r.zone()
	loc, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, invalid("zone", "%s", err)
	}
	for {
		if t, err = s.Instant(t, zone, Window{}); err != nil || r.Period != PeriodMonth || t.In(loc).Day() == r.Day {
			return t, err
		}
	}
}

func (r Recurrence) zone() string {
	if r.Zone == "" {
		return "UTC"
	}
	return r.Zone
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
