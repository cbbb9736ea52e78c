package vet

import (
	"go/ast"
)

// remembersNow notes which variables hold workflow.Now.
func (w *walker) remembersNow(n *ast.AssignStmt) {
	if len(n.Lhs) != len(n.Rhs) {
		return
	}
	for i, left := range n.Lhs {
		id, ok := left.(*ast.Ident)
		if !ok {
			continue
		}
		obj := w.TypesInfo.ObjectOf(id)
		if obj == nil {
			continue
		}
		w.nows[obj] = w.isNow(n.Rhs[i])
	}
}

func (w *walker) isNow(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		return w.calls(e, workflowPath, "Now")
	case *ast.Ident:
		return w.nows[w.TypesInfo.Uses[e]]
	}
	return false
}

// comparesNow finds workflow.Now compared with another instant (T-24).
func (w *walker) comparesNow(call *ast.CallExpr) {
	fun, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || len(call.Args) != 1 || !w.calls(call, "time", "Time.After", "Time.Before", "Time.Compare", "Time.Equal") {
		return
	}
	if w.isNow(fun.X) || w.isNow(call.Args[0]) {
		w.did(ownCall, call.Pos(), "compares workflow.Now with a deadline", "a wait with Until, or run.SleepUntil, is recorded and shown")
	}
}
