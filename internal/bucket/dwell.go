package bucket

import (
	"time"
)

// Schedule is when a dwell reaction fires, counted from the anchor of a membership.
type Schedule struct {
	Label string `json:"label"`
	// Milliseconds is the duration; Repeats tells every from after.
	Milliseconds int64 `json:"ms"`
	Repeats      bool  `json:"repeats"`
}

func (s Schedule) duration() time.Duration { return time.Duration(s.Milliseconds) * time.Millisecond }

// At is the instant of an ordinal (B-38).
func (s Schedule) At(anchor time.Time, ordinal int) time.Time {
	return anchor.Add(time.Duration(ordinal) * s.duration())
}

// Ordinal is the newest one that is due at now: 0 for none, at most 1 for a schedule
// that does not repeat (B-45).
func (s Schedule) Ordinal(anchor, now time.Time) int {
	if now.Before(anchor) {
		return 0
	}
	n := int(now.Sub(anchor) / s.duration())
	if !s.Repeats {
		return min(n, 1)
	}
	return n
}

// Next is the next fire of a membership: the ordinal that is due at now and was not fired
// yet, else the first one that comes. ok is false when there is none any more.
func (s Schedule) Next(m *Membership, now time.Time) (ordinal int, at time.Time, ok bool) {
	last := m.Fired[s.Label]
	ordinal = s.Ordinal(m.Anchor, now)
	if ordinal <= last {
		ordinal = max(s.Ordinal(m.Anchor, now), last) + 1
	}
	if !s.Repeats && ordinal > 1 {
		return 0, time.Time{}, false
	}
	return ordinal, s.At(m.Anchor, ordinal), true
}

// Fires reports whether a membership may dwell at an instant: nothing ends it at or before
// that instant (B-40, B-43).
func (m *Membership) Fires(at time.Time) bool {
	due, _ := m.Due()
	return due.IsZero() || due.After(at)
}
