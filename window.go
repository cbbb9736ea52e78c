package hogsend

import (
	"fmt"
	"strings"
	"time"
)

// Window is a part of every day by the clock on the wall, open at Start and closed
// at End: 09:00 is within 09:00–17:00, 17:00 is not. With Start after End it spans
// midnight, with both equal it is always open (S-28). The zero value is no window.
type Window struct {
	// Start and End are local times such as "9:00" or "17:30" (S-12).
	Start, End string
}

// Validate says what is wrong with a window as a *ValidationError; the zero value is
// valid.
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

// Clamp is the earliest instant at or after t that is within the window in a zone;
// an instant within it stays as it is (S-29). The zone's name may be any that
// LoadZone takes; errors are *ValidationError.
func (w Window) Clamp(t time.Time, zone string) (time.Time, error) {
	loc, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, invalid("zone", "%s", err)
	}
	return w.clamp(t, loc)
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
		// The next opening, if the clock on the wall goes on as it does, or else the
		// instant at which it is set.
		opening := t.Add((start - at + Day) % Day)
		set := nextSet(t, loc)
		if set.IsZero() || opening.Before(set) {
			return opening, nil
		}
		t = set
	}
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

// sinceMidnight is what the clock on the wall shows.
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

func invalid(field, format string, args ...any) error {
	return &ValidationError{Field: field, Message: fmt.Sprintf(format, args...)}
}
