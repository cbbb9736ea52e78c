package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// waits reports waits and digests without an end, or with two, and arms of a variant
// that no draw can tell apart (T-46): usage errors that fail the enrollment when it
// comes there.
func (c *code) waits() {
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch {
			case c.calls(call, rootPath, "Run.WaitForEvent") && len(call.Args) == 2:
				c.ends(file, call.Args[1], "wait", "Timeout", "give Timeout, hogsend.Forever for none, or Until")
			case c.calls(call, rootPath, "Run.Digest") && len(call.Args) == 2:
				c.ends(file, call.Args[1], "digest", "Window", "give Window or Until")
			case c.calls(call, rootPath, "Run.WaitForAny") && len(call.Args) == 2:
				c.ends(file, call.Args[1], "wait", "Timeout", "give Timeout, hogsend.Forever for none, or Until")
				c.alternatives(file, call.Args[1])
			case c.calls(call, rootPath, "Run.Variant") && len(call.Args) > 2:
				c.arms(file, call)
			}
			return true
		})
	}
}

// ends reports a value without a deadline, or with two.
func (c *code) ends(file *ast.File, e ast.Expr, what, length, advice string) {
	lit := c.written(file, e)
	if lit == nil || byPosition(lit) {
		return
	}
	_, until := field(lit, "Until")
	d, ok := field(lit, length)
	ok = ok && !c.isZero(d)
	switch {
	case ok && until:
		c.report(lit.Pos(), "the %s has %s and Until: give one of them", what, length)
	case !ok && !until:
		c.report(lit.Pos(), "the %s has no deadline: %s", what, advice)
	}
}

// alternatives reports waits of a WaitForAny with an end or a label of their own.
func (c *code) alternatives(file *ast.File, e ast.Expr) {
	lit := c.written(file, e)
	if lit == nil {
		return
	}
	value, ok := field(lit, "Waits")
	if !ok {
		return
	}
	list := c.written(file, value)
	if list == nil {
		return
	}
	for _, element := range list.Elts {
		wait := c.written(file, element)
		if wait == nil {
			continue
		}
		for _, name := range []string{"Timeout", "Until", "Label"} {
			if own, ok := field(wait, name); ok {
				c.report(own.Pos(), "%s of one wait of several: it belongs to all of them, beside Waits", name)
			}
		}
	}
}

// arms reports names that are empty or not unique, and arms that are never chosen all
// together.
func (c *code) arms(file *ast.File, call *ast.CallExpr) {
	arms := call.Args[2:]
	if call.Ellipsis.IsValid() {
		list := c.written(file, arms[0])
		if list == nil {
			return
		}
		arms = list.Elts
	}
	var names []string
	weightless := len(arms) > 0
	for _, arm := range arms {
		lit := c.written(file, arm)
		if lit == nil {
			weightless = false
			continue
		}
		var name, weight ast.Expr
		if byPosition(lit) && len(lit.Elts) == 2 {
			name, weight = lit.Elts[0], lit.Elts[1]
		} else {
			name, _ = field(lit, "Name")
			weight, _ = field(lit, "Weight")
		}
		weightless = weightless && (weight == nil || c.isZero(weight))
		text, ok := "", true
		if name != nil {
			text, ok = c.text(name)
		}
		switch {
		case !ok:
			continue
		case text == "":
			c.report(lit.Pos(), "an arm without a name")
		case slices.Contains(names, text):
			c.report(lit.Pos(), "two arms are named %q: names are unique", text)
		}
		names = append(names, text)
	}
	if weightless {
		c.report(call.Pos(), "no arm has a weight: none can be chosen")
	}
}

// written is the composite literal that an expression is, or that a local variable was
// declared with and keeps; nil when nothing is known of it.
func (c *code) written(file *ast.File, e ast.Expr) *ast.CompositeLit {
	e = ast.Unparen(e)
	if lit, ok := e.(*ast.CompositeLit); ok {
		return lit
	}
	id, ok := e.(*ast.Ident)
	if !ok {
		return nil
	}
	v, ok := c.TypesInfo.Uses[id].(*types.Var)
	if !ok || v.IsField() || packageVar(v) != nil {
		return nil
	}
	var found *ast.CompositeLit
	changed := false
	take := func(name, value ast.Expr) {
		if id, ok := name.(*ast.Ident); ok && c.TypesInfo.Defs[id] == types.Object(v) {
			found, _ = ast.Unparen(value).(*ast.CompositeLit)
		} else if c.rootOf(name) == types.Object(v) {
			changed = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					take(left, n.Rhs[i])
				} else if c.rootOf(left) == types.Object(v) {
					changed = true
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if len(n.Names) == len(n.Values) {
					take(name, n.Values[i])
				}
			}
		case *ast.UnaryExpr:
			changed = changed || n.Op == token.AND && c.rootOf(n.X) == types.Object(v)
		}
		return true
	})
	if changed {
		return nil
	}
	return found
}

// rootOf is the variable of which an expression denotes the whole or a part.
func (c *code) rootOf(e ast.Expr) types.Object {
	for {
		switch part := e.(type) {
		case *ast.ParenExpr:
			e = part.X
		case *ast.IndexExpr:
			e = part.X
		case *ast.SelectorExpr:
			e = part.X
		case *ast.Ident:
			return c.TypesInfo.ObjectOf(part)
		default:
			return nil
		}
	}
}

// field is the value of a field in a literal, if it is given.
func field(lit *ast.CompositeLit, name string) (ast.Expr, bool) {
	for _, element := range lit.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok && isIdent(pair.Key, name) {
			return pair.Value, true
		}
	}
	return nil, false
}

// byPosition reports whether a literal names no fields.
func byPosition(lit *ast.CompositeLit) bool {
	if len(lit.Elts) == 0 {
		return false
	}
	_, ok := lit.Elts[0].(*ast.KeyValueExpr)
	return !ok
}

// isZero reports whether an expression is the constant 0.
func (c *code) isZero(e ast.Expr) bool {
	value := c.TypesInfo.Types[e].Value
	return value != nil && (value.Kind() == constant.Int || value.Kind() == constant.Float) && constant.Sign(value) == 0
}
