package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hogsend/hogsend/schema"
)

const (
	probeTimeout  = 2 * time.Second
	probeMemory   = time.Second
	workerUpFor   = 30 * time.Second
	outboxDownAge = 60.0 // seconds
)

const (
	up   = "up"
	down = "down"
)

// component is one part of R-20.
type component struct {
	Status    string  `json:"status"`
	LatencyMs float64 `json:"latencyMs"`
}

type workerInstance struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	LastSeenAt ts     `json:"lastSeenAt"`
}

type workerComponent struct {
	Status     string           `json:"status"`
	Count      int              `json:"count"`
	LastSeenAt *ts              `json:"lastSeenAt"`
	Instances  []workerInstance `json:"instances"`
}

type outboxComponent struct {
	Status     string  `json:"status"`
	Pending    int64   `json:"pending"`
	LagSeconds float64 `json:"lagSeconds"`
}

type track struct {
	Applied  *string  `json:"applied"`
	Required *string  `json:"required"`
	InSync   bool     `json:"inSync"`
	Pending  []string `json:"pending"`
}

// getMetrics is R-34.
func (s *Server) getMetrics(r *request) error {
	if s.cfg.Metrics == nil {
		return notFound("Not Found")
	}
	s.cfg.Metrics.ServeHTTP(r.Response(), r.Request())
	return nil
}

func newHealth(s *Server) *health { return &health{server: s, started: s.now()} }

// get is the state of everything, not older than a second.
func (h *health) get(ctx context.Context) healthReply {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.server.now()
	if h.probed.IsZero() || now.Sub(h.probed) >= probeMemory {
		// Others wait for this probe, so it must not end with the request that asked first.
		h.last, h.probed = h.probe(context.WithoutCancel(ctx), now), now
	}
	out := h.last
	out.Uptime = float64(now.Sub(h.started).Milliseconds()) / 1000
	out.Timestamp = ts(now)
	out.Email.TestMode = h.server.cfg.TestMode.On()
	out.Webhooks.WithoutSecret = len(h.server.closed)
	return out
}

func (h *health) probe(ctx context.Context, now time.Time) healthReply {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	s := h.server
	out := healthReply{Version: s.cfg.Version, BuildID: s.cfg.BuildID}
	c := &out.Components
	var temporal sync.WaitGroup
	temporal.Go(func() {
		c.Temporal = timed(func() bool { return s.cfg.Temporal != nil && s.cfg.Temporal(ctx) == nil })
	})
	var status schema.Status
	c.Database = timed(func() (ok bool) { return s.cfg.Store.Pool.Ping(ctx) == nil })
	var schemaErr error
	if c.Database.Status == up {
		status, schemaErr = schema.Check(ctx, s.cfg.Store.Pool)
	}
	out.Schema.Client = track{InSync: true, Pending: []string{}}
	out.Schema.Engine = engineTrack(status, c.Database.Status == up && schemaErr == nil)
	c.Worker, c.Outbox = h.workers(ctx, now), h.outbox(ctx, now)
	temporal.Wait()
	c.Redis = c.Temporal
	switch {
	case c.Database.Status == up && !out.Schema.Engine.InSync:
		out.Status = "migration_pending"
	case c.Database.Status == up && c.Temporal.Status == up && c.Worker.Status == up && c.Outbox.Status == up:
		out.Status = "healthy"
	default:
		out.Status = "degraded"
	}
	return out
}

// timed measures in milliseconds with one fraction digit.
func timed(probe func() bool) component {
	began := time.Now() // a latency, not an instant of the product
	c := component{Status: down}
	if probe() {
		c.Status = up
	}
	c.LatencyMs = float64(time.Since(began).Microseconds()/100) / 10
	return c
}

func engineTrack(s schema.Status, known bool) track {
	t := track{InSync: known && s.InSync(), Pending: s.Pending}
	if s.Applied != "" {
		t.Applied = &s.Applied
	}
	if s.Required != "" {
		t.Required = &s.Required
	}
	if t.Pending == nil {
		t.Pending = []string{}
	}
	return t
}

func (h *health) workers(ctx context.Context, now time.Time) workerComponent {
	w := workerComponent{Status: down, Instances: []workerInstance{}}
	rows, err := h.server.cfg.Store.HealthWorkers(ctx, now)
	if err != nil {
		return w
	}
	for _, row := range rows {
		instance := workerInstance{ID: opaque(row.ID), Status: down, LastSeenAt: ts(row.LastSeenAt)}
		if now.Sub(row.LastSeenAt) <= workerUpFor {
			instance.Status, w.Status = up, up
			w.Count++
		}
		w.Instances = append(w.Instances, instance)
	}
	if len(rows) > 0 {
		w.LastSeenAt = tsOrNull(&rows[0].LastSeenAt)
	}
	return w
}

// opaque is the id of a worker as everybody may see it: without the host before it.
func opaque(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func (h *health) outbox(ctx context.Context, now time.Time) outboxComponent {
	row, err := h.server.cfg.Store.HealthOutbox(ctx, now)
	if err != nil || row.LagSeconds > outboxDownAge {
		return outboxComponent{Status: down, Pending: row.Pending, LagSeconds: row.LagSeconds}
	}
	return outboxComponent{Status: up, Pending: row.Pending, LagSeconds: row.LagSeconds}
}

// getHealth is R-20: always 200.
func (s *Server) getHealth(r *request) error { return reply(r, http.StatusOK, s.health.get(r.ctx())) }

type statusReply struct {
	Status string `json:"status"`
}

// getLive is R-21.
func (s *Server) getLive(r *request) error { return reply(r, http.StatusOK, statusReply{Status: "ok"}) }

// getReady is R-22. It looks at database and schema only, so that ingest goes on
// without Temporal (O-30).
func (s *Server) getReady(r *request) error {
	h := s.health.get(r.ctx())
	var why string
	switch {
	case s.draining.Load():
		why = "Server is stopping"
	case h.Components.Database.Status != up:
		why = "Database unavailable"
	case !h.Schema.Engine.InSync:
		why = "Schema is behind"
	default:
		return reply(r, http.StatusOK, statusReply{Status: "ready"})
	}
	return &refusal{status: http.StatusServiceUnavailable, text: why, wait: time.Second, extra: map[string]any{"status": "not_ready"}}
}
