package email

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter bounds the provider calls of this process (E-34). The zero rate of a
// nil Limiter is no bound. Several processes each have their own: give each its
// share of EMAIL_RATE_PER_SECOND.
type Limiter struct {
	rate *rate.Limiter

	mu      sync.Mutex
	stopped time.Time // no call before it
}

// NewLimiter allows perSecond calls a second, evenly spaced.
func NewLimiter(perSecond float64) *Limiter {
	return &Limiter{rate: rate.NewLimiter(rate.Limit(perSecond), 1)}
}

// Wait returns when the next call may start, or with the context's error. It must
// not be called while a database connection is held (E-34).
func (l *Limiter) Wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	for {
		if err := l.rate.Wait(ctx); err != nil {
			return err
		}
		remaining := l.remaining()
		if remaining <= 0 {
			return nil
		}
		timer := time.NewTimer(remaining)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// Stop holds every call for d, after a 429. A shorter stop does not end a longer one.
func (l *Limiter) Stop(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.stopped) {
		l.stopped = until
	}
}

func (l *Limiter) remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.stopped)
}
