package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/pace"
	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
	"github.com/hogsend/hogsend/internal/provider/own"
	"github.com/hogsend/hogsend/internal/provider/posthog"
	"github.com/hogsend/hogsend/internal/provider/resend"
	"github.com/hogsend/hogsend/internal/provider/smtp"
	"github.com/hogsend/hogsend/worker"
)

func (p *program) workerCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "worker", Short: "Run journeys and deliver the outbox", Args: cobra.NoArgs,
		Long: `Runs journeys and delivers the outbox. It reads the environment; --data works for the
hogsend dev --infra that runs on a folder.`,
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
			log := newLogger(p.Stderr, cfg)
			log.Info("hogsend worker starting")
			proc, err := newProcess(cmd.Context(), p.Options, cfg, log)
			if err != nil {
				return err
			}
			defer proc.close()
			proc.banner = p.bannerOf(cfg)
			return proc.work(cmd.Context(), nil)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "data folder of a running hogsend dev --infra to work for")
	return cmd
}

// Warn logs at warning level.
func (l sdkLogger) Warn(msg string, keyvals ...any) {
	for _, value := range keyvals {
		if err, ok := value.(error); ok && (errors.Is(err, context.Canceled) || strings.Contains(err.Error(), context.Canceled.Error())) {
			l.Debug(msg, keyvals...)
			return
		}
	}
	l.Logger.Warn(msg, keyvals...)
}

// Environ is not needed for the settings that are read.
func (e environment) Environ() []string { return nil }

// LookupEnv returns one variable.
func (e environment) LookupEnv(name string) (string, bool) { return e(name) }

