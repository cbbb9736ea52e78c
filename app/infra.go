package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/ports"
	"github.com/hogsend/hogsend/standalone/postgres"
)

// infra is what dev runs besides the product itself.
type infra struct {
	installation
	data  *dataFolder
	stops []func() error
}

// stop ends everything in the opposite order of its start.
func (i *infra) stop() error {
	var all []error
	for _, stop := range slices.Backward(i.stops) {
		all = append(all, stop())
	}
	return errors.Join(all...)
}

// startInfra starts Postgres, Temporal and its Web UI on a data folder, and lets the other
// commands find them.
func (p *program) startInfra(ctx context.Context, data *dataFolder, f devFlags) (_ *infra, err error) {
	i := &infra{data: data, installation: installation{API: "http://127.0.0.1:" + strconv.Itoa(f.port), folder: f.data}}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.stop())
		}
	}()
	// One that was killed left it; it is not there until everything can be reached.
	if err := data.unannounce(); err != nil {
		return nil, err
	}
	if f.reset {
		// It may keep its cluster elsewhere, where its own user can reach it.
		if err := postgres.Reset(ctx, data.postgres()); err != nil {
			return nil, fmt.Errorf("--reset: %w", err)
		}
	}
	p.tellOfIgnored(f)
	if i.Secret, err = data.keep("secret", func() string { return hex.EncodeToString(random(32)) }); err != nil {
		return nil, err
	}
	if i.APIKey = first(f.apiKey, p.env("ADMIN_API_KEY")); i.APIKey == "" {
		if i.APIKey, err = data.keep("api-key", newAPIKey); err != nil {
			return nil, err
		}
	}
	quiet := slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := p.startDatabase(ctx, i, f, quiet); err != nil {
		return nil, err
	}
	p.progress("temporal  starting")
	address, stop, err := p.Embedded.Temporal(ctx, filepath.Join(data.path, "temporal.db"), f.temporalPort, quiet)
	if err != nil {
		return nil, fmt.Errorf("start temporal: %w", err)
	}
	i.Temporal, i.stops = address, append(i.stops, stop)
	if stop, err = p.Embedded.TemporalUI(ctx, address, f.uiPort, quiet); err != nil {
		return nil, fmt.Errorf("start temporal web ui: %w", err)
	}
	i.stops = append(i.stops, stop)
	if err := data.announce(i.installation); err != nil {
		return nil, err
	}
	i.stops = append(i.stops, data.unannounce)
	return i, nil
}

// tellOfIgnored says which variables of the shell count for another installation than
// this one.
func (p *program) tellOfIgnored(f devFlags) {
	var ignored []string
	for _, pair := range p.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if value != "" && (strings.HasPrefix(name, "TEMPORAL_") || name == "DATABASE_URL" && value != f.databaseURL) {
			ignored = append(ignored, name)
		}
	}
	if len(ignored) == 0 {
		return
	}
	slices.Sort(ignored)
	hint := ""
	if slices.Contains(ignored, "DATABASE_URL") {
		hint = `; --database-url "$DATABASE_URL" would use and migrate that database`
	}
	p.progress("not used  " + strings.Join(ignored, ", ") + " of the shell: dev has its own" + hint)
}

// startDatabase starts a private Postgres below the data folder, unless --database-url
// names another, and migrates it.
func (p *program) startDatabase(ctx context.Context, i *infra, f devFlags, log *slog.Logger) error {
	if i.DatabaseURL = f.databaseURL; f.databaseURL == "" {
		p.progress("postgres  starting")
		server, err := p.startPostgres(ctx, i.data, f, log)
		if errors.Is(err, postgres.ErrNoPrograms) {
			return fmt.Errorf("start postgres: %w; install the package postgresql, run `hogsend dev --install-postgres` as root, or give --database-url", err)
		}
		if err != nil {
			return fmt.Errorf("start postgres: %w", err)
		}
		i.DatabaseURL, i.stops = server.URL(), append(i.stops, server.Stop)
	}
	return migrate(ctx, i.DatabaseURL)
}

// startPostgres starts it on the port that it had before, so that what was pointed at it
// finds it again.
func (p *program) startPostgres(ctx context.Context, data *dataFolder, f devFlags, log *slog.Logger) (*postgres.Postgres, error) {
	cfg := postgres.Config{
		DataDir: data.postgres(), Install: f.installPostgres || p.env("HOGSEND_INSTALL_POSTGRES") == "true", Logger: log, Progress: p.progress,
	}
	drawn, err := ports.Free()
	if err != nil {
		return nil, err
	}
	kept, err := data.keep("postgres-port", func() string { return strconv.Itoa(drawn) })
	if err != nil {
		return nil, err
	}
	if cfg.Port, err = strconv.Atoi(kept); err != nil {
		return nil, fmt.Errorf("read postgres-port: %w", err)
	}
	server, err := postgres.Start(ctx, cfg)
	if errors.Is(err, postgres.ErrPortTaken) {
		p.progress(fmt.Sprintf("postgres  its port %d is taken, it gets %d", cfg.Port, drawn))
		if err := data.write("postgres-port", []byte(strconv.Itoa(drawn)+"\n")); err != nil {
			return nil, err
		}
		cfg.Port = drawn
		return postgres.Start(ctx, cfg)
	}
	return server, err
}

// devFlags are the settings of `hogsend dev`.
type devFlags struct {
	data                       string
	port, temporalPort, uiPort int
	apiKey, databaseURL        string
	watch                      string
	reset, installPostgres     bool
	infra, demo                bool
}

func (p *program) progress(line string) { fmt.Fprintln(p.Stderr, line) }

// newAPIKey has the form of O-1.
func newAPIKey() string { return "hsk_" + base64.RawURLEncoding.EncodeToString(random(32)) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
