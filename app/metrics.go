package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/hogsend/hogsend/internal/front"
	"github.com/hogsend/hogsend/server"
)

// observe tells metrics and traces of a request.
func (p *process) observe(r *http.Request) (context.Context, func(server.Answered)) {
	ctx, traced := p.tracing.Request(r)
	return ctx, func(a server.Answered) {
		p.metrics.Request(a.Method, a.Route, a.Status, a.Took)
		traced(a.Method, a.Route, a.Status)
	}
}

// serveMetrics answers GET /metrics on a private address until the server it returns
// is closed; nil when there is no address. GET /live and /ready are for who watches
// over a process that has no other port: it lives; it works, which ready says (O-56).
func serveMetrics(address string, handler http.Handler, ready func() bool, log *slog.Logger) (*http.Server, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // there is none, as was asked for
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (METRICS_ADDR)", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", handler)
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "live\n") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	var outer http.Handler = mux
	if front.OnLoopback(listener.Addr()) {
		outer = front.Local(mux)
	}
	s := front.NewServer(outer, slog.NewLogLogger(log.Handler(), slog.LevelWarn))
	s.Addr = listener.Addr().String()
	go func() {
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics ended", "error", err)
		}
	}()
	return s, nil
}
