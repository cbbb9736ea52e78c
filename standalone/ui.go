package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/labstack/echo/v4"
	"github.com/temporalio/ui-server/v2/server"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/front"
	"github.com/hogsend/hogsend/internal/ports"
)

// countOpen is the cheapest request that needs namespace and visibility.
var countOpen = &workflowservice.CountWorkflowExecutionsRequest{Query: `ExecutionStatus="Running"`}

// StartUI serves Temporal's Web UI for the server at address on 127.0.0.1:port
// until stop is called, and returns when it answers. A second stop is harmless.
func StartUI(ctx context.Context, address string, port int) (stop func() error, err error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("web ui port %d is taken: %w", port, err)
	}
	inner, err := ports.Free()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find a port for the web ui: %w", err), listener.Close())
	}
	ui := server.NewServer(
		server_options.WithConfigProvider(&config.Config{
			TemporalGRPCAddress: address, Host: host, Port: inner, EnableUI: true, HideLogs: true, DisableNewsFetch: true,
			DefaultNamespace: "default", CORS: config.CORS{CookieInsecure: true},
		}),
		server_options.WithAPIMiddleware([]api.Middleware{localOnly}),
	)
	ended := make(chan error, 2)
	go func() { ended <- ui.Start() }()
	outer := front.NewServer(front.Local(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", net.JoinHostPort(host, strconv.Itoa(inner))
	}}), nil)
	stop = sync.OnceValue(func() error {
		err := outer.Close()
		ui.Stop()
		return errors.Join(err, <-ended, <-ended)
	})
	if err := awaitPort(ctx, inner, ended); err != nil {
		ended <- nil // of the front, which has not begun
		return nil, errors.Join(err, listener.Close(), stop())
	}
	go func() {
		err := outer.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		ended <- err
	}()
	return stop, nil
}

// localOnly refuses foreign hosts on the port of the UI itself as well, which its front
// does not guard: whoever guesses it gets pages without data.
func localOnly(echo.Context) runtime.ServeMuxOption {
	return runtime.WithMiddlewares(func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
			front.Local(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next(w, r, path) })).ServeHTTP(w, r)
		}
	})
}

// awaitPort waits until the UI answers, or has ended.
func awaitPort(ctx context.Context, port int, ended chan error) error {
	for {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			ended <- err
			return errors.New("web ui ended while starting")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Embedded is what package app needs of this one.
type Embedded struct{}

// Temporal starts a server for the product; see StartTemporal.
func (Embedded) Temporal(ctx context.Context, store string, port int, log *slog.Logger) (address string, stop func() error, err error) {
	t, err := StartTemporal(ctx, TemporalConfig{
		Store: store, Port: port, Logger: log,
		SearchAttributes: []string{contract.AttributeJourney, contract.AttributeContact, contract.AttributeBucket},
	})
	if err != nil {
		return "", nil, err
	}
	return t.Address(), t.Stop, nil
}

// TemporalUI starts the Web UI; see StartUI.
func (Embedded) TemporalUI(ctx context.Context, temporalAddress string, port int, _ *slog.Logger) (stop func() error, err error) {
	return StartUI(ctx, temporalAddress, port)
}
