package backend

import (
	"fmt"
	"strings"

	"github.com/hogsend/hogsend/internal/email"
)

// Choose is the answer of a mail that a script means.
func Choose(a Answer, in []email.Answer) (email.Answer, error) {
	var known []string
	for _, one := range in {
		if email.Same(one.Properties, a.Properties) {
			return one, nil
		}
		known = append(known, string(one.Properties))
	}
	if len(known) == 0 {
		return email.Answer{}, fmt.Errorf("the mail %s has no link for an answer", a.Template)
	}
	return email.Answer{}, fmt.Errorf("the mail %s has no link for the answer %s, but for %s", a.Template, a.Properties, strings.Join(known, ", "))
}
