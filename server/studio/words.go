package studio

import (
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
)

// triggerWords say what an event is: one of a bucket's own, or its name.
func (s *Studio) triggerWords(event string) string {
	for i := range s.cfg.Registry.Buckets {
		b := &s.cfg.Registry.Buckets[i]
		name := s.bucketName(b.ID)
		switch {
		case event == hogsend.Entered(b.ID):
			return "enters " + name
		case event == hogsend.Left(b.ID):
			return "leaves " + name
		case strings.HasPrefix(event, hogsend.Dwell(b.ID, "")):
			return dwellWords(strings.TrimPrefix(event, hogsend.Dwell(b.ID, "")), name)
		}
	}
	switch event {
	case hogsend.AnyEntered:
		return "enters any bucket"
	case hogsend.AnyLeft:
		return "leaves any bucket"
	case hogsend.AnyDwell:
		return "stays in any bucket"
	}
	return event
}

// dwellWords say how long a stay is: after or every some milliseconds.
func dwellWords(schedule, bucket string) string {
	how, ms, _ := strings.Cut(schedule, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return "stays in " + bucket
	}
	length := lasting(time.Duration(n) * time.Millisecond)
	if how == "every" {
		return "every " + length + " in " + bucket
	}
	return "after " + length + " in " + bucket
}

// lasting is how long something takes, in the largest units that say it without rest.
func lasting(d time.Duration) string {
	for _, unit := range []struct {
		length    time.Duration
		one, many string
	}{{hogsend.Day, "day", "days"}, {time.Hour, "hour", "hours"}, {time.Minute, "minute", "minutes"}, {time.Second, "second", "seconds"}} {
		if d >= unit.length && d%unit.length == 0 {
			return plural(int64(d/unit.length), unit.one, unit.many)
		}
	}
	return d.String()
}
