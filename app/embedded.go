package app

import (
	"context"
	"log/slog"
)

// Embedded starts the servers that can run inside this process. Package
// standalone implements it; a binary built without it does not contain them.
type Embedded interface {
	// Temporal starts a Temporal server on 127.0.0.1:port (0: any free port). store
	// is the path of a SQLite file or a postgres:// URL. It is ready, with its
	// namespace and search attributes, when Temporal returns.
	Temporal(ctx context.Context, store string, port int, log *slog.Logger) (address string, stop func() error, err error)
	// TemporalUI starts Temporal's Web UI on 127.0.0.1:port.
	TemporalUI(ctx context.Context, temporalAddress string, port int, log *slog.Logger) (stop func() error, err error)
}
