package hogsend

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var schemePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,63}$`)

// linkSchemes refuses schemes that run what they are given, or read the reader's files (E-78).
func (v *registryValidator) linkSchemes(schemes []string) {
	for _, scheme := range schemes {
		switch {
		case !schemePattern.MatchString(scheme):
			v.problems = append(v.problems, fmt.Sprintf("LinkSchemes: %q is not a scheme such as \"myapp\"", scheme))
		case slices.Contains([]string{"javascript", "vbscript", "data", "file"}, strings.ToLower(scheme)):
			v.problems = append(v.problems, fmt.Sprintf("LinkSchemes: %q is not safe in a mail", scheme))
		}
	}
}
