package studio

import (
	"context"
	"sync"
	"time"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

const (
	// longestLife is how long a figure shows the same at most (§7); shareOfLife is how many
	// times as long as counting it took. What takes less than a tenth of a page's patience is
	// counted each time.
	longestLife = time.Minute
	shareOfLife = 100
	// mostMemos is how many figures are remembered; beyond it all are counted anew.
	mostMemos = 1000
	// usualPatience is how long a page waits for a figure before it goes without (U-7).
	usualPatience = 200 * time.Millisecond
)

// memos remember what is costly to count, so that everybody who looks meanwhile sees the
// same, and one counts while the others wait.
type memos struct {
	mu  sync.Mutex
	all map[string]*memo
}

type memo struct {
	mu sync.Mutex
	at time.Time
	// until is how long the value stands.
	until time.Time
	value any
	err   error
	// counting is closed when the count that goes on has come to an end; nil when none does.
	counting chan struct{}
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

// figure is something that was counted, and when; it is not known while it is counted for
// the first time and that takes long.
type figure[T any] struct {
	value T
	at    time.Time
	known bool
}

// remembered is what a key stands for. The count is not that of the request which asks for
// it: it goes on when nobody waits any more, and the next one finds it.
func remembered[T any](s *Studio, key string, count func(ctx context.Context, q *storedb.Queries) (T, error)) (figure[T], error) {
	m := s.memos.of(key)
	m.mu.Lock()
	if value, ok := m.value.(T); ok && time.Now().Before(m.until) { // a duration, not an instant of the product
		defer m.mu.Unlock()
		return figure[T]{value, m.at, true}, nil
	}
	done := m.counting
	if done == nil {
		done = make(chan struct{})
		m.counting = done
		go s.count(m, done, func(ctx context.Context, q *storedb.Queries) (any, error) { return count(ctx, q) })
	}
	m.mu.Unlock()
	wait := time.NewTimer(s.cfg.Patience)
	defer wait.Stop()
	select {
	case <-done:
	case <-wait.C:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counting != done && m.err != nil {
		return figure[T]{}, m.err
	}
	value, ok := m.value.(T) // an older one, perhaps: it says of when
	return figure[T]{value, m.at, ok}, nil
}

// count counts for all who wait.
func (s *Studio) count(m *memo, done chan struct{}, count func(ctx context.Context, q *storedb.Queries) (any, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	began, at := time.Now(), s.instant() // a duration, and an instant of the product
	var value any
	err := s.read(ctx, func(q *storedb.Queries) (err error) {
		value, err = count(ctx, q)
		return err
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err = err; err == nil {
		m.value, m.at, m.until = value, at, time.Time{}
		if took := time.Since(began); took > s.cfg.Patience/10 {
			m.until = time.Now().Add(min(shareOfLife*took, longestLife))
		}
	}
	m.counting = nil
	close(done)
}

// countTimeout bounds a count, with the wait for a connection.
const countTimeout = 10 * time.Second
