package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/cfg"
)

// runErrors reports errors of Run, and of functions that take a Run, that are dropped
// or replaced before anything reads them, and an Exit that is not returned (T-26).
func (c *code) runErrors() {
	for _, file := range c.files {
		owners := c.owners(file)
		ast.Inspect(file, func(n ast.Node) bool {
			var body *ast.BlockStmt
			switch n := n.(type) {
			case *ast.FuncDecl:
				body = n.Body
			case *ast.FuncLit:
				body = n.Body
			}
			if body != nil {
				(&errorFlow{code: c, body: body, owners: owners}).check()
			}
			return true
		})
	}
}

// owners tell which variables are used in another function than the one that declares
// them: nothing is known of when.
func (c *code) owners(file *ast.File) map[types.Object]bool {
	captured := map[types.Object]bool{}
	var functions []ast.Node
	ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		functions = functions[:0]
		for _, outer := range stack {
			switch outer.(type) {
			case *ast.FuncDecl, *ast.FuncLit:
				functions = append(functions, outer)
			}
		}
		obj := c.TypesInfo.Uses[id]
		if v, ok := obj.(*types.Var); ok && len(functions) > 0 {
			inner := functions[len(functions)-1]
			captured[v] = captured[v] || v.Pos() < inner.Pos() || v.Pos() > inner.End()
		}
		return true
	})
	return captured
}

// errorFlow follows the errors of one function body.
type errorFlow struct {
	*code
	body   *ast.BlockStmt
	owners map[types.Object]bool
	graph  *cfg.CFG
}

// stored is an error of Run in a variable.
type stored struct {
	call *ast.CallExpr
	stmt ast.Node
	v    *types.Var
	// beside are the other results: to compare one with nil is to ask for the error.
	beside []types.Object
}

func (f *errorFlow) check() {
	inspectOwn(f.body, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.ExprStmt:
			f.dropped(n.X)
		case *ast.GoStmt:
			f.dropped(n.Call)
		case *ast.DeferStmt:
			f.dropped(n.Call)
		case *ast.AssignStmt:
			f.assigned(n, n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			left := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				left[i] = name
			}
			f.assigned(n, left, n.Values)
		}
	})
}

// inspectOwn visits a body without the function literals in it, which have their own.
func inspectOwn(body ast.Node, visit func(ast.Node)) {
	ast.Inspect(body, func(n ast.Node) bool {
		if _, inner := n.(*ast.FuncLit); inner {
			return false
		}
		if n != nil {
			visit(n)
		}
		return true
	})
}

// ofRun is the name of what is called, if its last result is an error of Run.
func (c *code) ofRun(call *ast.CallExpr) string {
	f := c.callee(call)
	if f == nil || f.Pkg() == nil {
		return ""
	}
	results := f.Signature().Results()
	if results.Len() == 0 || !types.Identical(results.At(results.Len()-1).Type(), types.Universe.Lookup("error").Type()) {
		return ""
	}
	if f.Pkg().Path() == rootPath {
		switch receiver(f) {
		case "Run":
			return "run." + f.Name()
		case "History", "When":
			return inPackage(f)
		}
	}
	if takes(f.Signature(), rootPath, "Run") {
		return f.Name()
	}
	return ""
}

func (f *errorFlow) dropped(e ast.Expr) {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return
	}
	if name := f.ofRun(call); name != "" {
		f.drop(call, name)
	}
}

func (f *errorFlow) drop(call *ast.CallExpr, name string) {
	if name == "run.Exit" {
		f.report(call.Pos(), "run.Exit is not returned: the journey goes on without effect")
		return
	}
	f.report(call.Pos(), "the error of %s is discarded: return it, or the enrollment goes on as if all were well", name)
}

func (f *errorFlow) assigned(stmt ast.Node, left, right []ast.Expr) {
	for i, e := range right {
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		if !ok {
			continue
		}
		name := f.ofRun(call)
		if name == "" {
			continue
		}
		at := i
		if len(right) == 1 {
			at = len(left) - 1
		}
		id, ok := left[at].(*ast.Ident)
		if !ok {
			continue // a field may be read anywhere
		}
		if id.Name == "_" {
			f.drop(call, name)
			continue
		}
		v, ok := f.TypesInfo.ObjectOf(id).(*types.Var)
		if !ok || packageVar(v) != nil || f.owners[v] {
			continue
		}
		s := stored{call: call, stmt: stmt, v: v}
		for _, other := range left[:at] {
			if id, ok := other.(*ast.Ident); ok && len(right) == 1 {
				s.beside = append(s.beside, f.TypesInfo.ObjectOf(id))
			}
		}
		f.follow(s, name)
	}
}

