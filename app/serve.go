package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/front"
	"github.com/hogsend/hogsend/internal/webhook"
	"github.com/hogsend/hogsend/server"
)

func (p *program) serveCommand() *cobra.Command {
	var worker, endsWithInput bool
	var data string
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the HTTP API", Args: cobra.NoArgs,
		Long: `Serves the HTTP API, with --worker also the worker in the same process. It reads the
environment; --data serves the hogsend dev --infra that runs on a folder.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if data != "" {
				if p.here, err = p.named(data); err != nil {
					return err
				}
			}
			cfg, err := p.load(config.Needs{Temporal: true, Service: true})
			if err != nil {
				return err
			}
			if worker {
				ctx, cancel := context.WithCancel(cmd.Context())
				defer cancel()
				if endsWithInput {
					go func() {
						_, _ = io.Copy(io.Discard, p.Stdin) // whatever ends it
						cancel()
					}()
				}
				return p.runAll(ctx, cfg, func() { fmt.Fprintln(p.Stdout, readyLine) })
			}
			log := newLogger(p.Stderr, cfg)
			proc, err := newProcess(cmd.Context(), p.Options, cfg, log)
			if err != nil {
				return err
			}
			defer proc.close()
			proc.banner = p.bannerOf(cfg)
			listener, err := listen(cfg)
			if err != nil {
				return err
			}
			return proc.serve(cmd.Context(), listener)
		},
	}
	cmd.Flags().BoolVar(&worker, "worker", false, "run the worker in this process too")
	cmd.Flags().StringVar(&data, "data", "", "data folder of a running hogsend dev --infra to serve")
	cmd.Flags().BoolVar(&endsWithInput, "ends-with-input", false, "with --worker: end when the standard input ends, as it does with the process that holds its other end")
	_ = cmd.Flags().MarkHidden("ends-with-input") // the flag exists
	return cmd
}

// listen takes the port before anything slow happens, so that a taken one is said at once.
func listen(cfg config.Config) (net.Listener, error) {
	address := net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (PORT or --port chooses another)", address, err)
	}
	return l, nil
}

// serve answers requests until ctx ends, then lets those in flight finish (O-40). It
// accepts events without Temporal (O-41).
func (p *process) serve(ctx context.Context, listener net.Listener) error {
	workflows, err := newExecutions(p.temporal, p.cfg)
	if err != nil {
		return err
	}
	if err := p.watchTestMode(ctx); err != nil {
		return err
	}
	var unset []string
	if p.cfg.EmailProvider == "resend" && len(p.cfg.ResendWebhook) == 0 {
		unset = append(unset, "RESEND_WEBHOOK_SECRET")
	}
	var resend *webhook.Verifier
	if len(p.cfg.ResendWebhook) > 0 {
		if resend, err = webhook.NewVerifier(p.cfg.ResendWebhook); err != nil {
			return fmt.Errorf("RESEND_WEBHOOK_SECRET: %w", err)
		}
	}
	tells, err := p.courier()
	if err != nil {
		return err
	}
	var answering func(http.Handler) http.Handler
	if p.cfg.MCP {
		answering = assistants
	}
	handler := server.New(server.Config{
		Assistants:      answering,
		Alerts:          tells,
		Store:           p.store,
		Readers:         p.readers,
		Previews:        p.previews,
		Tell:            p.tell,
		Ingest:          p.ingest,
		Registry:        p.registry,
		Enabled:         p.enabled,
		AdminAPIKey:     p.cfg.AdminAPIKey,
		RateLimitIngest: p.cfg.RateLimitIngest,
		RateLimitAdmin:  p.cfg.RateLimitAdmin,
		TrustedOrigins:  p.cfg.TrustedOrigins,
		TrustedProxies:  p.cfg.TrustedProxies,
		PublicURL:       p.cfg.PublicURL,
		JunkIDs:         p.cfg.JunkIDs,
		Development:     p.cfg.Environment == config.Development,
		Environment:     string(p.cfg.Environment),
		Unset:           unset,
		OpenAPI:         p.cfg.OpenAPI,
		Tokens:          p.tokens,
		Senders:         email.Senders{Default: p.cfg.EmailFrom, Domains: p.cfg.EmailFromDomains},
		Tracking:        p.tracking(),
		Renderer:        p.renderer,
		Submit:          p.does(false).SubmitDirect,
		TestMode:        p.testMode,
		Resend:          resend,
		Sources:         p.checks,
		Inbox:           p.inbox,
		Temporal:        func(ctx context.Context) error { return checkTemporal(ctx, p.temporal) },
		FailedRun:       workflows.failedRun,
		Flow:            p.flow,
		Settings:        settings(p.cfg.Lookup),
		LateAfter:       p.cfg.PauseLateAfter,
		Metrics:         p.metrics.Handler(),
		Observe:         p.observe,
		Version:         Version,
		BuildID:         p.build,
		Logger:          p.log,
	})
	var outer http.Handler = handler
	if p.cfg.Environment == config.Development && front.OnLoopback(listener.Addr()) {
		outer = front.Local(handler, p.hosts()...)
	}
	httpServer := front.NewServer(outer, slog.NewLogLogger(p.log.Handler(), slog.LevelWarn))
	if err := p.setupLink(ctx); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- httpServer.Serve(listener) }()
	p.boot(ctx, "hogsend server ready", "address", listener.Addr().String())
	p.ready.Store(true)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	p.ready.Store(false)
	handler.Drain()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.ShutdownTimeout)
	defer cancel()
	if err := httpServer.Shutdown(stop); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	handler.Settle(stop)
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// hosts are the names besides localhost by which this machine's own programs call it.
func (p *process) hosts() []string {
	var hosts []string
	for _, origin := range append([]string{p.cfg.PublicURL}, p.cfg.TrustedOrigins...) {
		if u, err := url.Parse(origin); err == nil {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// readyLine is what the program says when API and worker are up.
const readyLine = "hogsend is ready"

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
	proc.banner = p.bannerOf(cfg)
	if p.here != nil {
		proc.shown = p.Stdout
	}
	if cfg.Environment == config.Development {
		proc.tell = p.printEvent
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return proc.serve(ctx, listener) })
	group.Go(func() error { return proc.work(ctx, ready) })
	return group.Wait()
}
