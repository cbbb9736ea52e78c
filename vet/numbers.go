package vet

import (
	"go/ast"
	"go/types"
)

// numbers reports type assertions of what properties hold to a type of numbers: numbers
// of properties are json.Number, so that none of them loses digits (T-46, J-167).
func (c *code) numbers() {
	for _, file := range c.files {
		held := c.heldValues(file)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeAssertExpr:
				if n.Type != nil && c.ofProperties(n.X, held) {
					c.number(n.Type)
				}
			case *ast.TypeSwitchStmt:
				if c.ofProperties(switched(n), held) {
					for _, clause := range n.Body.List {
						for _, t := range clause.(*ast.CaseClause).List {
							c.number(t)
						}
					}
				}
			}
			return true
		})
	}
}

func (c *code) number(e ast.Expr) {
	t := c.TypesInfo.TypeOf(e)
	if basic, ok := t.Underlying().(*types.Basic); ok && basic.Info()&types.IsNumeric != 0 {
		c.report(e.Pos(), "a number of properties is a json.Number, never %s: ask Properties.Int or Properties.Float", types.TypeString(t, types.RelativeTo(c.Pkg)))
	}
}

// heldValues are the variables of a file that hold a value of properties.
func (c *code) heldValues(file *ast.File) map[types.Object]bool {
	held := map[types.Object]bool{}
	hold := func(left, right ast.Expr) {
		if id, ok := left.(*ast.Ident); ok && c.ofProperties(right, held) {
			held[c.TypesInfo.ObjectOf(id)] = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Rhs) == 1 {
				hold(n.Lhs[0], n.Rhs[0]) // with or without ok
			} else {
				for i, left := range n.Lhs {
					hold(left, n.Rhs[i])
				}
			}
		case *ast.RangeStmt:
			if n.Value != nil && c.isProperties(n.X) {
				if id, ok := n.Value.(*ast.Ident); ok {
					held[c.TypesInfo.ObjectOf(id)] = true
				}
			}
		}
		return true
	})
	return held
}

// ofProperties reports whether an expression is a value of properties, or is in one.
func (c *code) ofProperties(e ast.Expr, held map[types.Object]bool) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		return c.isProperties(e.X) || c.ofProperties(e.X, held)
	case *ast.TypeAssertExpr:
		return c.ofProperties(e.X, held)
	case *ast.Ident:
		return held[c.TypesInfo.ObjectOf(e)]
	}
	return false
}

func (c *code) isProperties(e ast.Expr) bool {
	t := c.TypesInfo.TypeOf(e)
	return t != nil && named(t, rootPath, "Properties")
}

// switched is what a type switch looks at.
func switched(n *ast.TypeSwitchStmt) ast.Expr {
	var e ast.Expr
	switch assign := n.Assign.(type) {
	case *ast.AssignStmt:
		e = assign.Rhs[0]
	case *ast.ExprStmt:
		e = assign.X
	}
	if assertion, ok := ast.Unparen(e).(*ast.TypeAssertExpr); ok {
		return assertion.X
	}
	return e
}
