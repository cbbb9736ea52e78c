package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/demo"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server"
)

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
	cmd.Flags().BoolVar(&f.demo, "demo", false, "fill an empty installation with invented people in every state")
	cmd.Flags().BoolVar(&f.reset, "reset", false, "delete the state first")
	cmd.Flags().BoolVar(&f.installPostgres, "install-postgres", false,
		"where the machine has no Postgres, let its package manager install it (as root) instead of fetching one into a cache; HOGSEND_INSTALL_POSTGRES=true means the same")
	cmd.MarkFlagsMutuallyExclusive("infra", "watch", "demo")
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
	studio, err := p.devStudio(ctx, cfg.DatabaseURL, cfg.PublicURL)
	if err != nil {
		return err
	}
	if f.demo {
		if err := p.invent(ctx, cfg); err != nil {
			return err
		}
	}
	p.progress("worker    starting")
	return p.runAll(ctx, cfg, func() { p.banner(f, cfg, studio, time.Since(began)) })
}

// invent fills an installation that has nobody yet, before its worker begins: who is in
// which bucket is found out as for people of an import, and what is under way runs.
func (p *program) invent(ctx context.Context, cfg config.Config) error {
	registry, _, err := checkRegistry(p.Options)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: cfg.DatabaseURL, MaxConns: 4})
	if err != nil {
		return err
	}
	defer s.Close()
	g := ingest.New(s, ingest.Config{Journeys: registry.Journeys, BuildID: buildID(cfg.BuildID)})
	defer g.Close()
	p.progress("demo      making up 1,000 people")
	drawn, err := flow.Parse(p.Flow)
	if err != nil {
		return fmt.Errorf("app.Options.Flow: %w", err)
	}
	err = demo.Fill(ctx, demo.Config{Store: s, Ingest: g, Registry: registry, Flow: drawn, PublicURL: cfg.PublicURL, Now: time.Now()})
	if errors.Is(err, demo.ErrNotEmpty) {
		p.progress("demo      nobody made up: " + demo.ErrNotEmpty.Error())
		return nil
	}
	return err
}

// developer is the user that hogsend dev signs in: the machine is theirs.
const developer = "developer@localhost.localdomain"

// devStudio is the address of Studio that signs the developer in, once.
func (p *program) devStudio(ctx context.Context, databaseURL, publicURL string) (string, error) {
	s, err := store.Open(ctx, store.Config{URL: databaseURL, MaxConns: 2})
	if err != nil {
		return "", err
	}
	defer s.Close()
	token, err := users.New(s, nil).SignInLink(ctx, store.System("dev"), developer)
	if err != nil {
		return "", err
	}
	return publicURL + "/studio/enter?token=" + token, nil
}

func (f devFlags) portsFree() error {
	return errors.Join(portFree("port", f.port), portFree("temporal-port", f.temporalPort), portFree("ui-port", f.uiPort))
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
	printLine(p.Stdout, "%s\n", strings.Join(words, "  ")+"  → "+strings.Join(came, "; "))
}

// portFree refuses a taken port by its flag.
func portFree(flag string, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("--%s: port %d is taken; choose another one or end what listens there (%w)", flag, port, err)
	}
	return l.Close()
}
