package vet

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"

	"github.com/hogsend/hogsend/internal/flow"
)

// Flow reads what the journeys and reactions do that the packages named by the patterns below
// dir define, "." if there are none, and returns it as JSON: for the command flow, and for
// Studio to draw. Functions that take a Run are read where they are called, also from other
// packages of the module. What does not compile is an error (U-46).
func Flow(ctx context.Context, dir string, patterns []string) ([]byte, error) {
	_, loaded, err := load(ctx, dir, patterns)
	if err != nil {
		return nil, err
	}
	r := &flowReader{functions: map[string]function{}, templates: map[types.Object]string{}}
	for _, p := range loaded {
		r.add(p)
	}
	out := flow.File{Functions: map[string]flow.Function{}}
	for _, c := range r.codes {
		if out.Module == "" && c.Module != nil {
			out.Module = c.Module.Path
		}
		for _, root := range c.roots() {
			if f, found := r.functions[root.FullName()]; found {
				out.Functions[f.runtimeName()] = flow.Function{
					Place: filepath.Base(f.Fset.Position(f.decl.Pos()).Filename), Root: r.walk(f, nil).statements(f.decl.Body.List),
				}
			}
		}
	}
	return out.Marshal()
}

// flowReader has the functions of all packages, which may call each other.
type flowReader struct {
	codes     []*code
	functions map[string]function     // by types.Func.FullName
	templates map[types.Object]string // the keys of what hogsend.For makes, by variable
}

// function is one with its body.
type function struct {
	*code
	decl *ast.FuncDecl
}

// runtimeName is how runtime.Func calls it.
func (f function) runtimeName() string {
	path := f.Pkg.Path()
	if f.Pkg.Name() == "main" {
		path = "main"
	}
	return path + "." + f.decl.Name.Name
}

func (r *flowReader) add(p *packages.Package) {
	c := newCode(&analysis.Pass{
		Fset: p.Fset, Files: p.Syntax, Pkg: p.Types, TypesInfo: p.TypesInfo, Report: func(analysis.Diagnostic) {},
		Module: &analysis.Module{Path: modulePath(p)},
	})
	if c.Pkg.Path() == rootPath {
		return // it makes definitions of definitions
	}
	r.codes = append(r.codes, c)
	for _, file := range c.files {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if f, ok := c.TypesInfo.Defs[decl.Name].(*types.Func); ok && decl.Body != nil {
					r.functions[f.FullName()] = function{c, decl}
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if spec, ok := spec.(*ast.ValueSpec); ok && decl.Tok == token.VAR {
						r.template(c, spec)
					}
				}
			}
		}
	}
}

func modulePath(p *packages.Package) string {
	if p.Module == nil {
		return ""
	}
	return p.Module.Path
}

// template notes the keys of the templates that variables hold.
func (r *flowReader) template(c *code, spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			continue
		}
		call, ok := ast.Unparen(spec.Values[i]).(*ast.CallExpr)
		if !ok || len(call.Args) != 1 || !c.calls(call, rootPath, "For") {
			continue
		}
		if lit, ok := ast.Unparen(call.Args[0]).(*ast.CompositeLit); ok {
			if key, ok := field(lit, "Key"); ok {
				if text, ok := c.text(key); ok {
					r.templates[c.TypesInfo.Defs[name]] = text
				}
			}
		}
	}
}

// roots are the functions that are the code of a journey or a reaction, in order.
func (c *code) roots() []*types.Func {
	var all []*types.Func
	add := func(e ast.Expr) {
		if f, ok := c.used(e).(*types.Func); ok && !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if t := c.TypesInfo.TypeOf(n); t != nil && (named(t, rootPath, "Journey") || named(t, rootPath, "Reaction")) {
					if run, ok := field(n, "Run"); ok {
						add(run)
					}
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if c.isRunField(left) && len(n.Lhs) == len(n.Rhs) {
						add(n.Rhs[i])
					}
				}
			case *ast.CallExpr:
				switch {
				case c.calls(n, rootPath, "OnEnter", "OnLeave") && len(n.Args) > 0:
					add(n.Args[0])
				case c.calls(n, rootPath, "OnDwell") && len(n.Args) > 1:
					add(n.Args[1])
				}
			}
			return true
		})
	}
	return all
}

// load reads the packages that the patterns name, and those of the module that they use.
func load(ctx context.Context, dir string, patterns []string) (asked, loaded []*packages.Package, err error) {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	asked, err = packages.Load(&packages.Config{
		Context: ctx, Dir: dir, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedModule,
	}, patterns...)
	if err != nil {
		return nil, nil, fmt.Errorf("list packages: %w", goSaid(err))
	}
	if err := problems(asked); err != nil {
		return nil, nil, err
	}
	paths := own(asked)
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("no package of the module matches %q", patterns)
	}
	loaded, err = packages.Load(&packages.Config{
		Context: ctx, Dir: dir, Mode: packages.LoadSyntax | packages.NeedModule,
	}, paths...)
	if err != nil {
		return nil, nil, fmt.Errorf("load packages: %w", goSaid(err))
	}
	return asked, loaded, problems(loaded)
}

// goSaid is what the go command said of why it failed, without what is around it.
func goSaid(err error) error {
	if _, said, found := strings.Cut(err.Error(), "stderr: "); found && strings.TrimSpace(said) != "" {
		return errors.New(strings.TrimSpace(said))
	}
	return err
}
