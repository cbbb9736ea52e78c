package virtual

import (
	"slices"
	"time"
)

func (s *Server) setTimer(at time.Time, fire func()) *timer {
	s.count++
	t := &timer{at: at, count: s.count, fire: fire}
	i, _ := slices.BinarySearchFunc(s.timers, t, func(x, y *timer) int {
		if c := x.at.Compare(y.at); c != 0 {
			return c
		}
		return x.count - y.count
	})
	s.timers = slices.Insert(s.timers, i, t)
	return t
}

func (s *Server) cancelTimer(t *timer) {
	s.timers = slices.DeleteFunc(s.timers, func(o *timer) bool { return o == t })
}
