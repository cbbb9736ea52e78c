package clock

import (
	"sync"
	"time"

	"github.com/hogsend/hogsend/internal/decide/cascade"
)

// Stats is what the clock of this process has done since it started (W-18).
type Stats struct {
	// Lag is how long ago the oldest instant was due that is not applied yet; 0 when
	// nothing is due, or the clock runs in another process.
	Lag time.Duration
	// Flips counts the transitions that time alone has made, also those that an event
	// came across before the clock did (B-12).
	Flips map[cascade.Flip]int64
}

// stats is how late the clock is.
type stats struct {
	mu  sync.Mutex
	lag time.Duration
}

// Stats are those of now.
func (c *Clock) Stats() Stats {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	return Stats{Lag: c.stats.lag, Flips: c.engine.Flips()}
}

func (s *stats) late(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = max(0, lag)
}
