package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/inbox"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/metrics"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/tracing"
	"github.com/hogsend/hogsend/internal/webhook"
	"github.com/hogsend/hogsend/schema"
	"github.com/hogsend/hogsend/server"
	"github.com/hogsend/hogsend/worker"
)

// process is what serve, worker, dev and standalone are built from: one database, one Temporal client, one ingester and one renderer, shared by all that runs in it.
type process struct {
	cfg      config.Config
	log      *slog.Logger
	registry hogsend.Registry  // everything compiled in
	index    *registry.Index   // of it
	enabled  []hogsend.Journey // what ENABLED_JOURNEYS leaves
	// activities and workflows are the author's own.
	activities []hogsend.Activity
	workflows  []hogsend.Workflow
	own        email.Provider // the author's; nil for none
	renderer   *email.Renderer
	flow       *flow.File    // the code of the journeys, for pictures; nil for none
	tokens     *email.Signer // of the links in mails
	// testMode says where mails go while they are tried out; watchTestMode sets it, once.
	testMode     *trial.Mode
	testModeOnce sync.Once
	store        *store.Store
	// readers and previews are connections of their own for what is not ingest.
	readers, previews *store.Store
	tell              func(server.Told) // of each event; nil for nobody
	temporal          client.Client     // connects when it is first used
	notifier          *outbox.Notifier
	ingest            *ingest.Ingester
	rollout           *rollout.Rollout
	clock             *clock.Clock
	build             string
	buckets           []bucket.Definition // what ENABLED_BUCKETS leaves (B-3)
	campaigned        bool                // the registry's campaigns are created
	metrics           *metrics.Metrics
	tracing           *tracing.Tracing // nil for none
	// checks verify what the sources of the registry get, as far as they have a secret; inbox
	// applies it.
	checks map[string]webhook.Check
	inbox  *inbox.Inbox
	hooks  map[string]worker.Hook // the destinations of the registry

	listening *http.Server // for metrics; nil for none
	ready     atomic.Bool  // it serves or works, and was not told to stop
	banner    io.Writer    // where the boot report is printed; nil logs it
	shown     io.Writer    // hears a line for each mail of the mailbox; nil for nobody
}