// follow looks for a way from a stored error on which it is replaced unread, or for
// none on which it is read.
func (f *errorFlow) follow(s stored, name string) {
	if name == "run.Exit" && !f.returned(s.v) {
		f.drop(s.call, name)
		return
	}
	if f.graph == nil {
		f.graph = cfg.New(f.body, f.mayReturn)
	}
	var read, replaced bool
	seen := map[*cfg.Block]bool{}
	var walk func(nodes []ast.Node, next []*cfg.Block)
	walk = func(nodes []ast.Node, next []*cfg.Block) {
		for _, n := range nodes {
			switch f.touch(n, s) {
			case reads:
				read = true
				return
			case replaces:
				replaced = true
				return
			}
		}
		for _, b := range next {
			if !seen[b] {
				seen[b] = true
				walk(b.Nodes, b.Succs)
			}
		}
	}
	for _, b := range f.graph.Blocks {
		if i := slices.Index(b.Nodes, s.stmt); i >= 0 && b.Live {
			walk(b.Nodes[i+1:], b.Succs)
			if replaced || !read {
				f.report(s.call.Pos(), "the error of %s is %s: return it, or the enrollment goes on as if all were well", name, map[bool]string{
					true: "overwritten before it is read", false: "never read",
				}[replaced])
			}
			return
		}
	}
}

func (c *code) mayReturn(call *ast.CallExpr) bool {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	return !ok || c.TypesInfo.Uses[id] != types.Universe.Lookup("panic")
}

// returned reports whether any return of the function mentions v, or may by its name.
func (f *errorFlow) returned(v *types.Var) bool {
	found := false
	inspectOwn(f.body, func(n ast.Node) {
		if ret, ok := n.(*ast.ReturnStmt); ok {
			found = found || f.mentions(ret, v) || len(ret.Results) == 0 && f.isResult(v)
		}
	})
	return found
}

// isResult reports whether v is a result with a name.
func (f *errorFlow) isResult(v *types.Var) bool { return v.Kind() == types.ResultVar }

type touch int

const (
	passes touch = iota
	reads
	replaces
)

// touch tells what a node of the graph does to a stored error.
func (f *errorFlow) touch(n ast.Node, s stored) touch {
	if ret, ok := n.(*ast.ReturnStmt); ok && len(ret.Results) == 0 && f.isResult(s.v) {
		return reads
	}
	var written []ast.Expr
	if assign, ok := n.(*ast.AssignStmt); ok && (assign.Tok == token.ASSIGN || assign.Tok == token.DEFINE) {
		for _, left := range assign.Lhs {
			if id, ok := left.(*ast.Ident); ok && f.TypesInfo.ObjectOf(id) == s.v {
				written = append(written, left)
			}
		}
	}
	read := false
	ast.Inspect(n, func(part ast.Node) bool {
		switch part := part.(type) {
		case *ast.Ident:
			read = read || f.TypesInfo.Uses[part] == s.v && !slices.Contains(written, ast.Expr(part))
		case *ast.BinaryExpr:
			read = read || f.comparesWithNil(part, s.beside)
		}
		return !read
	})
	switch {
	case read:
		return reads
	case len(written) > 0:
		return replaces
	}
	return passes
}

func (f *errorFlow) comparesWithNil(e *ast.BinaryExpr, beside []types.Object) bool {
	if e.Op != token.EQL && e.Op != token.NEQ {
		return false
	}
	x, y := e.X, e.Y
	if f.TypesInfo.Types[x].IsNil() {
		x, y = y, x
	}
	obj := f.used(x)
	return obj != nil && slices.Contains(beside, obj) && f.TypesInfo.Types[y].IsNil()
}

func (f *errorFlow) mentions(n ast.Node, v *types.Var) bool {
	found := false
	ast.Inspect(n, func(part ast.Node) bool {
		id, ok := part.(*ast.Ident)
		found = found || ok && f.TypesInfo.Uses[id] == v
		return !found
	})
	return found
}
