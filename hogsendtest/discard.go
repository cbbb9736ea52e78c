package hogsendtest

import (
	"go/ast"
	"go/parser"
	"go/token"
)

// throwsAway reports whether the call at a line of a source file throws its error
// away: it stands alone, its error goes to _, or the variable it goes to is written
// again before it is read. A file that cannot be read throws nothing away.
func throwsAway(file string, line int) bool {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	found := false
	ast.Inspect(parsed, func(n ast.Node) bool {
		var list []ast.Stmt
		switch block := n.(type) {
		case *ast.BlockStmt:
			list = block.List
		case *ast.CaseClause:
			list = block.Body
		case *ast.CommClause:
			list = block.Body
		}
		for i, statement := range list {
			if holdsCall(set, statement, line) {
				found = found || discards(statement, list[i+1:])
			}
		}
		return true
	})
	return found
}

// holdsCall reports whether a statement by itself makes a call that starts at the line.
func holdsCall(set *token.FileSet, statement ast.Stmt, line int) bool {
	var e ast.Expr
	switch s := statement.(type) {
	case *ast.ExprStmt:
		e = s.X
	case *ast.AssignStmt:
		if len(s.Rhs) != 1 {
			return false
		}
		e = s.Rhs[0]
	default:
		return false
	}
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	if set.Position(c.Lparen).Line != line {
		return false
	}
	inner := false // the call is in a function that is handed over
	for _, arg := range c.Args {
		if fn, ok := arg.(*ast.FuncLit); ok && set.Position(fn.Pos()).Line <= line {
			inner = true
		}
	}
	return !inner
}

func discards(statement ast.Stmt, rest []ast.Stmt) bool {
	assign, ok := statement.(*ast.AssignStmt)
	if !ok {
		return true // a call that stands alone
	}
	last, ok := assign.Lhs[len(assign.Lhs)-1].(*ast.Ident)
	if !ok {
		return false
	}
	if last.Name == "_" {
		return true
	}
	for _, next := range rest {
		if reads(next, last.Name) {
			return false
		}
		if writes(next, last.Name) {
			return true
		}
	}
	return false
}

// reads reports whether a statement looks at a variable, anywhere in it.
func reads(statement ast.Stmt, name string) bool {
	written := map[*ast.Ident]bool{}
	ast.Inspect(statement, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok {
			for _, left := range assign.Lhs {
				if id, ok := left.(*ast.Ident); ok {
					written[id] = true
				}
			}
		}
		return true
	})
	found := false
	ast.Inspect(statement, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name && !written[id] {
			found = true
		}
		return true
	})
	return found
}

// writes reports whether a statement assigns to a variable, whatever happens.
func writes(statement ast.Stmt, name string) bool {
	assign, ok := statement.(*ast.AssignStmt)
	if !ok {
		return false
	}
	for _, left := range assign.Lhs {
		if id, ok := left.(*ast.Ident); ok && id.Name == name {
			return true
		}
	}
	return false
}
