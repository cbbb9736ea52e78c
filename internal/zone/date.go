package zone

import (
	"strings"
	"time"
)

// Date is a date as people keep it in a property: an instant, or a day of the calendar,
// which begins at another instant in every zone (S-42).
type Date struct {
	instant time.Time // zero for a day
	day     time.Time // its noon of UTC; zero for an instant
}

const dayLayout = "2006-01-02"

// isRFC3339 reports whether a text has the form of an instant: package time takes more than
// the RFC, such as a comma and an hour of one digit.
func isRFC3339(text string) bool {
	const upToSeconds = "0000-00-00T00:00:00"
	if len(text) <= len(upToSeconds) || !shaped(text[:len(upToSeconds)], upToSeconds) {
		return false
	}
	rest := text[len(upToSeconds):]
	if fraction, found := strings.CutPrefix(rest, "."); found {
		if rest = strings.TrimLeft(fraction, "0123456789"); rest == fraction {
			return false
		}
	}
	return rest == "Z" || (shaped(rest, "+00:00") || shaped(rest, "-00:00")) && rest[1:3] <= "23" && rest[4:] <= "59"
}

// shaped reports whether a text is like another one, but for the digits.
func shaped(text, like string) bool {
	if len(text) != len(like) {
		return false
	}
	for i := range len(text) {
		digit := text[i] >= '0' && text[i] <= '9'
		if digit != (like[i] == '0') || !digit && text[i] != like[i] {
			return false
		}
	}
	return true
}

// ParseDate reads an RFC 3339 instant, of which digits beyond microseconds are cut, or a
// day such as "2026-03-01". Anything else, blanks around it included, is no date.
func ParseDate(text string) (Date, bool) {
	if len(text) == len(dayLayout) {
		day, err := time.Parse(dayLayout, text)
		return Date{day: day.Add(12 * time.Hour)}, err == nil && day.Year() > 0
	}
	if !isRFC3339(text) {
		return Date{}, false
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil || instant.UTC().Year() < 1 || instant.UTC().Year() > 9999 {
		return Date{}, false
	}
	return Date{instant: instant.UTC().Truncate(time.Microsecond)}, true
}

// IsDay reports whether the date is a day and no instant.
func (d Date) IsDay() bool { return !d.day.IsZero() }

// Instant is the date's instant: of a day its midnight in a zone.
func (d Date) Instant(loc *time.Location) time.Time {
	if d.IsDay() {
		return AtLocal(d.day, 0, loc).UTC()
	}
	return d.instant
}

// Day is the date's day of the calendar in a zone, by its noon of UTC.
func (d Date) Day(loc *time.Location) time.Time {
	if d.IsDay() {
		return d.day
	}
	return Noon(d.instant.In(loc))
}

// Format prints the date in a zone by a layout of package time. A day is the same in
// every zone.
func (d Date) Format(layout string, loc *time.Location) string {
	if d.IsDay() {
		return d.day.Add(-12 * time.Hour).Format(layout)
	}
	return d.instant.In(loc).Format(layout)
}

// YearlyDay is a day of the year in another year, Feb 29 on Feb 28 where there is none.
func YearlyDay(year int, month time.Month, day int) time.Time {
	found := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	if found.Month() != month {
		found = found.AddDate(0, 0, -found.Day())
	}
	return found
}
