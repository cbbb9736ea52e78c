package hogsend

import (
	"strings"
	"time"
)

// When finds an instant by somebody's local time: a day and a time on it, as in
//
//	at, err := run.When(ctx).Next(time.Friday).At("09:00")
//
// A chain names a day with Next, Tomorrow, In, On or Yearly and ends with At, or ends with
// NextLocal.
// Each method returns a new value and leaves the receiver as it was. The first mistake of
// a chain, a [*ValidationError], is returned at its end.
//
// A local time that does not exist on its day, because clocks are set forward, is moved
// forward by as much as they are; of one that comes twice it is the first (S-14).
type When struct {
	schedule Schedule
	finish   func(Schedule) (time.Time, error)
	err      error
}

// At starts a chain from an instant and a time zone, as [Run.When] does from now and the
// contact's zone. It has no window unless the chain names one.
func At(now time.Time, zone string) When {
	return NewWhen(func(s Schedule) (time.Time, error) { return s.Instant(now, zone, Window{}) })
}

// NewWhen starts a chain whose end is computed by finish. It is for implementations of
// [Run]; authors use Run.When or [At].
func NewWhen(finish func(Schedule) (time.Time, error)) When { return When{finish: finish} }

// Next is the next such day of the week: today, if it is one and the time has not passed
// yet.
func (w When) Next(day time.Weekday) When {
	w.schedule.Day, w.schedule.Weekday = DayWeekday, day
	if day < time.Sunday || day > time.Saturday {
		w.fail("weekday", "must be Sunday to Saturday")
	}
	return w
}

// Tomorrow is the next day of the calendar.
func (w When) Tomorrow() When {
	w.schedule.Day = DayTomorrow
	return w
}

// In is the local day on which the instant d from now falls. A negative d is a
// *ValidationError.
func (w When) In(d time.Duration) When {
	w.schedule.Day, w.schedule.After = DayAfter, d
	if d < 0 {
		w.fail("in", "must not be negative")
	}
	return w
}

// On is the local day of a date, such as one that a property of the contact holds: of
// "2026-03-01" that day, of an RFC 3339 instant its day in the zone. If its time has
// passed, the chain returns [ErrPast], or now under [Now]. Anything else than a date is a
// *ValidationError.
func (w When) On(date string) When {
	w.schedule.Day, w.schedule.Date = DayDate, date
	return w
}

// Yearly is a day of every year: this year's or, if its time has passed, next year's. Feb
// 29 is Feb 28 in other years; a day that no year has is a *ValidationError.
func (w When) Yearly(month time.Month, day int) When {
	w.schedule.Day, w.schedule.Month, w.schedule.MonthDay = DayYearly, month, day
	return w
}

// Plus moves the day of On or Yearly by days of the calendar, to an earlier one if days is
// negative, by a century at most.
func (w When) Plus(days int) When {
	w.schedule.Plus = days
	return w
}

// TZ counts in this time zone, such as "Europe/Berlin", instead of the contact's.
func (w When) TZ(zone string) When {
	w.schedule.Zone = zone
	if strings.TrimSpace(zone) == "" {
		w.fail("zone", "is required")
	}
	return w
}

// Window moves the result into this part of the day, if it is outside, instead of into
// [Defaults].Window; two equal times switch that off.
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

// IfPast says what becomes of an instant that is not after now: [Next], the default, or
// [Now].
func (w When) IfPast(rule PastRule) When {
	w.schedule.IfPast = rule
	if rule != Next && rule != Now {
		w.fail("ifPast", "must be Next or Now")
	}
	return w
}

// At ends the chain with the instant of a local time, such as "9:00" or "17:30", on the
// day that was named. The instant is in UTC.
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

// NextLocal ends the chain with that local time today or, if it has passed, tomorrow.
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

// ParseWeekday reads an English name of a day, full or of three letters, in any case.
// Other texts are a [*ValidationError].
func ParseWeekday(name string) (time.Weekday, error) {
	name = strings.TrimSpace(name)
	for day := time.Sunday; day <= time.Saturday; day++ {
		if full := day.String(); strings.EqualFold(name, full) || strings.EqualFold(name, full[:3]) {
			return day, nil
		}
	}
	return 0, invalid("weekday", "%q is not a day of the week", name)
}
