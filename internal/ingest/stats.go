package ingest

import (
	"sync"
	"time"

	"github.com/hogsend/hogsend/internal/decide"
)

// ClockStats is what the clock of this process has done since it started (W-18).
type ClockStats struct {
	// Lag is how long ago the oldest instant was due that is not applied yet; 0 when
	// nothing is due, or the clock runs in another process.
	Lag time.Duration
	// Flips counts the transitions that time alone has made, also those that an event
	// came across before the clock did (B-12).
	Flips map[Flip]int64
}

// Flip is a kind of transition: entered or left.
type Flip = decide.Flip

// clockStats collects ClockStats.
type clockStats struct {
	mu  sync.Mutex
	lag time.Duration
}

// ClockStats are those of now.
func (g *Ingester) ClockStats() ClockStats {
	s := &g.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	return ClockStats{Lag: s.lag, Flips: g.engine.Flips()}
}

func (s *clockStats) late(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = max(0, lag)
}
