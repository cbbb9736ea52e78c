package studio

import (
	"sync"
	"time"
)

const (
	// longestLife is how long a figure shows the same at most (§7); shareOfLife is how many
	// times as long as counting it took. What is counted at once is counted each time.
	longestLife = time.Minute
	shareOfLife = 100
	// mostMemos is how many figures are remembered; beyond it all are counted anew.
	mostMemos = 1000
)

// memos remember what is costly to count, so that everybody who looks meanwhile sees the
// same, and one counts while the others wait.
type memos struct {
	mu  sync.Mutex
	all map[string]*memo
}

type memo struct {
	mu    sync.Mutex
	at    time.Time
	life  time.Duration
	value any
}

func (m *memos) of(key string) *memo {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all[key] == nil {
		if m.all == nil || len(m.all) >= mostMemos {
			m.all = map[string]*memo{}
		}
		m.all[key] = &memo{}
	}
	return m.all[key]
}

// remembered is what a key stands for, and when it was counted.
func remembered[T any](s *Studio, key string, count func() (T, error)) (value T, at time.Time, err error) {
	m, now := s.memos.of(key), s.instant()
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.value.(T); ok && now.Sub(m.at) >= 0 && now.Sub(m.at) < m.life {
		return known, m.at, nil
	}
	began := time.Now() // a duration, not an instant of the product
	if value, err = count(); err == nil {
		m.value, m.at, m.life = value, now, min(shareOfLife*time.Since(began), longestLife)
	}
	return value, now, err
}
