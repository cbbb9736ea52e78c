package server

import (
	"fmt"
	"math"
	"time"

	"github.com/hogsend/hogsend"
)

// maxPoints is how many periods a series shows at most, the latest ones (H-10).
const maxPoints = 400

// rate is a share with four decimals, rounded half away from zero; 0 of nothing (O-27).
func rate(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*1e4) / 1e4
}

// average is the mean of durations in seconds with one decimal; nil of none (O-27).
func average(seconds float64, n int64) *float64 {
	if n <= 0 {
		return nil
	}
	mean := tenths(max(seconds, 0) / float64(n))
	return &mean
}

// periods are hours, days, weeks from Monday on, or months of a time zone, within a range.
type periods struct {
	unit         string
	zone         *time.Location
	since, until *time.Time
	// now ends what is shown where the range is the last days: an event may be a little ahead.
	now *time.Time
}

// periods reads range, zone and the unit, which has a name of its own on each route. Without
// a range it is the last days, or without those open.
func (q *query) periods(name string, units []string, days int, now time.Time) periods {
	p := periods{unit: "day", zone: time.UTC}
	if unit := q.oneOf(name, units...); unit != nil {
		p.unit = *unit
	}
	if tz := q.text("tz"); tz != "" {
		zone, err := hogsend.LoadZone(tz)
		if err != nil {
			q.report("tz", "must be the name of a time zone such as Europe/Berlin")
		} else {
			p.zone = zone
		}
	}
	p.since, p.until = q.span()
	if days > 0 && p.since == nil {
		end := now
		if p.until != nil {
			end = *p.until
		}
		since := end.AddDate(0, 0, -days)
		p.since = &since
	}
	if days > 0 && p.until == nil {
		p.now = &now
	}
	return p
}

// A period is named by its local beginning, as the database does, and reckoned with as if
// that were UTC: midnight is not there everywhere each day.
const label = "2006-01-02T15"

func parsePeriod(name string) (time.Time, error) {
	t, err := time.Parse(label, name)
	if err != nil {
		return t, fmt.Errorf("read period: %w", err)
	}
	return t, nil
}

// instant is when the period begins: where clocks are put forward at midnight, behind that.
func (p periods) instant(t time.Time) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), 0, 0, 0, p.zone)
	if at.Day() != t.Day() {
		_, at = at.ZoneBounds()
	}
	return at
}

// begin is the period of an instant.
func (p periods) begin(t time.Time) time.Time {
	t = t.In(p.zone)
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch p.unit {
	case "week":
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case "month":
		return day.AddDate(0, 0, 1-day.Day())
	}
	return day
}

// next is the period after t.
func (p periods) next(t time.Time) time.Time {
	switch p.unit {
	case "week":
		return t.AddDate(0, 0, 7)
	case "month":
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}

// dates are all periods of the range, at most the latest 400. An open end
// is the first or the last period that has data (H-10).
func (p periods) dates(named []string) ([]time.Time, error) {
	var first, last time.Time
	for _, name := range named {
		t, err := parsePeriod(name)
		if err != nil {
			return nil, err
		}
		if first.IsZero() || t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	until := p.until
	if until == nil {
		until = p.now
	}
	if p.since != nil && (until != nil || !last.IsZero()) {
		first = p.begin(*p.since)
	}
	if until != nil && !first.IsZero() {
		last = p.begin(*until)
	}
	if first.IsZero() {
		return nil, nil
	}
	// A range may be of centuries: what is before the latest periods is not walked through.
	if earliest := last.AddDate(-40, 0, 0); first.Before(earliest) {
		first = periods{unit: p.unit, zone: time.UTC}.begin(earliest)
	}
	var all []time.Time
	for t := first; !t.After(last); t = p.next(t) {
		all = append(all, t)
	}
	return all[max(0, len(all)-maxPoints):], nil
}

// fill makes a point of each period; what the database has no row of is the zero value.
func fill[Row, Point any](p periods, rows []Row, name func(Row) string, point func(ts, Row) Point) ([]Point, error) {
	names, byName := make([]string, len(rows)), make(map[string]Row, len(rows))
	for i, row := range rows {
		names[i] = name(row)
		byName[names[i]] = row
	}
	dates, err := p.dates(names)
	if err != nil {
		return nil, err
	}
	points := make([]Point, len(dates))
	for i, t := range dates {
		points[i] = point(ts(p.instant(t)), byName[t.Format(label)])
	}
	return points, nil
}
