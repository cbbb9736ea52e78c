package hogsendtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
)

// Timeline is what happened to a contact, a line each: the time since the start, then an
// event that came, a bucket that was entered or left, or a row of the step log. With
// several journeys each row names its own (T-8).
func (r *Result) Timeline(contact string) string {
	t := timeline{result: r, journeys: map[string]bool{}}
	for _, row := range r.lines {
		if row.contact == contact {
			t.rows = append(t.rows, row)
			t.journeys[row.journey] = true
		}
	}
	for i, e := range r.Events {
		if r.names[i] == contact {
			t.rowsUntil(func(row timelineRow) bool { return !row.at.Before(e.ReceivedAt) })
			t.event(e)
		}
	}
	t.rowsUntil(func(timelineRow) bool { return false })
	return t.lines.String()
}

// Offset is the time from the start to an instant as timelines print it, such as "+5d 3h".
func (r *Result) Offset(instant time.Time) string { return offset(instant.Sub(r.Start)) }

// timeline puts events and rows of the step log into one order: that of their instants
// and, within one, that in which an event is before what it causes.
type timeline struct {
	result   *Result
	rows     []timelineRow // that are not printed yet
	journeys map[string]bool
	lines    strings.Builder
}

// event prints an event, or the row of the step log that tells of it.
func (t *timeline) event(e hogsend.StoredEvent) {
	last := slices.IndexFunc(t.rows, func(row timelineRow) bool { return row.at.Equal(e.ReceivedAt) && row.tellsOf(e) })
	if last >= 0 {
		t.print(last + 1)
		return
	}
	transition, bucket, _ := strings.Cut(strings.TrimPrefix(e.Name, "bucket:"), ":")
	if e.Source != "bucket" || transition != "entered" && transition != "left" {
		t.line(e.ReceivedAt, "event "+e.Name)
		return
	}
	t.print(t.before(e))
	t.line(e.ReceivedAt, transition+" "+bucket)
}

// before is how many rows come before a transition: those before the enrollment that it
// made or, if it made none, those up to the step that changed the contact.
func (t *timeline) before(e hogsend.StoredEvent) (n int) {
	for i, row := range t.rows {
		switch {
		case !row.at.Equal(e.ReceivedAt):
			return n
		case row.action == "enrolled" && slices.ContainsFunc(t.result.Decisions, func(d Decision) bool {
			return d.Event == e.Name && d.At.Equal(row.at) && d.Contact == row.contact && d.Journey == row.id
		}):
			return i
		case row.action == "identified":
			n = i + 1
		}
	}
	return n
}

// tellsOf reports whether the row is that of a step which stored the event.
func (r timelineRow) tellsOf(e hogsend.StoredEvent) bool {
	if e.Source != "journey" {
		return false
	}
	if ended, ok := strings.CutPrefix(e.Name, "journey:"); ok {
		return r.action == ended && r.enrollment == e.Properties["stateId"]
	}
	return r.action == "event_triggered" && r.event == e.Name
}

// rowsUntil prints the rows before the first for which is holds.
func (t *timeline) rowsUntil(is func(timelineRow) bool) {
	n := slices.IndexFunc(t.rows, is)
	if n < 0 {
		n = len(t.rows)
	}
	t.print(n)
}

// print prints the next n rows.
func (t *timeline) print(n int) {
	for _, row := range t.rows[:n] {
		text := row.text
		if len(t.journeys) > 1 {
			text = row.journey + " " + text
		}
		t.line(row.at, text)
	}
	t.rows = t.rows[n:]
}

func (t *timeline) line(at time.Time, text string) {
	fmt.Fprintf(&t.lines, "%s %s\n", t.result.Offset(at), text)
}

// offset is a time since the start in the largest units, without zero parts.
func offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	var parts []string
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{
		{hogsend.Day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}, {time.Nanosecond, "ns"},
	} {
		if n := d / unit.length; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, unit.name))
			d %= unit.length
		}
	}
	if len(parts) == 0 {
		return sign + "0s"
	}
	return sign + strings.Join(parts, " ")
}
