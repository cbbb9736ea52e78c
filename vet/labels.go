package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/cfg"
)

// step is a call of Run that a function may come to, itself or by a function of the
// package that it calls.
type step struct {
	name string // what two steps must not share: the label of a send, of a Once
	pos  token.Pos
	fn   types.Object // of a Once: what it keeps
}

// order reports steps that go wrong because of one that came before them in the same
// passage: a label that a send has had already, a label of Once that keeps the value of
// another function, and a wait that is Fresh behind a sleep (T-46).
func (c *code) order() {
	bodies := map[*types.Func]*ast.BlockStmt{}
	for _, file := range c.files {
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.FuncDecl); ok && decl.Body != nil {
				if f, ok := c.TypesInfo.Defs[decl.Name].(*types.Func); ok {
					bodies[f] = decl.Body
				}
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(bodies), func(a, b *types.Func) int { return int(a.Pos() - b.Pos()) })
	sums := map[*types.Func][]step{}
	for again := true; again; {
		again = false
		for _, f := range order {
			inspectOwn(bodies[f], func(n ast.Node) {
				if call, ok := n.(*ast.CallExpr); ok {
					for _, s := range c.stepsOf(call, sums) {
						if !slices.ContainsFunc(sums[f], func(known step) bool { return known.name == s.name && known.fn == s.fn }) {
							sums[f] = append(sums[f], s)
							again = true
						}
					}
				}
			})
		}
	}
	told := map[token.Pos]bool{}
	for _, f := range order {
		c.steps(bodies[f], sums, told)
		ast.Inspect(bodies[f], func(n ast.Node) bool {
			if lit, ok := n.(*ast.FuncLit); ok {
				c.steps(lit.Body, sums, told)
			}
			return true
		})
	}
}

// stepsOf are the labeled steps of one call.
func (c *code) stepsOf(call *ast.CallExpr, sums map[*types.Func][]step) []step {
	switch {
	case c.calls(call, rootPath, "Run.Send") && len(call.Args) == 2:
		if label := c.labelOf(call.Args[1]); label != "" {
			return []step{{name: "send " + label, pos: call.Pos()}}
		}
	case c.calls(call, rootPath, "Run.Once") && len(call.Args) == 4:
		if label, ok := c.text(call.Args[1]); ok {
			if fn, ok := c.used(call.Args[3]).(*types.Func); ok {
				return []step{{"once " + label, call.Pos(), fn}}
			}
		}
	default:
		if f := c.callee(call); f != nil {
			return sums[f]
		}
	}
	return nil
}

// labelOf is the constant label of a mail, "" if it has none or nothing is known of it.
func (c *code) labelOf(e ast.Expr) string {
	for _, file := range c.files {
		if e.Pos() < file.FileStart || e.Pos() > file.FileEnd {
			continue
		}
		if lit := c.written(file, e); lit != nil {
			if value, ok := field(lit, "Label"); ok {
				label, _ := c.text(value)
				return label
			}
		}
	}
	return ""
}

// steps goes from every step of a body to those that may come after it.
func (c *code) steps(body *ast.BlockStmt, sums map[*types.Func][]step, told map[token.Pos]bool) {
	graph := cfg.New(body, c.mayReturn)
	for _, b := range graph.Blocks {
		if !b.Live {
			continue
		}
		for i, n := range b.Nodes {
			for _, call := range ownCalls(n) {
				for _, s := range c.stepsOf(call, sums) {
					c.behind(b, i+1, func(later *ast.CallExpr) bool { return c.repeats(s, call, later, sums, told) })
				}
				if c.calls(call, rootPath, "Run.Sleep", "Run.SleepUntil") {
					c.behind(b, i+1, func(later *ast.CallExpr) bool { return c.misses(call, later, told) })
				}
			}
		}
	}
}

// behind visits the calls that may come after a place, until visit says of a way that
// it is enough.
func (c *code) behind(b *cfg.Block, from int, visit func(*ast.CallExpr) bool) {
	seen := map[*cfg.Block]bool{}
	var walk func(nodes []ast.Node, next []*cfg.Block)
	walk = func(nodes []ast.Node, next []*cfg.Block) {
		for _, n := range nodes {
			for _, call := range ownCalls(n) {
				if visit(call) {
					return
				}
			}
		}
		for _, b := range next {
			if !seen[b] {
				seen[b] = true
				walk(b.Nodes, b.Succs)
			}
		}
	}
	walk(b.Nodes[from:], b.Succs)
}

// repeats reports a later call that comes to a step which the earlier one has done.
func (c *code) repeats(s step, earlier, later *ast.CallExpr, sums map[*types.Func][]step, told map[token.Pos]bool) bool {
	for _, next := range c.stepsOf(later, sums) {
		if next.name != s.name || told[later.Pos()] || s.fn != nil && s.fn == next.fn {
			continue
		}
		told[later.Pos()] = true
		switch {
		case s.fn != nil:
			c.report(later.Pos(), "this Once has the label of the one at %s and gets the value of %s: %s is never called", c.place(earlier.Pos()), spelled(s.fn), spelled(next.fn))
		case earlier == later:
			c.report(later.Pos(), "the mail has the same label whenever the loop comes here: the second Send returns duplicate_send_label")
		default:
			c.report(later.Pos(), "the label of this mail is used at %s as well: the second Send returns duplicate_send_label", c.place(earlier.Pos()))
		}
	}
	return false
}

// misses reports a wait that is Fresh behind a sleep. Any wait for events ends the way:
// it has found what came meanwhile.
func (c *code) misses(sleep, later *ast.CallExpr, told map[token.Pos]bool) bool {
	if !c.calls(later, rootPath, "Run.WaitForEvent", "Run.WaitForAny", "Run.Digest") || len(later.Args) != 2 {
		return false
	}
	ast.Inspect(later.Args[1], func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if ok && isIdent(pair.Key, "Fresh") && c.isBool(pair.Value, true) && !told[pair.Pos()] {
			told[pair.Pos()] = true
			c.report(pair.Pos(), "warning: what comes during the sleep at %s is missed by this wait, as it is Fresh", c.place(sleep.Pos()))
		}
		return true
	})
	return true
}

// isBool reports whether an expression is that constant.
func (c *code) isBool(e ast.Expr, b bool) bool {
	value := c.TypesInfo.Types[e].Value
	return value != nil && value.Kind() == constant.Bool && constant.BoolVal(value) == b
}

// ownCalls are the calls of a node of a graph, in the order in which they are made,
// without those of function literals.
func ownCalls(n ast.Node) []*ast.CallExpr {
	var calls []*ast.CallExpr
	inspectOwn(n, func(n ast.Node) {
		if call, ok := n.(*ast.CallExpr); ok {
			calls = append(calls, call)
		}
	})
	slices.SortFunc(calls, func(a, b *ast.CallExpr) int { return int(a.End() - b.End()) })
	return calls
}
