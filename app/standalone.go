package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/config"
)

func (p *program) standaloneCommand() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use: "standalone", Short: "Run production on one machine: one process and one Postgres (DATABASE_URL)", Args: cobra.NoArgs,
		Long: `Runs API, worker and an embedded Temporal server in one process. Temporal keeps its
state in databases of its own on the Postgres of DATABASE_URL. The schema is not
changed: run "hogsend migrate" before a new build starts.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := p.load(config.Needs{Service: true})
			if err != nil {
				return err
			}
			log := newLogger(p.Stderr, cfg)
			address, stop, err := p.Embedded.Temporal(cmd.Context(), cfg.DatabaseURL, port, log)
			if err != nil {
				return fmt.Errorf("start temporal: %w", err)
			}
			defer func() { err = errors.Join(err, stop()) }()
			cfg.TemporalAddress = address
			return p.runAll(cmd.Context(), cfg, nil)
		},
	}
	cmd.Flags().IntVar(&port, "temporal-port", 7233, "port of Temporal on 127.0.0.1")
	return cmd
}

func (p *program) temporalCommand() *cobra.Command {
	var port, uiPort int
	var sqlite string
	cmd := &cobra.Command{
		Use: "temporal", Short: "Run only the embedded Temporal server", Args: cobra.NoArgs,
		Long: `Runs the embedded Temporal server alone, on a SQLite file or, without --sqlite, on
databases of its own on the Postgres of DATABASE_URL.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			return p.temporal(cmd.Context(), sqlite, port, uiPort, log)
		},
	}
	cmd.Flags().IntVar(&port, "port", 7233, "port of Temporal on 127.0.0.1, 0 for a free one")
	cmd.Flags().IntVar(&uiPort, "ui-port", 0, "port of the Web UI on 127.0.0.1, 0 for none")
	cmd.Flags().StringVar(&sqlite, "sqlite", "", "file of the SQLite store")
	return cmd
}

func (p *program) temporal(ctx context.Context, sqlite string, port, uiPort int, log *slog.Logger) (err error) {
	store := p.env("DATABASE_URL")
	if sqlite != "" {
		if store, err = filepath.Abs(sqlite); err != nil {
			return fmt.Errorf("--sqlite: %w", err)
		}
	}
	if store == "" {
		return errors.New("give --sqlite FILE or DATABASE_URL")
	}
	address, stop, err := p.Embedded.Temporal(ctx, store, port, log)
	if err != nil {
		return fmt.Errorf("start temporal: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	if uiPort != 0 {
		stopUI, err := p.Embedded.TemporalUI(ctx, address, uiPort, log)
		if err != nil {
			return fmt.Errorf("start temporal web ui: %w", err)
		}
		defer func() { err = errors.Join(err, stopUI()) }()
	}
	fmt.Fprintln(p.Stdout, "temporal ready", address)
	<-ctx.Done()
	return nil
}
