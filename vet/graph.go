package vet

import (
	"go/ast"
	"go/token"
	"go/types"
)

// graph finds what every function and variable of the package does and uses.
func (c *code) graph() {
	c.findChanges()
	for _, file := range c.files {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				c.function(decl)
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if spec, ok := spec.(*ast.ValueSpec); ok && decl.Tok == token.VAR {
						c.variables(spec)
					}
				}
			}
		}
	}
}

func (c *code) function(decl *ast.FuncDecl) {
	f, ok := c.TypesInfo.Defs[decl.Name].(*types.Func)
	if !ok || decl.Body == nil {
		return
	}
	n := c.newNode(f.Signature())
	c.nodes[f] = n
	c.walk(n, decl.Body)
}

func (c *code) variables(spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		n := &node{}
		c.all = append(c.all, n)
		if obj := c.TypesInfo.Defs[name]; obj != nil {
			c.nodes[obj] = n
		}
		for j, value := range spec.Values {
			if i == j || len(spec.Values) == 1 {
				c.walk(n, value)
			}
		}
	}
}

// newNode makes the node of a function.
func (c *code) newNode(signature *types.Signature) *node {
	n := &node{takesRun: takes(signature, rootPath, "Run")}
	n.inRun, n.inWorkflow = n.takesRun, n.takesRun || takes(signature, workflowPath, "Context")
	c.all = append(c.all, n)
	return n
}

// walker collects what one node does.
type walker struct {
	*code
	*node
	called map[*ast.Ident]bool // names of functions that are called there, not handed on
	nows   map[types.Object]bool
}

func (c *code) walk(n *node, root ast.Node) {
	(&walker{code: c, node: n, called: map[*ast.Ident]bool{}, nows: map[types.Object]bool{}}).walk(root)
}

func (w *walker) did(k kind, pos token.Pos, what, why string) {
	if !w.ignores(pos) {
		w.node.effects = append(w.node.effects, effect{k, pos, what, why})
	}
}

func (w *walker) walk(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return w.enters(n)
		case *ast.CallExpr:
			return w.call(n)
		case *ast.GoStmt:
			w.did(nondeterministic, n.Pos(), "starts a goroutine", byOthers)
		case *ast.SelectStmt:
			w.did(nondeterministic, n.Pos(), "selects", byOthers)
			for _, clause := range n.Body.List {
				for _, stmt := range clause.(*ast.CommClause).Body {
					w.walk(stmt)
				}
			}
			return false
		case *ast.SendStmt:
			w.did(nondeterministic, n.Pos(), "sends to a channel", byOthers)
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				w.did(nondeterministic, n.Pos(), "receives from a channel", byOthers)
			}
		case *ast.RangeStmt:
			w.ranges(n)
		case *ast.AssignStmt:
			w.remembersNow(n)
		case *ast.Ident:
			w.use(n)
		}
		return true
	})
}

// enters walks a function literal as a part of its function, or as workflow code of
// its own when only the literal takes a context.
func (w *walker) enters(lit *ast.FuncLit) bool {
	signature, ok := w.TypesInfo.TypeOf(lit).(*types.Signature)
	if !ok || w.inWorkflow {
		return true
	}
	if takes(signature, workflowPath, "Context") || takes(signature, rootPath, "Run") {
		n := w.newNode(signature)
		w.code.walk(n, lit.Body)
		return false
	}
	return true
}

func (w *walker) ranges(n *ast.RangeStmt) {
	t := w.TypesInfo.TypeOf(n.X)
	if t == nil {
		return
	}
	switch t.Underlying().(type) {
	case *types.Map:
		w.did(nondeterministic, n.Pos(), "ranges over a map", byOrder)
	case *types.Chan:
		w.did(nondeterministic, n.Pos(), "ranges over a channel", byOthers)
	}
}

// call walks a call but for what is recorded or executed elsewhere. It is false when
// it did.
func (w *walker) call(call *ast.CallExpr) bool {
	w.comparesNow(call)
	skip := len(call.Args) // from here on, arguments are not walked
	switch {
	case w.calls(call, rootPath, "Run.Once") && len(call.Args) == 4:
		w.onces = append(w.onces, onceCall{call.Pos(), call.Args[3]})
		skip = 3
	case w.calls(call, rootPath, "Run.Version") && len(call.Args) == 3:
		if change, ok := w.text(call.Args[1]); ok && !w.ignores(call.Pos()) {
			w.node.versions = append(w.node.versions, version{call.Pos(), change})
		}
	case w.calls(call, workflowPath, "Sleep"):
		w.did(ownCall, call.Pos(), "calls workflow.Sleep", "run.Sleep shows where people stand, and a pause or an exit reaches it")
	case w.calls(call, workflowPath, "SideEffect", "SideEffectWithOptions"):
		skip = 1
	case w.calls(call, workflowPath, "MutableSideEffect", "MutableSideEffectWithOptions"):
		skip = 2
	case w.calls(call, "slices", "Sorted", "SortedFunc", "SortedStableFunc") && len(call.Args) > 0:
		if inner, ok := ast.Unparen(call.Args[0]).(*ast.CallExpr); ok && w.calls(inner, "maps", "Keys", "Values") && len(inner.Args) == 1 {
			w.walk(inner.Args[0])
			for _, arg := range call.Args[1:] {
				w.walk(arg)
			}
			return false
		}
	}
	if id := calledName(call.Fun); id != nil {
		w.called[id] = true
	}
	w.walk(call.Fun)
	for _, arg := range call.Args[:min(skip, len(call.Args))] {
		w.walk(arg)
	}
	return false
}

// use notes what an identifier stands for.
func (w *walker) use(id *ast.Ident) {
	obj := w.TypesInfo.Uses[id]
	called := w.called[id]
	switch o := obj.(type) {
	case *types.Func:
		obj = o.Origin()
		// An activity is named here and runs elsewhere.
		if p := o.Signature().Params(); !called && p.Len() > 0 && named(p.At(0).Type(), "context", "Context") {
			return
		}
	case *types.Var:
		v := packageVar(o)
		if v == nil {
			return
		}
		if pos, changed := w.changed[v]; changed {
			w.did(variable, id.Pos(), "uses the variable "+v.Name()+", which is changed at "+w.place(pos), byMachineVariable)
		}
	default:
		return
	}
	if h, found := hazardOf(obj); found {
		verb := "uses "
		if called {
			verb = "calls "
		}
		w.did(h.kind, id.Pos(), verb+spelled(obj), h.why)
		return
	}
	if !w.ignores(id.Pos()) {
		w.refs = append(w.refs, ref{id.Pos(), obj})
	}
}

const byMachineVariable = "workers hold different values; keep it in the contact, or pass it along"

// calledName is the name of the function in a call, which may be instantiated.
func calledName(fun ast.Expr) *ast.Ident {
	switch fun := ast.Unparen(fun).(type) {
	case *ast.Ident:
		return fun
	case *ast.SelectorExpr:
		return fun.Sel
	case *ast.IndexExpr:
		return calledName(fun.X)
	case *ast.IndexListExpr:
		return calledName(fun.X)
	}
	return nil
}