// work runs journeys and delivers the outbox until ctx ends. ready, if not nil, is
// called once the worker polls.
func (p *process) work(ctx context.Context, ready func()) error {
	provider, err := p.provider()
	if err != nil {
		return err
	}
	if err := p.watchTestMode(ctx); err != nil {
		return err
	}
	analytics, err := p.posthog()
	if err != nil {
		return err
	}
	workflows, err := newExecutions(p.temporal, p.cfg)
	if err != nil {
		return err
	}
	tells, err := p.courier()
	if err != nil {
		return err
	}
	does := p.does(analytics != nil)
	does.Courier = tells
	if p.cfg.PostHogPersonalKey != "" {
		people, err := posthog.NewPeople(posthog.PeopleConfig{APIKey: p.cfg.PostHogPersonalKey, Project: p.cfg.PostHogProject, Host: p.cfg.PostHogHost})
		if err != nil {
			return err
		}
		does.People = people
	}
	does.Provider, does.Limiter, does.Executions, does.Clock = p.tracing.Provider(p.metrics.Provider(provider), p.cfg.EmailProvider), p.limiter(), workflows, p.clock
	w, err := worker.New(worker.Config{
		Client:            p.temporal,
		Namespace:         p.cfg.TemporalNamespace,
		TaskQueue:         p.cfg.TemporalTaskQueue,
		Store:             p.store,
		Journeys:          p.registry.Journeys,
		Reactions:         definition.Reactions(p.registry),
		Register:          p.registerBuckets,
		Activities:        does,
		Own:               p.activities,
		OwnWorkflows:      p.workflows,
		BeginCall:         does.BeginCall,
		LeaveLate:         p.ingest.LeaveLate,
		PostHog:           analytics,
		Inbox:             p.inbox.Run,
		Hooks:             p.hooks,
		BuildID:           p.build,
		Deployment:        p.cfg.Deployment,
		Version:           Version,
		Report:            func(own ...any) { p.boot(ctx, "hogsend worker ready", own...) },
		RegistryDigest:    p.digest(),
		ShutdownTimeout:   p.cfg.ShutdownTimeout,
		ReleasesPerSecond: p.cfg.ResumeRatePerSecond,
		KeepDecisions:     p.cfg.KeepDecisions,
		KeepTracking:      p.cfg.KeepTracking,
		Delivered:         p.metrics.Delivered,
		Trace:             p.tracing.Delivery,
		Ready: func() {
			p.ready.Store(true)
			context.AfterFunc(ctx, func() { p.ready.Store(false) })
			if ready != nil {
				ready()
			}
		},
		Logger: p.log,
	})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// does are the activities without what only a worker has: the server hands mails in by them.
func (p *process) does(posthog bool) *activities.Activities {
	return &activities.Activities{
		Store: p.store, Ingest: p.ingest, Renderer: p.renderer, Tokens: p.tokens, TestMode: p.testMode,
		Registry: p.index.WithTimezone(p.cfg.DefaultTimezone),
		Config: activities.Config{
			JunkIDs: p.cfg.JunkIDs, From: p.cfg.EmailFrom, FromDomains: p.cfg.EmailFromDomains, ReplyTo: p.cfg.EmailReplyTo,
			PublicURL: p.cfg.PublicURL, TrackOpens: p.cfg.TrackOpens, TrackClicks: p.cfg.TrackClicks, BuildID: p.build, LateHorizon: p.cfg.LateEventHorizon, CampaignExpiry: p.cfg.CampaignExpiry,
			PostHog: posthog,
		},
		Measure: activities.Measure{Began: p.metrics.Began, Gated: p.metrics.Gated, Accepted: p.metrics.Accepted},
		Logger:  p.log,
	}
}

// registerBuckets brings the buckets of this build into force, if it is the newest
// that lives (B-5).
func (p *process) registerBuckets(ctx context.Context) error {
	if err := p.rollout.Register(ctx, p.digest(), p.build, p.buckets); err != nil || p.campaigned {
		return err
	}
	if err := p.createCampaigns(ctx); err != nil {
		return err
	}
	p.campaigned = true
	return nil
}

// digest identifies what this process registers: a part of the buckets, or another zone of
// contacts whose own is not known, is another registry.
func (p *process) digest() string {
	digest := definition.Digest(p.registry)
	if p.cfg.DefaultTimezone != "UTC" && p.cfg.DefaultTimezone != "" { // where days begin (W-37)
		digest += " " + p.cfg.DefaultTimezone
	}
	if len(p.buckets) < len(p.registry.Buckets) {
		digest += " " + p.cfg.EnabledBuckets
	}
	return digest
}

// provider is the author's, or the one that the environment chose (E-36).
func (p *process) provider() (email.Provider, error) {
	switch p.cfg.EmailProvider {
	case config.OwnProvider:
		return own.New(p.own), nil
	case "resend":
		return resend.New(resend.Config{APIKey: p.cfg.ResendAPIKey, BaseURL: p.cfg.ResendBaseURL})
	case "smtp":
		return smtp.New(smtp.Config{URL: p.cfg.SMTPURL})
	}
	if p.cfg.Environment == config.Production {
		p.log.Warn("mails go to the mailbox and never leave; set RESEND_API_KEY or SMTP_URL to send them")
	}
	if p.shown != nil {
		return mailbox.New(shownBox{p.store, p.shown}), nil
	}
	return mailbox.New(p.store), nil
}

// posthog is nil without a key: then nothing is told (P-9).
func (p *process) posthog() (*posthog.Client, error) {
	if p.cfg.PostHogAPIKey == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	return posthog.New(posthog.Config{APIKey: p.cfg.PostHogAPIKey, Host: p.cfg.PostHogHost, Version: Version})
}

// limiter bounds provider calls; the mailbox takes them as fast as they come (E-34).
func (p *process) limiter() *pace.Limiter {
	if p.cfg.EmailProvider == "mailbox" {
		return nil
	}
	return pace.NewLimiter(p.cfg.EmailRatePerSecond)
}

// watchTestMode finds out whether mails are only tried out, and keeps looking (E-42).
func (p *process) watchTestMode(ctx context.Context) (err error) {
	p.testModeOnce.Do(func() {
		var mode *trial.Mode
		if mode, err = newTestMode(p.cfg, p.log); err == nil {
			mode.Watch(ctx)
			p.testMode = mode
		}
	})
	return err
}

// newTestMode is that of the environment. Only Resend tells of domains.
func newTestMode(cfg config.Config, log *slog.Logger) (*trial.Mode, error) {
	c := trial.Config{Mode: cfg.EmailTestMode, To: cfg.EmailTestTo, Allow: cfg.EmailTestAllow, From: cfg.EmailFrom, Logger: log}
	if cfg.EmailProvider == "resend" {
		provider, err := resend.New(resend.Config{APIKey: cfg.ResendAPIKey, BaseURL: cfg.ResendBaseURL})
		if err != nil {
			return nil, err
		}
		c.Verified = provider.Verified
	}
	return trial.New(c), nil
}
