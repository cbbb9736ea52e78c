package engine

import (
	"sync"

	"github.com/hogsend/hogsend/internal/decide/cascade"
)

// flips counts the transitions that time alone has made, also those that an event came
// across before the clock did (B-12).
type flips struct {
	mu    sync.Mutex
	count map[cascade.Flip]int64
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
