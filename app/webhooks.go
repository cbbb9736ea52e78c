package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/provider/hook"
	"github.com/hogsend/hogsend/internal/tracking"
	"github.com/hogsend/hogsend/internal/webhook"
	"github.com/hogsend/hogsend/worker"
)

// sourceChecks verify what sources get. unset are those without a secret, which refuse
// everything; a secret that cannot be one is an error (P-2).
func sourceChecks(cfg config.Config, sources []hogsend.Source) (checks map[string]webhook.Check, unset []hogsend.Source, err error) {
	var errs []error
	checks = map[string]webhook.Check{}
	for _, source := range sources {
		secrets := cfg.Secrets(source.Auth.SecretEnv)
		if len(secrets) == 0 {
			unset = append(unset, source)
			continue
		}
		check, err := webhook.NewCheck(source.Auth, secrets)
		if err != nil {
			errs = append(errs, fmt.Errorf("source %q: %s: %w", source.ID, source.Auth.SecretEnv, err))
			continue
		}
		checks[source.ID] = check
	}
	return checks, unset, errors.Join(errs...)
}

// readSecrets reads those of what is registered, and says which are missing.
func (p *process) readSecrets(ctx context.Context) error {
	checks, unset, err := sourceChecks(p.cfg, p.registry.Sources)
	hooks, wrong := destinationHooks(ctx, p.cfg, p.registry)
	if err := errors.Join(err, wrong); err != nil {
		return err
	}
	p.hooks = hooks
	for _, source := range unset {
		p.log.Warn("webhook source has no secret and refuses everything", "source", source.ID, "variable", source.Auth.SecretEnv)
	}
	p.checks = checks
	return nil
}

// destinationHooks are the registry's destinations. A webhook without a secret, or that may
// not go where it points, is an error (P-16, P-19).
func destinationHooks(ctx context.Context, cfg config.Config, r hogsend.Registry) (map[string]worker.Hook, error) {
	var errs []error
	hooks := map[string]worker.Hook{}
	for _, d := range r.Destinations {
		hooks[d.ID] = worker.Hook{Events: listened(d.Events), Deliver: d.Deliver}
	}
	policy := outbound.Policy{AllowPrivate: cfg.AllowPrivate, Development: cfg.Environment == config.Development}
	for _, w := range r.Webhooks {
		target, err := hook.New(ctx, hook.Config{URL: w.URL, Secrets: cfg.Secrets(w.SecretEnv), Headers: w.Headers, Policy: policy})
		if err != nil {
			errs = append(errs, fmt.Errorf("webhook %q (%s): %w", w.ID, w.SecretEnv, err))
			continue
		}
		hooks[w.ID] = worker.Hook{Events: listened(w.Events), Target: target, IncludeEmail: w.IncludeEmail}
	}
	return hooks, errors.Join(errs...)
}

// listened are the types of messages that a destination is told of.
func listened(events []string) []string {
	if slices.Contains(events, "*") {
		return hogsend.DestinationEvents()
	}
	return events
}

// registerDestinations has the database write messages for the registry's destinations.
func (p *process) registerDestinations(ctx context.Context) error {
	var ids, events []string
	add := func(id string, listens []string) {
		ids, events = append(ids, id), append(events, strings.Join(listened(listens), ","))
	}
	for _, d := range p.registry.Destinations {
		add(d.ID, d.Events)
	}
	for _, w := range p.registry.Webhooks {
		add(w.ID, w.Events)
	}
	if len(ids) == 0 {
		return nil
	}
	if err := p.store.DestinationsRegister(ctx, ids, events); err != nil {
		return fmt.Errorf("register destinations: %w", err)
	}
	return nil
}

// tracking tells people's opens and clicks from machines'.
func (p *process) tracking() tracking.Classifier {
	return tracking.Classifier{MinAge: p.cfg.TrackingMinAge, Agents: p.registry.MachineAgents}
}

// examineSources says which sources refuse everything (P-2).
func examineSources(cfg config.Config, registry hogsend.Registry, note func(string, string, error)) {
	_, unset, err := sourceChecks(cfg, registry.Sources)
	for _, source := range unset {
		err = errors.Join(err, fmt.Errorf("%s refuses everything, for want of %s", source.ID, source.Auth.SecretEnv))
	}
	note("webhook sources", fmt.Sprintf("%d, each with its secret", len(registry.Sources)), err)
}

// examineDestinations says which webhooks of the registry could not start.
func examineDestinations(ctx context.Context, cfg config.Config, registry hogsend.Registry, note func(string, string, error)) {
	hooks, err := destinationHooks(ctx, cfg, registry)
	note("destinations", fmt.Sprintf("%d", len(hooks)), err)
}
