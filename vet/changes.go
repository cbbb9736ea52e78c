package vet

import (
	"go/ast"
	"go/token"
	"go/types"
)

// findChanges finds the package variables, also of other packages, that are assigned
// to, in whole or in part, or given away by address anywhere in the package.
func (c *code) findChanges() {
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					c.change(left)
				}
			case *ast.IncDecStmt:
				c.change(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					c.change(n.Key)
					c.change(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					c.change(n.X)
				}
			case *ast.CallExpr:
				c.changedByCall(n)
			case *ast.ValueSpec:
				for _, name := range n.Names {
					if v := packageVar(c.TypesInfo.Defs[name]); v != nil && shared(v.Type()) {
						c.changed[v] = name.Pos()
					}
				}
			}
			return true
		})
	}
}

// change notes that what an expression denotes is changed: x, x.field, x[i], *x.
func (c *code) change(e ast.Expr) {
	for {
		switch part := e.(type) {
		case *ast.ParenExpr:
			e = part.X
		case *ast.StarExpr:
			e = part.X
		case *ast.IndexExpr:
			e = part.X
		case *ast.SelectorExpr:
			if v := packageVar(c.TypesInfo.Uses[part.Sel]); v != nil {
				c.changes(v, part.Pos())
				return
			}
			e = part.X
		case *ast.Ident:
			if v := packageVar(c.TypesInfo.Uses[part]); v != nil {
				c.changes(v, part.Pos())
			}
			return
		default:
			return
		}
	}
}

func (c *code) changes(v *types.Var, pos token.Pos) {
	if _, known := c.changed[v]; !known {
		c.changed[v] = pos
	}
}

// changedByCall finds changes by built-in functions and by methods that take the
// address of what they are called on.
func (c *code) changedByCall(call *ast.CallExpr) {
	if name, ok := ast.Unparen(call.Fun).(*ast.Ident); ok && len(call.Args) > 0 {
		if _, builtin := c.TypesInfo.Uses[name].(*types.Builtin); builtin {
			switch name.Name {
			case "delete", "clear", "copy":
				c.change(call.Args[0])
			}
		}
	}
	fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	selection := c.TypesInfo.Selections[fun]
	if selection == nil || selection.Kind() != types.MethodVal {
		return
	}
	_, byPointer := selection.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer)
	if _, isPointer := selection.Recv().Underlying().(*types.Pointer); byPointer && !isPointer {
		c.change(fun.X)
	}
}

// shared reports whether a variable of that type is there to be changed.
func shared(t types.Type) bool {
	if pointer, ok := t.Underlying().(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if _, ok := t.Underlying().(*types.Chan); ok {
		return true
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return false
	}
	path := n.Obj().Pkg().Path()
	return path == "sync" || path == "sync/atomic"
}
