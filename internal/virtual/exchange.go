package virtual

import (
	"errors"
	"fmt"
	"time"
)

// exchange hands the worker what give gives and returns its answer.
func (s *Server) exchange(what string, give func(tick <-chan time.Time) bool) (*answer, error) {
	if !s.Progress.Await(s.TaskTimeout, give) {
		return nil, fmt.Errorf("hand out %s: %w", what, ErrStuck)
	}
	var got *answer
	if !s.Progress.Await(s.TaskTimeout, func(tick <-chan time.Time) bool {
		select {
		case got = <-s.answers:
			return true
		case <-tick:
			return false
		}
	}) {
		return nil, fmt.Errorf("wait for %s: %w", what, ErrStuck)
	}
	s.Progress.Move()
	return got, nil
}

// replace puts another worker in the place of the one that died.
func (s *Server) replace() {
	for _, x := range s.executions {
		x.handed = 0
	}
	s.lost.Store(false)
	s.forget.Store(false)
}

// end lets the call return, unless it has by itself.
func (a *answer) end(r reply) bool {
	if !a.over.CompareAndSwap(false, true) {
		return false
	}
	a.reply <- r
	return true
}

// ErrStuck is returned by Step when the worker does not answer.
var ErrStuck = errors.New("the worker does not answer")
