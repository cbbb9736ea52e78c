package vet

import (
	"go/ast"
	"go/types"
)

// literals finds functions that registration or a replay would refuse, and functions
// of Once that have an effect (T-25).
func (c *code) literals() {
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if t := c.TypesInfo.TypeOf(n); t != nil && (named(t, rootPath, "Journey") || named(t, rootPath, "Reaction")) {
					for _, element := range n.Elts {
						if pair, ok := element.(*ast.KeyValueExpr); ok && isIdent(pair.Key, "Run") {
							c.journeyFunc(pair.Value)
						}
					}
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if c.isRunField(left) && len(n.Lhs) == len(n.Rhs) {
						c.journeyFunc(n.Rhs[i])
					}
				}
			case *ast.CallExpr:
				switch {
				case c.calls(n, rootPath, "OnEnter", "OnLeave") && len(n.Args) > 0:
					c.journeyFunc(n.Args[0])
				case c.calls(n, rootPath, "OnDwell") && len(n.Args) > 1:
					c.journeyFunc(n.Args[1])
				}
			}
			return true
		})
	}
	for _, once := range c.onces {
		c.once(once)
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// isRunField reports whether an expression is the field Run of a definition.
func (c *code) isRunField(e ast.Expr) bool {
	selector, ok := e.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "Run" && is(c.TypesInfo.Uses[selector.Sel], rootPath, "Run")
}

// journeyFunc reports a Run or handler that is no named top-level function. Of a
// parameter or field nothing is known.
func (c *code) journeyFunc(e ast.Expr) {
	if _, ok := c.literal(e); ok {
		c.report(e.Pos(), "the journey is a function literal: registration refuses it; make it a top-level function")
		return
	}
	if f, ok := c.used(e).(*types.Func); ok && f.Signature().Recv() != nil {
		c.report(e.Pos(), "the journey is the method value %s: registration refuses it; make it a top-level function", inPackage(f))
	}
}

// literal is the function literal that an expression is, or that the variable it names
// was declared with.
func (c *code) literal(e ast.Expr) (*ast.FuncLit, bool) {
	e = ast.Unparen(e)
	if call, ok := e.(*ast.CallExpr); ok && len(call.Args) == 1 && c.TypesInfo.Types[call.Fun].IsType() {
		return c.literal(call.Args[0]) // a conversion
	}
	if lit, ok := e.(*ast.FuncLit); ok {
		return lit, true
	}
	v, ok := c.used(e).(*types.Var)
	if !ok {
		return nil, false
	}
	for _, file := range c.files {
		if v.Pos() < file.FileStart || v.Pos() > file.FileEnd {
			continue
		}
		return declaredLiteral(file, v)
	}
	return nil, false
}

func declaredLiteral(file *ast.File, v *types.Var) (found *ast.FuncLit, ok bool) {
	take := func(names []ast.Expr, values []ast.Expr) {
		for i, name := range names {
			if name.Pos() == v.Pos() && len(names) == len(values) {
				found, ok = ast.Unparen(values[i]).(*ast.FuncLit)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			take(n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			names := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				names[i] = name
			}
			take(names, n.Values)
		}
		return !ok
	})
	return found, ok
}

// once reports a literal, whose captured variables a replay does not set, and a named
// function, or one that makes the function, that has an effect outside.
func (c *code) once(once onceCall) {
	if _, ok := c.literal(once.fn); ok {
		c.report(once.fn.Pos(), "a function literal in Once: a replay does not run it, so what it sets outside of itself is lost; make it a function with a name")
		return
	}
	obj := c.used(once.fn)
	if call, ok := ast.Unparen(once.fn).(*ast.CallExpr); ok {
		if f := c.callee(call); f != nil {
			obj = f
		}
	}
	f, ok := obj.(*types.Func)
	if !ok {
		return
	}
	f = f.Origin()
	if h, found := hazardOf(f); found && h.kind == external {
		c.report(once.fn.Pos(), "Once with %s, which has an effect outside: it may happen twice; make it an activity or an event", spelled(f))
		return
	}
	effects := c.sums[f]
	if f.Pkg() != c.Pkg {
		effects = c.imported(f)
	}
	for _, d := range effects {
		if d.Kind == external {
			c.report(once.fn.Pos(), "Once with %s, which %s: it may happen twice; make it an activity or an event", spelled(f), d.What)
		}
	}
}
