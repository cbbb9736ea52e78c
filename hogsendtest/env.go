package hogsendtest

import (
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/naming"
)

// Env sets what production reads from the environment: EMAIL_FROM_DOMAINS, the domains by
// commas that mails may come from besides example.com, or DEFAULT_TIMEZONE, the zone of
// contacts whose own is not known. Other names fail the test.
func (s *Scenario) Env(name, value string) {
	s.t.Helper()
	switch name {
	case "EMAIL_FROM_DOMAINS":
		s.fromDomains = nil
		for _, part := range strings.Split(value, ",") {
			domain, ok := address.Domain(strings.TrimSpace(part))
			if !ok {
				s.fail("Env %s: %q is no domain", name, part)
			}
			s.fromDomains = append(s.fromDomains, domain)
		}
	case "DEFAULT_TIMEZONE":
		s.zone("Env DEFAULT_TIMEZONE", value)
		s.timezone = value
	default:
		s.fail("Env: the kit does not read %q%s", name, naming.Suggestion(name, []string{"EMAIL_FROM_DOMAINS", "DEFAULT_TIMEZONE"}))
	}
}

// zone fails the test for a time zone that does not exist.
func (s *Scenario) zone(what, name string) {
	s.t.Helper()
	if _, err := hogsend.LoadZone(name); name != "" && err != nil {
		s.fail("%s: %s", what, err)
	}
}
