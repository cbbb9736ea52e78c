// Package vet finds in the source of journeys what Temporal's workflowcheck does not
// look for: what a replay would decide otherwise, errors of Run that nobody reads, and
// names that do not exist. Its Analyzer goes into any driver of
// golang.org/x/tools/go/analysis; Check is a driver of its own.
//
// Only what wants it imports this package: the product itself does without.
package vet

import (
	"go/ast"
	"go/token"
	"go/types"
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
	Doc:       "find what journeys must not do: be undecided in a replay, lose errors of Run, name what does not exist",
	URL:       "https://pkg.go.dev/github.com/hogsend/hogsend/vet",
	Run:       run,
	FactTypes: []analysis.Fact{new(deedsFact), new(namesFact)},
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
	c.deeds()
	c.literals()
	c.runErrors()
	c.versions()
	c.names()
	return nil, nil //nolint:nilnil // an analyzer without a result
}

// trusted are the standard library, of which tables tell, and Temporal.
func trusted(pass *analysis.Pass) bool {
	return pass.Module == nil || pass.Module.Path == "" || strings.HasPrefix(pass.Pkg.Path(), "go.temporal.io/")
}

// code is a package under analysis.
type code struct {
	*analysis.Pass
	files   []*ast.File
	ignored map[line]bool

	all     []*node
	nodes   map[types.Object]*node
	sums    map[types.Object][]toldDeed
	changed map[*types.Var]token.Pos
	onces   []onceCall
}

type line struct {
	file   string
	number int
}

func newCode(pass *analysis.Pass) *code {
	c := &code{Pass: pass, ignored: map[line]bool{}, nodes: map[types.Object]*node{}, changed: map[*types.Var]token.Pos{}}
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.FileStart).Filename, "_test.go") {
			continue
		}
		c.files = append(c.files, file)
		for _, group := range file.Comments {
			for _, comment := range group.List {
				c.ignore(comment)
			}
		}
	}
	return c
}

func (c *code) ignore(comment *ast.Comment) {
	reason, found := strings.CutPrefix(comment.Text, "//hogsend:ignore")
	if !found {
		return
	}
	if strings.TrimSpace(reason) == "" || reason[0] != ' ' {
		c.Reportf(comment.Pos(), "//hogsend:ignore needs a reason behind it")
		return
	}
	c.ignored[c.line(comment.Pos())] = true
}

func (c *code) line(pos token.Pos) line {
	p := c.Fset.Position(pos)
	return line{p.Filename, p.Line}
}

func (c *code) ignores(pos token.Pos) bool { return c.ignored[c.line(pos)] }

func (c *code) report(pos token.Pos, format string, args ...any) {
	if !c.ignores(pos) {
		c.Reportf(pos, format, args...)
	}
}
