// Package pace bounds how often the provider of mails is called.
package pace

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
	// behind holds whoever of WaitBehind is next: at most one of them has a slot ahead.
	behind chan struct{}

	mu      sync.Mutex
	stopped time.Time     // no call before it
	ahead   int           // those of Wait that wait
	free    chan struct{} // closed when nobody is ahead any more
}

// NewLimiter allows perSecond calls a second, evenly spaced.
func NewLimiter(perSecond float64) *Limiter {
	return &Limiter{rate: rate.NewLimiter(rate.Limit(perSecond), 1), behind: make(chan struct{}, 1)}
}

// Wait returns when the next call may start, or with the context's error. It must
// not be called while a database connection is held (E-34).
func (l *Limiter) Wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	defer l.enter()()
	return l.wait(ctx)
}

// WaitBehind is Wait for one of many: it lets those of Wait go first.
func (l *Limiter) WaitBehind(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	select {
	case l.behind <- struct{}{}:
		defer func() { <-l.behind }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		free := l.busy()
		if free == nil {
			return l.wait(ctx)
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// enter counts one who waits, until leave is called.
func (l *Limiter) enter() (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ahead++; l.ahead == 1 {
		l.free = make(chan struct{})
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ahead--; l.ahead == 0 {
			close(l.free)
			l.free = nil
		}
	}
}

// busy is closed once nobody is ahead; nil if nobody is.
func (l *Limiter) busy() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ahead == 0 {
		return nil
	}
	return l.free
}

func (l *Limiter) wait(ctx context.Context) error {
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
