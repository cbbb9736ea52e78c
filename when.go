package hogsend

import (
	"strings"
	"time"
)

// When finds an instant by the clock on somebody's wall: a day and a local time on
// it, as in
//
//	at, err := run.When(ctx).Next(time.Friday).At("09:00")
//
// It is a value; each method returns a new one and leaves the receiver as it was.
// The first error of a chain, always a *ValidationError, is returned at its end.
type When struct {
	schedule Schedule
	finish   func(Schedule) (time.Time, error)
	err      error
}

// At starts a chain from an instant and a zone, as Run.When does from now and the
// contact's zone; the two always agree. It has no window unless the chain names one.
func At(now time.Time, zone string) When {
	return NewWhen(func(s Schedule) (time.Time, error) { return s.Instant(now, zone, Window{}) })
}

// NewWhen starts a chain whose end is computed by finish. It is for implementations
// of Run.
func NewWhen(finish func(Schedule) (time.Time, error)) When { return When{finish: finish} }

// Next is the next such day of the week, today included as long as the time has not
// passed; then it is a week later (S-7).
func (w When) Next(day time.Weekday) When {
	w.schedule.Day, w.schedule.Weekday = DayWeekday, day
	if day < time.Sunday || day > time.Saturday {
		w.fail("weekday", "must be Sunday to Saturday")
	}
	return w
}

// Tomorrow is the next day of the calendar (S-9).
func (w When) Tomorrow() When {
	w.schedule.Day = DayTomorrow
	return w
}

// In is the day on which the instant d from now falls; the next one if the time has
// passed there. A negative d is a *ValidationError (S-10).
func (w When) In(d time.Duration) When {
	w.schedule.Day, w.schedule.After = DayAfter, d
	if d < 0 {
		w.fail("in", "must not be negative")
	}
	return w
}

// TZ counts in this zone instead of the contact's (S-11).
func (w When) TZ(zone string) When {
	w.schedule.Zone = zone
	if strings.TrimSpace(zone) == "" {
		w.fail("zone", "is required")
	}
	return w
}

// Window holds the result within this part of the day instead of the default
// window; two equal times switch that off (S-11, S-30).
func (w When) Window(start, end string) When {
	window := Window{Start: start, End: end}
	w.schedule.Window = &window
	if _, err := parseLocalTime("start", start); err != nil {
		w.keep(err)
	} else if _, err := parseLocalTime("end", end); err != nil {
		w.keep(err)
	}
	return w
}

// IfPast says what becomes of an instant that is not after now: Next, which is the
// default, or Now (S-11).
func (w When) IfPast(rule PastRule) When {
	w.schedule.IfPast = rule
	if rule != Next && rule != Now {
		w.fail("ifPast", "must be Next or Now")
	}
	return w
}

// At ends the chain: the instant of a local time, such as "9:00" or "17:30", on the
// day that was chosen. A time that does not exist on that day moves forward by what
// the clock leaves out, one that comes twice is the earlier (S-12, S-14).
func (w When) At(local string) (time.Time, error) {
	w.schedule.At = local
	if w.err != nil {
		return time.Time{}, w.err
	}
	if err := w.schedule.check(); err != nil {
		return time.Time{}, err
	}
	return w.finish(w.schedule)
}

// NextLocal ends the chain: that local time today or, if it has passed, tomorrow
// (S-8).
func (w When) NextLocal(local string) (time.Time, error) {
	w.schedule.Day = DayToday
	return w.At(local)
}

func (w *When) fail(field, problem string) { w.keep(invalid(field, "%s", problem)) }

// keep keeps the first error of the chain.
func (w *When) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

// ParseWeekday reads a full or three-letter English name of a day in any case
// (S-12).
func ParseWeekday(name string) (time.Weekday, error) {
	name = strings.TrimSpace(name)
	for day := time.Sunday; day <= time.Saturday; day++ {
		if full := day.String(); strings.EqualFold(name, full) || strings.EqualFold(name, full[:3]) {
			return day, nil
		}
	}
	return 0, invalid("weekday", "%q is not a day of the week", name)
}
