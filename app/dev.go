package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
	"github.com/hogsend/hogsend/server"
)

// devFlags are the settings of `hogsend dev`.
type devFlags struct {
	data                       string
	port, temporalPort, uiPort int
	apiKey, databaseURL        string
	watch                      string
	reset, installPostgres     bool
	infra                      bool
}

func (p *program) devCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything on this machine: Temporal, Postgres, API and worker", Args: cobra.NoArgs,
		Long: `Runs Temporal, its Web UI, a private Postgres, the API and a worker on this machine, and
keeps their state in a folder: stopped and started again, sleeping journeys go on. While it
runs, the other commands find it by that folder, without a key or an address.

With --watch PACKAGE it runs your own program instead of itself, and builds and starts it again
whenever its source is saved: a lean one, without Embedded, is linked in seconds. A line says
what is defined otherwise than before, and what the replay gate thinks of those who are under
way. With --infra it runs no program at all.

It has a database and a Temporal of its own: DATABASE_URL and TEMPORAL_… of the shell are
left alone. Mails stay in its mailbox (hogsend mailbox) unless RESEND_API_KEY is set.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.dev(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.data, "data", defaultData, "folder that keeps the state")
	cmd.Flags().IntVar(&f.port, "port", 3002, "port of the API")
	cmd.Flags().IntVar(&f.temporalPort, "temporal-port", 7233, "port of Temporal")
	cmd.Flags().IntVar(&f.uiPort, "ui-port", 8233, "port of Temporal's Web UI")
	cmd.Flags().StringVar(&f.apiKey, "api-key", "", "a fixed full-admin API key (default: ADMIN_API_KEY, else one is made and kept)")
	cmd.Flags().StringVar(&f.databaseURL, "database-url", "", "a Postgres to use, and to migrate, instead of a private one")
	cmd.Flags().BoolVar(&f.infra, "infra", false, "run only Temporal and Postgres, for a program that runs on its own: serve --worker --data .hogsend")
	cmd.Flags().StringVar(&f.watch, "watch", "", "run only Temporal and Postgres, build the program of this package, such as ./cmd/shop, and run it; on a save build it and run it again")
	cmd.MarkFlagsMutuallyExclusive("infra", "watch")
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
	own := !f.infra && f.watch == ""
	if own {
		if _, _, err := checkRegistry(p.Options); err != nil {
			return err
		}
	}
	if err := f.portsFree(); err != nil {
		return err
	}
	data, err := openData(f.data, f.reset)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.close()) }()
	infra, err := p.startInfra(ctx, data, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, infra.stop()) }()
	p.Environ = append(slices.Clone(p.Environ), "LOG_FORMAT="+first(p.env("LOG_FORMAT"), "text"), "LOG_LEVEL="+first(p.env("LOG_LEVEL"), "warn"))
	switch {
	case f.infra:
		p.infraBanner(f, &infra.installation, time.Since(began))
		<-ctx.Done()
		return nil
	case f.watch != "":
		return p.watch(ctx, infra, f, began)
	}
	p.here = &infra.installation
	cfg, err := p.load(config.Needs{Service: true})
	if err != nil {
		return err
	}
	p.progress("worker    starting")
	return p.runAll(ctx, cfg, func() { p.banner(f, cfg, time.Since(began)) })
}

func (f devFlags) portsFree() error {
	return errors.Join(portFree("port", f.port), portFree("temporal-port", f.temporalPort), portFree("ui-port", f.uiPort))
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

// printEvent is the line that each event has in development.
func (p *program) printEvent(t server.Told) {
	words := []string{time.Now().Format(time.TimeOnly), t.Event, t.ContactKey}
	var came []string
	switch {
	case !t.Stored:
		came = append(came, "repeat, nothing done")
	case t.Late:
		came = append(came, "late")
	}
	for _, id := range t.Exited {
		came = append(came, "exited "+id)
	}
	for _, d := range t.Decisions {
		if d.Reason == "" {
			came = append(came, "entered "+d.JourneyID)
		} else {
			came = append(came, "skipped "+d.JourneyID+" ("+string(d.Reason)+")")
		}
	}
	for _, w := range t.Warnings {
		came = append(came, "warning: "+w)
	}
	if len(came) == 0 {
		came = append(came, "stored")
	}
	printLine(p.Stdout, "%s", strings.Join(words, "  ")+"  → "+strings.Join(came, "; "))
}

func (p *program) progress(line string) { fmt.Fprintln(p.Stderr, line) }

func (p *program) banner(f devFlags, cfg config.Config, took time.Duration) {
	mails := "stay in the mailbox (hogsend mailbox)"
	if cfg.EmailProvider != "mailbox" {
		mails = "are really sent, by " + cfg.EmailProvider + ", because the environment says so"
	}
	p.addresses(f, p.here)
	fmt.Fprintf(p.Stdout, "  mails        %s\n", mails)
	p.tryIt(p.here, describe(p.Registry, cfg.EnabledJourneys))
	fmt.Fprintf(p.Stdout, "\nready in %.1f s, Ctrl-C stops\n", took.Seconds())
}

func (p *program) addresses(f devFlags, i *installation) {
	fmt.Fprintf(p.Stdout, `
  API          %s
  Temporal     %s   Web UI http://127.0.0.1:%d
  Postgres     %s
  API key      %s
  state        %s
`, i.API, i.Temporal, f.uiPort, i.DatabaseURL, i.APIKey, f.data)
}

// tryIt shows how somebody gets into a journey.
func (p *program) tryIt(i *installation, d description) {
	if d.Example == "" {
		fmt.Fprint(p.Stdout, "\nNo journey begins with an event that a product sends.\n")
		return
	}
	fmt.Fprintf(p.Stdout, `
Send an event that enters somebody into %s, then look at the mail:

  curl -s %s/v1/events -H 'Authorization: Bearer %s' \
    -H 'Content-Type: application/json' -d %s
  hogsend mailbox
`, d.ExampleJourney, i.API, i.APIKey, shellWord(d.Example))
}

func (p *program) watchBanner(f devFlags, i *installation, d description) {
	p.addresses(f, i)
	p.tryIt(i, d)
	fmt.Fprintf(p.Stdout, "\nSave a file of %s to build and run it again; Ctrl-C stops\n", f.watch)
}

func (p *program) infraBanner(f devFlags, i *installation, took time.Duration) {
	p.addresses(f, i)
	fmt.Fprintf(p.Stdout, `
Run your own program on it, in this folder:

  go run ./cmd/shop serve --worker --data %s

ready in %.1f s, Ctrl-C stops
`, shellWord(f.data), took.Seconds())
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
