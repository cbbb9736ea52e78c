package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/flow"
)

// maxInlined is how deep functions are read that functions call.
const maxInlined = 8

// flowWalk reads the body of one function.
type flowWalk struct {
	function
	*flowReader
	facts map[types.Object]fact
	// calling are the functions that lead here; of those a return goes on in the one before.
	calling []string
	// switches is how many switches are open inside of the innermost loop: a break ends one.
	switches int
}

func (r *flowReader) walk(f function, calling []string) *flowWalk {
	return &flowWalk{function: f, flowReader: r, facts: map[types.Object]fact{}, calling: calling}
}

func (w *flowWalk) inlined() bool { return len(w.calling) > 0 }

// statements are the parts of a list, up to where it ends.
func (w *flowWalk) statements(list []ast.Stmt) flow.Seq {
	var out flow.Seq
	for i, s := range list {
		parts := w.statement(s)
		out = append(out, parts...)
		if w.inlined() && len(parts) > 0 && w.takesRest(&parts[len(parts)-1], list[i+1:]) {
			return out
		}
		if out.Ends() {
			break
		}
	}
	return out
}

// takesRest puts what comes after a question into its one way that goes on, where another
// way returns from a function that is read within its caller.
func (w *flowWalk) takesRest(p *flow.Part, rest []ast.Stmt) bool {
	if p.Branch == nil || len(rest) == 0 {
		return false
	}
	returns, open := false, -1
	for i, a := range p.Branch.Arms {
		switch {
		case len(a.Seq) > 0 && a.Seq[len(a.Seq)-1].End == returned:
			returns = true
		case !a.Seq.Ends() && open >= 0:
			return false
		case !a.Seq.Ends():
			open = i
		}
	}
	if !returns || open < 0 {
		return false
	}
	arm := &p.Branch.Arms[open]
	arm.Seq = append(arm.Seq, w.statements(rest)...)
	return true
}

// returned ends a way through a function that is read within its caller; who puts it there
// takes it away.
const returned flow.End = "returned"

// withoutReturns is a function's tree as a part of its caller's.
func withoutReturns(s flow.Seq) flow.Seq {
	if len(s) == 0 {
		return s
	}
	last := &s[len(s)-1]
	switch {
	case last.End == returned:
		return s[:len(s)-1]
	case last.Branch != nil:
		for i := range last.Branch.Arms {
			last.Branch.Arms[i].Seq = withoutReturns(last.Branch.Arms[i].Seq)
		}
	}
	return s
}

func (w *flowWalk) statement(s ast.Stmt) flow.Seq {
	switch s := s.(type) {
	case *ast.ExprStmt:
		return w.expression(s.X)
	case *ast.AssignStmt:
		var out flow.Seq
		for _, e := range s.Rhs {
			out = append(out, w.expression(e)...)
		}
		w.remember(s)
		return out
	case *ast.DeclStmt:
		return w.expression(s.Decl)
	case *ast.ReturnStmt:
		return w.returns(s)
	case *ast.IfStmt:
		return w.ifs(s)
	case *ast.SwitchStmt:
		return w.switched(s)
	case *ast.ForStmt:
		over := "again and again"
		if s.Cond != nil {
			over = "while " + w.source(s.Cond)
		}
		return w.loop(over, s.Body)
	case *ast.RangeStmt:
		return append(w.expression(s.X), w.loop(w.over(s.X), s.Body)...)
	case *ast.BlockStmt:
		return w.statements(s.List)
	case *ast.LabeledStmt:
		return w.statement(s.Stmt)
	case *ast.BranchStmt:
		switch {
		case s.Tok == token.CONTINUE:
			return flow.Seq{{End: flow.Again}}
		case s.Tok == token.BREAK && (w.switches == 0 || s.Label != nil):
			return flow.Seq{{End: flow.Out}}
		}
	}
	return nil
}

func (w *flowWalk) returns(s *ast.ReturnStmt) flow.Seq {
	var out flow.Seq
	end := flow.Completed
	for _, e := range s.Results {
		out = append(out, w.expression(e)...)
		if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && !w.steps(call) && isError(w.TypesInfo.TypeOf(e)) {
			end = flow.Failed
		}
	}
	switch {
	case out.Ends():
		return out
	case w.inlined():
		end = returned
	}
	return append(out, flow.Part{End: end})
}

// steps reports whether a call is one of Run, or of a function that is given a Run.
func (w *flowWalk) steps(call *ast.CallExpr) bool {
	f := w.callee(call)
	return f != nil && (takes(f.Signature(), rootPath, "Run") || f.Pkg() != nil && f.Pkg().Path() == rootPath && receiver(f) == "Run")
}

