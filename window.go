package hogsend

import (
	"strings"
	"time"
)

// Window is a part of every day in somebody's local time, open at Start and closed at
// End: 9:00 is within 9:00 to 17:00, and 17:00 is not. With Start after End it goes over
// midnight. With both equal it is always open. The zero value is no window.
type Window struct {
	// Start and End are local times such as "9:00" or "17:30".
	Start, End string
}

// Validate says what is wrong with the window as a *ValidationError; nil if nothing is.
func (w Window) Validate() error {
	if w == (Window{}) {
		return nil
	}
	if _, err := parseLocalTime("start", w.Start); err != nil {
		return err
	}
	_, err := parseLocalTime("end", w.End)
	return err
}

// Clamp is the earliest instant at or after t that is within the window in a time zone,
// such as "Europe/Berlin": t itself if it is within. Errors are *ValidationError (S-29).
func (w Window) Clamp(t time.Time, zone string) (time.Time, error) {
	loc, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, invalid("zone", "%s", err)
	}
	return w.clamp(t, loc)
}

func open(at, start, end time.Duration) bool {
	switch {
	case start < end:
		return start <= at && at < end
	case start > end:
		return start <= at || at < end
	}
	return true
}

// sinceMidnight is the local time of day.
func sinceMidnight(t time.Time) time.Duration {
	hour, minute, second := t.Clock()
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(t.Nanosecond())
}

// parseLocalTime reads H:MM or HH:MM (S-12) as the time since midnight.
func parseLocalTime(field, text string) (time.Duration, error) {
	hour, minute, found := strings.Cut(strings.TrimSpace(text), ":")
	h, okHour := digits(hour)
	m, okMinute := digits(minute)
	if !found || !okHour || !okMinute || len(minute) != 2 || h > 23 || m > 59 {
		return 0, invalid(field, "%q is not a local time such as 9:30 or 17:00", text)
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, nil
}

// digits reads one or two digits.
func digits(text string) (n int, ok bool) {
	if text == "" || len(text) > 2 {
		return 0, false
	}
	for _, r := range []byte(text) {
		if r < '0' || r > '9' {
			return 0, false
		}
		n = 10*n + int(r-'0')
	}
	return n, true
}

// Day is exactly 24 hours. A day of the calendar in somebody's time zone can be longer
// or shorter: [When] counts in those.
const Day = 24 * time.Hour
