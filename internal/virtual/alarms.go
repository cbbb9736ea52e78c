package virtual

import (
	"slices"
	"time"
)

func (s *Server) alarm(at time.Time, ring func()) *alarm {
	s.count++
	a := &alarm{at: at, count: s.count, ring: ring}
	i, _ := slices.BinarySearchFunc(s.alarms, a, func(x, y *alarm) int {
		if c := x.at.Compare(y.at); c != 0 {
			return c
		}
		return x.count - y.count
	})
	s.alarms = slices.Insert(s.alarms, i, a)
	return a
}

func (s *Server) silence(a *alarm) {
	s.alarms = slices.DeleteFunc(s.alarms, func(o *alarm) bool { return o == a })
}
