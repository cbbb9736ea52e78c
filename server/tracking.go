package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/tracking"
)

const (
	// targetTimeout bounds how long a reader waits to be told where a link leads.
	targetTimeout = 2 * time.Second
	// recordWait is how long a reader waits for a hit to be kept; recordTimeout is how long
	// that may take in all, and maxRecording how many are kept at a time.
	recordWait    = 250 * time.Millisecond
	recordTimeout = 30 * time.Second
	maxRecording  = 32
)

// followLink is R-23. Whatever happens, the reader is sent on: to where the stored link leads,
// or to us if that cannot be found out. No part of the request says where (E-48).
func (s *Server) followLink(r *request) error {
	id, err := uuid.Parse(r.Param("id"))
	if err != nil {
		return invalid(detail{Path: "id", Message: "must be a uuid"})
	}
	ctx, cancel := context.WithTimeout(r.ctx(), targetTimeout)
	defer cancel()
	target, hit := s.cfg.PublicURL, ingest.Hit{Hit: s.hitOf(r)}
	rows, err := s.store.LinkGet(ctx, id)
	switch {
	case err != nil:
		s.log.Warn("link not found out", "request_id", requestID(r), "error", err)
	case len(rows) > 0:
		target = asLocation(rows[0].Url)
		hit.SendID, hit.URL = rows[0].SendID, rows[0].Url
		s.hits.record(ctx, requestID(r), func(ctx context.Context) error { return s.cfg.Ingest.Hit(ctx, s.cfg.Tracking, hit) })
	}
	h := r.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", target)
	return r.NoContent(http.StatusFound)
}

// showPixel is R-24: the image, whatever happens (E-49).
func (s *Server) showPixel(r *request) error {
	id, err := uuid.Parse(strings.TrimSuffix(r.Param("id"), ".gif"))
	if err != nil {
		return invalid(detail{Path: "id", Message: "must be a uuid"})
	}
	hit := ingest.Hit{Hit: s.hitOf(r), SendID: id}
	s.hits.record(r.ctx(), requestID(r), func(ctx context.Context) error { return s.cfg.Ingest.Hit(ctx, s.cfg.Tracking, hit) })
	r.Response().Header().Set("Cache-Control", "no-store")
	return r.Blob(http.StatusOK, "image/gif", tracking.Pixel)
}

// hitOf is what a request tells of who made it.
func (s *Server) hitOf(r *request) tracking.Hit {
	req := r.Request()
	return tracking.Hit{At: s.now(), IP: s.proxies.client(req), Agent: req.UserAgent(), Prefetch: tracking.Prefetches(req.Method, req.Header.Values)}
}

// asLocation spells a URL in the characters that a header may have. It stays the same URL to
// a browser.
func asLocation(target string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(target) {
		if c := target[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}

// recorder keeps hits beside the replies to them.
type recorder struct {
	log     *slog.Logger
	slots   chan struct{}
	running sync.WaitGroup
}

func newRecorder(log *slog.Logger) *recorder {
	return &recorder{log: log, slots: make(chan struct{}, maxRecording)}
}

// record runs keep, and waits for it for a moment only: then it goes on beside. What cannot
// be kept is logged, and nobody's reader is told.
func (k *recorder) record(ctx context.Context, requestID string, keep func(context.Context) error) {
	patience := time.NewTimer(recordWait)
	defer patience.Stop()
	select {
	case k.slots <- struct{}{}:
	case <-patience.C:
		k.log.Warn("hit not kept", "request_id", requestID, "error", "too many at a time")
		return
	}
	done := make(chan struct{})
	k.running.Go(func() {
		defer close(done)
		defer func() { <-k.slots }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		if err := keep(ctx); err != nil {
			k.log.Warn("hit not kept", "request_id", requestID, "error", err)
		}
	})
	select {
	case <-done:
	case <-patience.C:
	}
}

// Settle waits for what goes on beside the replies, until ctx ends.
func (s *Server) Settle(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.hits.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
