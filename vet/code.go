package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// code is a package under analysis.
type code struct {
	*analysis.Pass
	files   []*ast.File
	ignored map[line]bool

	all     []*node
	nodes   map[types.Object]*node
	sums    map[types.Object][]toldEffect
	changed map[*types.Var]token.Pos
	onces   []onceCall
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

func (c *code) report(pos token.Pos, format string, args ...any) {
	if !c.ignores(pos) {
		c.Reportf(pos, format, args...)
	}
}

func (c *code) ignores(pos token.Pos) bool { return c.ignored[c.line(pos)] }

// node is a function of the package, a variable with its first value, or a function
// literal that is workflow code by what it takes.
type node struct {
	// takesRun marks a function that takes a hogsend.Run.
	takesRun bool
	// inRun and inWorkflow tell how it is reached: from a function that takes a
	// hogsend.Run, or a workflow.Context at least.
	inRun, inWorkflow bool
	effects           []effect
	refs              []ref
	versions          []version
}

// onceCall is a call of Run.Once with its function.
type onceCall struct {
	pos token.Pos
	fn  ast.Expr
}

// toldEffect is an effect as other packages hear of it.
type toldEffect struct {
	Kind  kind
	What  string // "calls os.Getenv (example.com/zones/zones.go:12)"
	Why   string
	Known bool // it is reported where it happens
}

// effect is something a node does that a journey must not.
type effect struct {
	kind kind
	pos  token.Pos
	what string // "calls os.Getenv"
	why  string
}

// version is a call of Run.Version with a constant change.
type version struct {
	pos    token.Pos
	change string
}

type line struct {
	file   string
	number int
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

// ref is the use of another function or variable.
type ref struct {
	pos token.Pos
	obj types.Object
}

// kind is what is wrong with an effect.
type kind int
