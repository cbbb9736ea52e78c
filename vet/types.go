package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"strconv"

	"golang.org/x/tools/go/types/typeutil"
)

const (
	rootPath     = "github.com/hogsend/hogsend"
	workflowPath = "go.temporal.io/sdk/workflow"
)

// named reports whether t is the type of that name, by itself or behind a pointer.
func named(t types.Type, path, name string) bool {
	if pointer, ok := types.Unalias(t).(*types.Pointer); ok {
		t = pointer.Elem()
	}
	// workflow.Context is an alias of a type that is internal to the SDK.
	if alias, ok := t.(*types.Alias); ok && is(alias.Obj(), path, name) {
		return true
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	if path == workflowPath && is(n.Obj(), "go.temporal.io/sdk/internal", name) {
		return true
	}
	return is(n.Obj(), path, name)
}

func is(obj types.Object, path, name string) bool {
	return obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == path && obj.Name() == name
}

// takes reports whether a function has a parameter of that type.
func takes(signature *types.Signature, path, name string) bool {
	for v := range signature.Params().Variables() {
		if named(v.Type(), path, name) {
			return true
		}
	}
	return false
}

// receiver is the name of the type that a method belongs to; "" for a function.
func receiver(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return ""
	}
	t := types.Unalias(recv.Type())
	if pointer, ok := t.(*types.Pointer); ok {
		t = types.Unalias(pointer.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// inPackage is the name of a function, method (Type.Method) or variable in its package.
func inPackage(obj types.Object) string {
	if f, ok := obj.(*types.Func); ok && receiver(f) != "" {
		return receiver(f) + "." + f.Name()
	}
	return obj.Name()
}

// spelled is how an author writes obj, by the name of its package.
func spelled(obj types.Object) string {
	if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil {
		return inPackage(obj)
	}
	return obj.Pkg().Name() + "." + obj.Name()
}

// callee is the function or method that is called, nil if only a value is known.
func (c *code) callee(call *ast.CallExpr) *types.Func {
	f, _ := typeutil.Callee(c.TypesInfo, call).(*types.Func)
	if f == nil {
		return nil
	}
	return f.Origin()
}

// calls reports whether a call is of that function, or method Type.Method.
func (c *code) calls(call *ast.CallExpr, path string, names ...string) bool {
	f := c.callee(call)
	if f == nil || f.Pkg() == nil || f.Pkg().Path() != path {
		return false
	}
	for _, name := range names {
		if inPackage(f) == name {
			return true
		}
	}
	return false
}

// used is what an identifier or pkg.Name stands for.
func (c *code) used(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return c.TypesInfo.Uses[e]
	case *ast.SelectorExpr:
		return c.TypesInfo.Uses[e.Sel]
	}
	return nil
}

// text is the value of a constant string.
func (c *code) text(e ast.Expr) (string, bool) {
	value := c.TypesInfo.Types[e].Value
	if value == nil || value.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(value), true
}

// place names a position for people, the same on every machine.
func (c *code) place(pos token.Pos) string {
	p := c.Fset.Position(pos)
	return c.Pkg.Path() + "/" + filepath.Base(p.Filename) + ":" + strconv.Itoa(p.Line)
}

// packageVar is obj if it is a variable of a package.
func packageVar(obj types.Object) *types.Var {
	v, ok := obj.(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}
