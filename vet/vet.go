// Package vet finds in the source of journeys what Temporal's workflowcheck does not
// look for: what a replay would decide otherwise, errors of Run that nobody reads, and
// names that do not exist. Its Analyzer goes into any driver of
// golang.org/x/tools/go/analysis; Check is a driver of its own.
//
// Only what wants it imports this package: the product itself does without.
package vet

import (
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer checks journeys and all that they reach, in packages they import as well.
// It looks at no test files.
//
// A finding is left out where its line ends in a comment that starts with
// //hogsend:ignore and says why; without a reason the comment is a finding (T-28).
var Analyzer = &analysis.Analyzer{
	Name:      "hogsend",
	Doc:       "find what journeys must not do: be nondeterministic in a replay, lose errors of Run, name what does not exist",
	URL:       "https://pkg.go.dev/github.com/hogsend/hogsend/vet",
	Run:       run,
	FactTypes: []analysis.Fact{new(effectsFact), new(namesFact), new(mailsFact)},
}

func run(pass *analysis.Pass) (any, error) {
	if trusted(pass) {
		return nil, nil //nolint:nilnil // an analyzer without a result
	}
	c := newCode(pass)
	if len(c.files) == 0 {
		return nil, nil //nolint:nilnil // an analyzer without a result
	}
	c.graph()
	c.effects()
	c.literals()
	c.runErrors()
	c.versions()
	c.values()
	c.waits()
	c.numbers()
	c.order()
	c.mails()
	c.names()
	return nil, nil //nolint:nilnil // an analyzer without a result
}

// trusted are the standard library, of which tables tell, and Temporal.
func trusted(pass *analysis.Pass) bool {
	return pass.Module == nil || pass.Module.Path == "" || strings.HasPrefix(pass.Pkg.Path(), "go.temporal.io/")
}