func isError(t types.Type) bool {
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

func (w *flowWalk) ifs(s *ast.IfStmt) flow.Seq {
	var out flow.Seq
	if s.Init != nil {
		out = w.statement(s.Init)
	}
	out = append(out, w.expression(s.Cond)...)
	question := w.withoutErrors(s.Cond)
	yes := w.statements(s.Body.List)
	var no flow.Seq
	if s.Else != nil {
		no = w.statement(s.Else)
	}
	if question == nil {
		if !hasNodes(yes) {
			return append(out, no...) // an error is handed on, which every step may do
		}
		return append(out, flow.Part{Branch: &flow.Branch{On: "an error", Arms: []flow.Arm{{When: "yes", Seq: yes}, {When: "no", Seq: no}}}})
	}
	if len(yes) == 0 && len(no) == 0 {
		return out // it decides about values alone
	}
	on, when, otherwise := w.question(question)
	return append(out, flow.Part{Branch: &flow.Branch{On: on, Arms: []flow.Arm{{When: when, Seq: yes}, {When: otherwise, Seq: no}}}})
}

// withoutErrors is a condition without its comparisons of errors with nil; nil if nothing
// else is left.
func (w *flowWalk) withoutErrors(e ast.Expr) ast.Expr {
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	if !ok {
		return e
	}
	switch b.Op {
	case token.EQL, token.NEQ:
		if isError(w.TypesInfo.TypeOf(b.X)) && w.TypesInfo.Types[b.Y].IsNil() {
			return nil
		}
	case token.LOR, token.LAND:
		left, right := w.withoutErrors(b.X), w.withoutErrors(b.Y)
		if left == nil {
			return right
		}
		if right == nil {
			return left
		}
	}
	return e
}

func hasNodes(s flow.Seq) bool {
	found := false
	s.Nodes(func(*flow.Node) { found = true })
	return found
}

func (w *flowWalk) switched(s *ast.SwitchStmt) flow.Seq {
	var out flow.Seq
	if s.Init != nil {
		out = w.statement(s.Init)
	}
	b := &flow.Branch{On: "which one holds"}
	var about fact
	if s.Tag != nil {
		out = append(out, w.expression(s.Tag)...)
		b.On, about = w.tag(s.Tag)
	}
	w.switches++
	defaulted, something := false, false
	for _, clause := range s.Body.List {
		clause, ok := clause.(*ast.CaseClause)
		if !ok {
			continue
		}
		arm := flow.Arm{When: "else", Seq: w.statements(clause.Body)}
		var words []string
		for _, e := range clause.List {
			words = append(words, w.caseWords(e, about, s.Tag == nil))
		}
		if len(words) > 0 {
			arm.When = strings.Join(words, " or ")
		} else {
			defaulted = true
		}
		something = something || len(arm.Seq) > 0
		b.Arms = append(b.Arms, arm)
	}
	w.switches--
	if !something {
		return out
	}
	if !defaulted {
		b.Arms = append(b.Arms, flow.Arm{When: about.otherwise()})
	}
	return append(out, flow.Part{Branch: b})
}

// over says what a loop goes through: values that are written out by themselves.
func (w *flowWalk) over(e ast.Expr) string {
	lit, ok := ast.Unparen(e).(*ast.CompositeLit)
	if !ok {
		return "for each of " + w.source(e)
	}
	var values []string
	for _, one := range lit.Elts {
		value := w.TypesInfo.Types[one].Value
		d, length := w.duration(one)
		switch {
		case length && named(w.TypesInfo.TypeOf(one), "time", "Duration"):
			values = append(values, criteria.LengthWords(d))
		case value != nil:
			values = append(values, value.ExactString())
		}
	}
	if len(values) < len(lit.Elts) || len(values) > 6 {
		return strconv.Itoa(len(lit.Elts)) + " times"
	}
	return "for each of " + strings.Join(values, ", ")
}

func (w *flowWalk) loop(over string, body *ast.BlockStmt) flow.Seq {
	open := w.switches
	w.switches = 0
	inside := w.statements(body.List)
	w.switches = open
	if !hasNodes(inside) {
		return nil
	}
	if n := len(inside); inside[n-1].End == flow.Again {
		inside = inside[:n-1]
	}
	return flow.Seq{{Loop: &flow.Loop{Over: over, Body: inside}}}
}

// expression are the steps of an expression's calls, in the order in which they are made.
func (w *flowWalk) expression(n ast.Node) flow.Seq {
	if n == nil {
		return nil
	}
	var out flow.Seq
	for _, call := range ownCalls(n) {
		out = append(out, w.call(call)...)
	}
	return out
}

func (w *flowWalk) call(call *ast.CallExpr) flow.Seq {
	if part, ok := w.step(call); ok {
		return flow.Seq{part}
	}
	f := w.callee(call)
	if f == nil || !takes(f.Signature(), rootPath, "Run") {
		return nil
	}
	inner, found := w.functions[f.FullName()]
	if !found || len(w.calling) >= maxInlined || slices.Contains(w.calling, f.FullName()) {
		return flow.Seq{{Node: &flow.Node{Kind: flow.Effect, Text: f.Name() + "()"}}}
	}
	calling := append(slices.Clone(w.calling), f.FullName())
	return withoutReturns(w.walk(inner, calling).statements(inner.decl.Body.List))
}
