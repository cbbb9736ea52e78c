package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/temporalio/ui-server/v2/server"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/hogsend/hogsend/internal/contract"
)

// countOpen is the cheapest request that needs namespace and visibility.
var countOpen = &workflowservice.CountWorkflowExecutionsRequest{Query: `ExecutionStatus="Running"`}

// StartUI serves Temporal's Web UI for the server at address on 127.0.0.1:port
// until stop is called, and returns when it answers. A second stop is harmless.
func StartUI(ctx context.Context, address string, port int) (stop func() error, err error) {
	listen := net.JoinHostPort(host, strconv.Itoa(port))
	probe, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("web ui port %d is taken: %w", port, err)
	}
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("free web ui port: %w", err)
	}
	ui := server.NewServer(server_options.WithConfigProvider(&config.Config{
		TemporalGRPCAddress: address, Host: host, Port: port, EnableUI: true, HideLogs: true, DisableNewsFetch: true,
		DefaultNamespace: "default", CORS: config.CORS{CookieInsecure: true},
	}))
	ended := make(chan error, 1)
	go func() { ended <- ui.Start() }()
	stop = sync.OnceValue(func() error {
		ui.Stop()
		return <-ended
	})
	for {
		conn, err := net.DialTimeout("tcp", listen, time.Second)
		if err == nil {
			if err := conn.Close(); err != nil {
				return nil, errors.Join(fmt.Errorf("probe web ui: %w", err), stop())
			}
			break
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), stop())
		case err := <-ended:
			return nil, errors.Join(errors.New("web ui ended while starting"), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return stop, nil
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
