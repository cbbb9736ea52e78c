package server

import (
	"sync"
	"time"
)

// The sliding window of the rate limits, and how finely it is kept (H-14).
const (
	window      = time.Minute
	granularity = 100 * time.Millisecond
)

// maxLimited bounds the callers a limiter remembers: beyond it the one that was heard of
// least recently is forgotten (O-10).
const maxLimited = 100_000

// limiter counts what each caller did within the last 60 s.
type limiter struct {
	mu      sync.Mutex
	limit   int
	callers *lru[*history]
}

func newLimiter(limit int) *limiter {
	return &limiter{limit: limit, callers: newLRU[*history](maxLimited)}
}

// history is what one caller did, oldest first, in slots of 100 ms. A slot is
// dated by its latest request, so the limit is never exceeded.
type history struct {
	slots []slot
	used  int
}

type slot struct {
	began, at time.Time
	cost      int
}

// quota is where a caller stands after a request.
type quota struct {
	ok        bool
	limit     int
	remaining int
	// reset is when a slot frees; for a refused request, when it would be accepted.
	reset time.Duration
}

// take spends cost if that much is left; a refused request spends nothing. A cost
// above the whole limit counts as the limit, so that it can pass at all.
func (l *limiter) take(caller string, cost int, now time.Time) quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.history(caller, now)
	cost = min(cost, l.limit)
	q := quota{limit: l.limit, ok: h.used+cost <= l.limit}
	if q.ok && cost > 0 {
		h.add(cost, now)
	}
	if q.ok {
		cost = 0
	}
	q.remaining = l.limit - h.used
	q.reset = h.frees(l.limit, cost, now)
	return q
}

func (l *limiter) history(caller string, now time.Time) *history {
	h, ok := l.callers.get(caller)
	if !ok {
		h = &history{}
		l.callers.put(caller, h)
	}
	h.expire(now)
	return h
}

func (h *history) expire(now time.Time) {
	gone := 0
	for gone < len(h.slots) && now.Sub(h.slots[gone].at) >= window {
		h.used -= h.slots[gone].cost
		gone++
	}
	h.slots = h.slots[gone:]
}

func (h *history) add(cost int, now time.Time) {
	h.used += cost
	if n := len(h.slots); n > 0 && now.Sub(h.slots[n-1].began) < granularity {
		h.slots[n-1].cost += cost
		h.slots[n-1].at = now
		return
	}
	h.slots = append(h.slots, slot{began: now, at: now, cost: cost})
}

// frees is how long it takes until more is left than now, and at least cost.
func (h *history) frees(limit, cost int, now time.Time) time.Duration {
	used := h.used
	for _, s := range h.slots {
		if used -= s.cost; used+cost <= limit {
			return s.at.Add(window).Sub(now)
		}
	}
	return 0
}

// spend takes cost from the caller's quota and tells in the reply what is left. A
// cost of 0 only looks whether anything is.
func (s *Server) spend(r *request, cost int) error {
	q := s.limits[r.limit].take(r.actor.id, cost, s.now())
	if cost == 0 && q.remaining == 0 {
		q = s.limits[r.limit].take(r.actor.id, 1, s.now())
	}
	h := r.Response().Header()
	h.Set("X-RateLimit-Limit", itoa(q.limit))
	h.Set("X-RateLimit-Remaining", itoa(q.remaining))
	h.Set("X-RateLimit-Reset", itoa(seconds(q.reset)))
	if !q.ok {
		return tooMany(q.reset)
	}
	return nil
}
