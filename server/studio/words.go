package studio

import (
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
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
	length := criteria.LengthWords(time.Duration(n) * time.Millisecond)
	if how == "every" {
		return "every " + length + " in " + bucket
	}
	return "after " + length + " in " + bucket
}

// reasonWords are a reason as words, where it stands without its sentence.
func reasonWords(reason string) string {
	if reason == "" {
		return "no reason given"
	}
	return strings.ReplaceAll(reason, "_", " ")
}
