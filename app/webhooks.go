package app

import (
	"errors"
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/tracking"
	"github.com/hogsend/hogsend/internal/webhook"
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
func (p *process) readSecrets() error {
	checks, unset, err := sourceChecks(p.cfg, p.registry.Sources)
	if err != nil {
		return err
	}
	for _, source := range unset {
		p.log.Warn("webhook source has no secret and refuses everything", "source", source.ID, "variable", source.Auth.SecretEnv)
	}
	p.checks = checks
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
