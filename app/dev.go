package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
	"github.com/hogsend/hogsend/standalone/postgres"
)

// devFlags are the settings of `hogsend dev`.
type devFlags struct {
	data                       string
	port, temporalPort, uiPort int
	apiKey                     string
	reset, installPostgres     bool
}

func (p *program) devCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything on this machine: Temporal, Postgres, API and worker", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.dev(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.data, "data", ".hogsend", "folder that keeps the state")
	cmd.Flags().IntVar(&f.port, "port", 3002, "port of the API")
	cmd.Flags().IntVar(&f.temporalPort, "temporal-port", 7233, "port of Temporal")
	cmd.Flags().IntVar(&f.uiPort, "ui-port", 8233, "port of Temporal's Web UI")
	cmd.Flags().StringVar(&f.apiKey, "api-key", "", "a fixed full-admin API key (default: one is made and kept)")
	cmd.Flags().BoolVar(&f.reset, "reset", false, "delete the state first")
	cmd.Flags().BoolVar(&f.installPostgres, "install-postgres", false,
		"where the machine has no Postgres, let its package manager install it (as root) instead of fetching one into a cache; HOGSEND_INSTALL_POSTGRES=true means the same")
	return cmd
}

// dev starts what the others depend on first, then API and worker, and stops them
// in the opposite order.
func (p *program) dev(ctx context.Context, f devFlags) (err error) {
	began := time.Now()
	// Everything that can be wrong is said before anything is started or written.
	if _, _, err := checkRegistry(p.Options); err != nil {
		return err
	}
	for _, port := range []struct {
		name   string
		number int
	}{{"port", f.port}, {"temporal-port", f.temporalPort}, {"ui-port", f.uiPort}} {
		if err := portFree(port.name, port.number); err != nil {
			return err
		}
	}
	data, err := openData(f.data, f.reset)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.close()) }()
	if f.reset {
		// It may keep its cluster elsewhere, where its own user can reach it.
		if err := postgres.Reset(ctx, data.postgres()); err != nil {
			return fmt.Errorf("--reset: %w", err)
		}
	}
	secret, err := data.keep("secret", func() string { return hex.EncodeToString(random(32)) })
	if err != nil {
		return err
	}
	key := first(f.apiKey, p.env("ADMIN_API_KEY"))
	if key == "" {
		if key, err = data.keep("api-key", newAPIKey); err != nil {
			return err
		}
	}
	quiet := slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

	databaseURL, stopPostgres, err := p.devDatabase(ctx, data, f, quiet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopPostgres()) }()
	p.progress("temporal  starting")
	address, stopTemporal, err := p.Embedded.Temporal(ctx, filepath.Join(data.path, "temporal.db"), f.temporalPort, quiet)
	if err != nil {
		return fmt.Errorf("start temporal: %w", err)
	}
	defer func() { err = errors.Join(err, stopTemporal()) }()
	stopUI, err := p.Embedded.TemporalUI(ctx, address, f.uiPort, quiet)
	if err != nil {
		return fmt.Errorf("start temporal web ui: %w", err)
	}
	defer func() { err = errors.Join(err, stopUI()) }()

	cfg, err := p.load(config.Needs{Service: true}, "HOGSEND_ENV=development", "DATABASE_URL="+databaseURL,
		"TEMPORAL_ADDRESS="+address, "PORT="+strconv.Itoa(f.port), "HOGSEND_SECRET="+secret, "ADMIN_API_KEY="+key,
		"LOG_FORMAT="+first(p.env("LOG_FORMAT"), "text"), "LOG_LEVEL="+first(p.env("LOG_LEVEL"), "warn"))
	if err != nil {
		return err
	}
	p.progress("worker    starting")
	return p.runAll(ctx, cfg, func() { p.banner(f, cfg, key, time.Since(began)) })
}

// devDatabase is DATABASE_URL if set, else a private Postgres below the data folder.
func (p *program) devDatabase(ctx context.Context, data *dataFolder, f devFlags, log *slog.Logger) (url string, stop func() error, err error) {
	stop = func() error { return nil }
	if url = p.env("DATABASE_URL"); url == "" {
		p.progress("postgres  starting")
		server, err := postgres.Start(ctx, postgres.Config{
			DataDir: data.postgres(), Install: f.installPostgres || p.env("HOGSEND_INSTALL_POSTGRES") == "true", Logger: log, Progress: p.progress,
		})
		if errors.Is(err, postgres.ErrNoPrograms) {
			return "", nil, fmt.Errorf("start postgres: %w; install the package postgresql, run `hogsend dev --install-postgres` as root, or set DATABASE_URL", err)
		}
		if err != nil {
			return "", nil, fmt.Errorf("start postgres: %w", err)
		}
		url, stop = server.URL(), server.Stop
	}
	if err := migrate(ctx, url); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return url, stop, nil
}

func migrate(ctx context.Context, url string) error {
	s, err := store.Open(ctx, store.Config{URL: url})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = schema.Migrate(ctx, s.Pool)
	return err
}

// runAll serves and works in this process until ctx ends or one of the two fails.
// ready is called when both are up.
func (p *program) runAll(ctx context.Context, cfg config.Config, ready func()) error {
	log := newLogger(p.Stderr, cfg)
	listener, err := listen(cfg)
	if err != nil {
		return err
	}
	defer listener.Close() // a second close, after serve, is harmless
	proc, err := newProcess(ctx, p.Options, cfg, log)
	if err != nil {
		return err
	}
	defer proc.close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return proc.serve(ctx, listener) })
	group.Go(func() error { return proc.work(ctx, ready) })
	return group.Wait()
}

func (p *program) progress(line string) { fmt.Fprintln(p.Stderr, line) }

func (p *program) banner(f devFlags, cfg config.Config, key string, took time.Duration) {
	fmt.Fprintf(p.Stdout, `
  API          http://127.0.0.1:%d
  Temporal     127.0.0.1:%d   Web UI http://127.0.0.1:%d
  Postgres     %s
  API key      %s
  state        %s

Send an event, then look at the mail (hogsend mailbox, with the same key):

  export HOGSEND_API_KEY=%s
  curl -s http://127.0.0.1:%d/v1/events -H "Authorization: Bearer $HOGSEND_API_KEY" \
    -H 'Content-Type: application/json' \
    -d '{"name": "user.created", "userId": "ada", "email": "ada@example.com"}'

ready in %.1f s, Ctrl-C stops
`, f.port, f.temporalPort, f.uiPort, cfg.DatabaseURL, key, f.data, key, f.port, took.Seconds())
}

// portFree refuses a taken port by its flag.
func portFree(flag string, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("--%s: port %d is taken; choose another one or end what listens there (%w)", flag, port, err)
	}
	return l.Close()
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// newAPIKey has the form of O-1.
func newAPIKey() string { return "hsk_" + base64.RawURLEncoding.EncodeToString(random(32)) }
