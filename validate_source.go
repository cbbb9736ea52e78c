package hogsend

import (
	"fmt"
	"regexp"

	"github.com/hogsend/hogsend/internal/naming"
)

var (
	variablePattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,99}$`)
	headerPattern   = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)
)

// sources refuses sources that nobody could post to, or anybody (P-1 to P-3).
func (v *registryValidator) sources(sources []Source) {
	seen := map[string]bool{}
	for _, s := range sources {
		report := func(format string, args ...any) {
			v.problems = append(v.problems, fmt.Sprintf("source %q: ", s.ID)+fmt.Sprintf(format, args...))
		}
		switch {
		case !journeyIDPattern.MatchString(s.ID):
			report("ID: must be 1 to 63 lower-case letters, digits or -")
		case s.ID == "resend":
			report("ID: belongs to the reports of Resend")
		case seen[s.ID]:
			report("ID: is defined twice")
		}
		seen[s.ID] = true
		if problem := naming.Problem(s.Name, 0, 100); problem != "" {
			report("Name: %s", problem)
		}
		if problem := naming.Problem(s.Description, 0, 1000); problem != "" {
			report("Description: %s", problem)
		}
		if s.Transform == nil {
			report("Transform: is missing")
		}
		s.Auth.check(report)
	}
}

func (a SourceAuth) check(report func(format string, args ...any)) {
	if !a.Type.Valid() {
		report("Auth.Type: must be SharedSecret, HMACSHA256, HMACSHA1, StandardWebhooks or StripeSignature")
		return
	}
	if !variablePattern.MatchString(a.SecretEnv) {
		report("Auth.SecretEnv: must be the name of an environment variable, in capitals")
	}
	signed := a.Type == HMACSHA256 || a.Type == HMACSHA1
	header := func(field, value string, allowed, required bool) {
		switch {
		case value == "" && required:
			report("Auth.%s: is missing", field)
		case value != "" && !allowed:
			report("Auth.%s: does not go with %s", field, a.Type)
		case value != "" && !headerPattern.MatchString(value):
			report("Auth.%s: must be the name of a header", field)
		}
	}
	header("Header", a.Header, signed || a.Type == SharedSecret, signed)
	header("TimestampHeader", a.TimestampHeader, signed, false)
	if a.Prefix != "" && !signed {
		report("Auth.Prefix: does not go with %s", a.Type)
	}
}