// newProcess validates the registry before anything is touched (J-1), opens the
// database and waits for it.
func newProcess(ctx context.Context, o Options, cfg config.Config, log *slog.Logger) (*process, error) {
	defined, renderer, err := checkRegistry(o)
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	p := &process{cfg: cfg, log: log, tracing: o.tracing, registry: defined, activities: o.Activities, workflows: o.Workflows, own: o.EmailProvider, index: registry.New(defined), renderer: renderer, build: buildID(cfg.BuildID)}
	if p.flow, err = flow.Parse(o.Flow); err != nil {
		return nil, fmt.Errorf("app.Options.Flow: %w", err)
	}
	for _, w := range renderer.Warnings(cfg.PublicURL) {
		log.Warn(w)
	}
	if p.tokens, err = email.NewSigner(cfg.Secret, cfg.PreviousSecrets); err != nil {
		return nil, err
	}
	var unknown []string
	p.enabled, unknown = definition.EnabledJourneys(defined, cfg.EnabledJourneys)
	if len(unknown) > 0 {
		log.Warn("ENABLED_JOURNEYS names unknown journeys", "ids", unknown)
	}
	if len(p.enabled) == 0 {
		log.Warn("no journey is enabled")
	}
	enabled, unknown := definition.EnabledBuckets(defined, cfg.EnabledBuckets)
	if len(unknown) > 0 {
		log.Warn("ENABLED_BUCKETS names unknown buckets", "ids", unknown)
	}
	if p.buckets, err = bucket.DescribeAll(enabled); err != nil {
		return nil, err
	}
	if err := p.readSecrets(ctx); err != nil {
		return nil, err
	}
	if err := p.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := p.awaitDatabase(ctx); err != nil {
		p.closeDatabase()
		return nil, err
	}
	if err := p.registerDestinations(ctx); err != nil {
		p.closeDatabase()
		return nil, err
	}
	if err := p.connect(ctx); err != nil {
		p.closeDatabase()
		return nil, err
	}
	p.notifier = outbox.NewNotifier(p.store.Pool, log)
	p.ingest = ingest.New(p.store, ingest.Config{
		Journeys:     p.enabled,
		ExitJourneys: p.registry.Journeys,
		Timezone:     cmp.Or(cfg.DefaultTimezone, p.registry.Defaults.Timezone),
		LateHorizon:  cfg.LateEventHorizon,
		DwellHorizon: cfg.DwellHorizon,
		DwellRate:    cfg.DwellRate,
		Mirror:       cfg.PostHogAPIKey != "",
		Captures:     captures(cfg),
		BuildID:      p.build,
		Notify:       p.notifier.Notify,
		Measure:      p.metrics.Engine(),
		Logger:       log,
	})
	p.inbox = server.NewInbox(server.Config{
		Store: p.store, Ingest: p.ingest, Registry: p.registry, JunkIDs: cfg.JunkIDs, Tracking: p.tracking(), PublicURL: cfg.PublicURL, Logger: log,
	})
	p.rollout = rollout.New(p.ingest.Engine())
	p.clock = p.rollout.Clock()
	p.metrics.Watch(p.clock, p.readers, map[string]*store.Store{"work": p.store, "readers": p.readers, "previews": p.previews})
	if p.listening, err = serveMetrics(cfg.MetricsAddr, p.metrics.Handler(), p.ready.Load, log); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// connect makes what tells of the process, and its client of Temporal, which it tells too.
func (p *process) connect(ctx context.Context) (err error) {
	p.metrics = metrics.New(Version, p.build)
	if p.tracing == nil { // a test brings its own
		if p.tracing, err = tracing.Open(ctx, p.cfg.Lookup, Version, p.build); err != nil {
			return err
		}
	}
	interceptors, err := p.tracing.Temporal()
	if err != nil {
		return err
	}
	p.temporal, err = lazyTemporal(p.cfg, p.log, func(o *client.Options) {
		o.MetricsHandler, o.Interceptors = p.metrics.Temporal(), interceptors
	})
	return err
}

// exportTimeout bounds how long the end of a process waits for its last traces.
const exportTimeout = 5 * time.Second

// close ends what newProcess began, in the opposite order.
func (p *process) close() {
	if p.listening != nil {
		_ = p.listening.Close() // whoever asks it asks again
	}
	p.ingest.Close()
	p.notifier.Close()
	p.temporal.Close()
	p.closeDatabase()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	if err := p.tracing.Close(ctx); err != nil {
		p.log.Warn("traces are lost", "error", err)
	}
}

// Connections of previews: two run at a time (H-12).
const previewConns = 2

// openDatabase shares DB_MAX_CONNS between what takes events in and works, what reads for
// people, and previews of criteria, so that none waits for another's connections.
func (p *process) openDatabase(ctx context.Context) error {
	most := p.cfg.DBMaxConns
	readers := max(1, most/4)
	var errs [3]error
	p.store, errs[0] = store.Open(ctx, store.Config{URL: p.cfg.DatabaseURL, MaxConns: max(2, most-readers-previewConns)})
	p.readers, errs[1] = store.Open(ctx, store.Config{URL: p.cfg.DatabaseURL, MaxConns: readers})
	p.previews, errs[2] = store.Open(ctx, store.Config{URL: p.cfg.DatabaseURL, MaxConns: previewConns})
	if errs[0] != nil { // a malformed URL, which is so for all of them
		return errs[0]
	}
	return errors.Join(errs[:]...)
}

func (p *process) closeDatabase() {
	p.previews.Close()
	p.readers.Close()
	p.store.Close()
}

// checkRegistry reports every problem of what an author defines together.
func checkRegistry(o Options) (hogsend.Registry, *email.Renderer, error) {
	registry := definition.Clone(o.Registry)
	renderer, templates := email.Compile(registry)
	if err := errors.Join(registry.Validate(), templates, definition.CheckOwn(registry, o.Activities, o.Workflows)); err != nil {
		return registry, nil, fmt.Errorf("registry:\n%w", err)
	}
	return registry, renderer, nil
}

// dependencyTimeout is how long a process waits for what it cannot start without (O-41).
const dependencyTimeout = 60 * time.Second

// awaitDatabase waits until the database answers and refuses a schema that is
// behind this build (O-37, O-41).
func (p *process) awaitDatabase(ctx context.Context) error {
	deadline := time.Now().Add(dependencyTimeout)
	for try := 1; ; try++ {
		status, err := schema.Check(ctx, p.store.Pool)
		switch {
		case err == nil && (status.InSync() || p.cfg.SkipSchemaCheck):
			return nil
		case err == nil:
			return fmt.Errorf("the database schema is behind this build; run `hogsend migrate` (pending: %v)", status.Pending)
		case !store.IsUnavailable(err) || time.Now().After(deadline):
			return err
		}
		p.log.Warn("database is not reachable, trying again", "try", try, "error", err)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// newLogger writes records as JSON, or as text when the format or a terminal says so (O-42).
func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if asText(w, cfg) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// captures tells which events PostHog gets that nobody captures (P-11).
func captures(cfg config.Config) func(name, source string) bool {
	switch {
	case cfg.PostHogAPIKey == "" || cfg.PostHogMirror == config.MirrorOff:
		return nil
	case cfg.PostHogMirror == config.MirrorAll:
		return func(_, source string) bool { return source != sourcePostHog } // no echo
	}
	return func(name, _ string) bool {
		switch name {
		case "email.opened", "email.link_clicked", "email.bounced", "email.complained", "email.unsubscribed":
			return true
		}
		return false
	}
}

// lazyTemporal is a client that connects when first used, by address, namespace,
// API key and TLS settings of the environment.
func lazyTemporal(cfg config.Config, logger *slog.Logger, change ...func(*client.Options)) (client.Client, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: environment(cfg.Lookup)})
	if err != nil {
		return nil, fmt.Errorf("read temporal settings: %w", err)
	}
	options.HostPort, options.Namespace = cfg.TemporalAddress, cfg.TemporalNamespace
	options.Logger = sdkLogger{log.NewStructuredLogger(logger)}
	if options.DataConverter, err = worker.NewDataConverter(cfg.Secret, cfg.PreviousSecrets); err != nil {
		return nil, err
	}
	if options.FailureConverter, err = worker.NewFailureConverter(cfg.Secret, cfg.PreviousSecrets); err != nil {
		return nil, err
	}
	for _, each := range change {
		each(&options)
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("make temporal client: %w", err)
	}
	return c, nil
}

func checkTemporal(ctx context.Context, c client.Client) error {
	_, err := c.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

// sourcePostHog marks events that came from PostHog (P-8).
const sourcePostHog = "posthog"

// environment lets envconfig read what this process was started with.
type environment func(string) (string, bool)

// sdkLogger leaves out that a poll was canceled, which is how every worker stops.
type sdkLogger struct{ log.Logger }
