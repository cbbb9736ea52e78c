package hogsend

import (
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/naming"
)

// DateTrigger is what [OnDate] triggers on.
type DateTrigger struct {
	// Property is the contact's property that holds the date.
	Property string `json:"property"`
	// Before and After are how long before or after the date the contact is due; at most
	// one of them is not 0.
	Before time.Duration `json:"before,omitempty"`
	After  time.Duration `json:"after,omitempty"`
	// LocalTime is a time of day on the contact's clock, such as "9:00"; "" is the instant
	// of the date itself, of a day its local midnight.
	LocalTime string `json:"at,omitempty"`
	// EveryYear is set for the day of every year.
	EveryYear bool `json:"yearly,omitempty"`
}

// OnDate triggers at an instant that is computed from a date of the contact: a property
// such as "2026-03-01", a day in the contact's time zone, or an RFC 3339 instant. It is
// that instant, unless Before, After, At or Yearly of the trigger say otherwise:
//
//	hogsend.OnDate("renewsAt").Before(30*hogsend.Day).At("9:00")
//	hogsend.OnDate("birthday").At("8:00").Yearly()
//
// The instant moves with the property and the contact's time zone. One that has passed
// when the property is written, or when the journey is first registered, does nothing. For
// one value, and year, a contact is told once. The trigger's event has the properties
// property, value, dueAt and, for a yearly one, year. After an outage an instant is made
// up for like any event that comes late.
func OnDate(property string) Trigger { return Trigger{Date: &DateTrigger{Property: property}} }

// DateEvent is the name of the event that a journey with [OnDate] is triggered by.
func DateEvent(journeyID string) string { return "hogsend:date:" + journeyID }

// date changes a copy of the date.
func (t Trigger) date(change func(d *DateTrigger)) Trigger {
	var d DateTrigger
	if t.Date != nil {
		d = *t.Date
	}
	change(&d)
	t.Date = &d
	return t
}

// Before is d before the date of [OnDate], exactly; with At so many days of the calendar,
// and d must be whole days. The receiver is not changed.
func (t Trigger) Before(d time.Duration) Trigger {
	return t.date(func(date *DateTrigger) { date.Before = d })
}

// After is d after the date of [OnDate], as Before is before it.
func (t Trigger) After(d time.Duration) Trigger {
	return t.date(func(date *DateTrigger) { date.After = d })
}

// At is at a local time such as "9:00" on the contact's clock, on the day of the date of
// [OnDate].
func (t Trigger) At(local string) Trigger {
	return t.date(func(date *DateTrigger) { date.LocalTime = local })
}

// Yearly is every year on the day of the date of [OnDate], from its own year on; Feb 29 is
// Feb 28 in other years.
func (t Trigger) Yearly() Trigger {
	return t.date(func(date *DateTrigger) { date.EveryYear = true })
}

// checkDate says what is wrong with a trigger on a date.
func (t Trigger) checkDate(report func(field, format string, args ...any)) {
	const longest = 3650 * Day
	d := t.Date
	if t.Recurrence != nil || t.Event != "" && !strings.HasPrefix(t.Event, DateEvent("")) {
		report("Trigger.Date", "Before, After, At and Yearly go with OnDate only")
	}
	if problem := naming.Problem(d.Property, 1, 200); problem != "" {
		report("Trigger.Date.Property", "%s", problem)
	}
	for field, length := range map[string]time.Duration{"Before": d.Before, "After": d.After} {
		switch {
		case length < 0 || length > longest:
			report("Trigger.Date."+field, "must be from 0 to %d days", longest/Day)
		case d.LocalTime != "" && length%Day != 0:
			report("Trigger.Date."+field, "must be whole days with At")
		}
	}
	if d.Before != 0 && d.After != 0 {
		report("Trigger.Date", "takes Before or After, not both")
	}
	if d.LocalTime == "" {
		return
	}
	if _, err := parseLocalTime("at", d.LocalTime); err != nil {
		report("Trigger.Date.At", "%q is not a local time such as 9:30 or 17:00", d.LocalTime)
	}
}
