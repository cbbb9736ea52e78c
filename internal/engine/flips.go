package engine

import (
	"maps"
	"sync"

	"github.com/hogsend/hogsend/internal/decide/cascade"
)

// flips counts the transitions that time alone has made, also those that an event came
// across before the clock did (B-12).
type flips struct {
	mu    sync.Mutex
	count map[cascade.Flip]int64
}

// Flips are those that are committed by now.
func (e *Engine) Flips() map[cascade.Flip]int64 {
	e.flips.mu.Lock()
	defer e.flips.mu.Unlock()
	return maps.Clone(e.flips.count)
}

// add counts flips that are committed.
func (f *flips) add(made []cascade.Flip) {
	if len(made) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil {
		f.count = map[cascade.Flip]int64{}
	}
	for _, one := range made {
		f.count[one]++
	}
}
