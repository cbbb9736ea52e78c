package email

import (
	"fmt"
	"reflect"
	"strings"
	"text/template/parse"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/naming"
)

var dataType = reflect.TypeFor[hogsend.TemplateData]()

// treeChecker follows the types through a template without executing it, so that a
// misspelt field is found in every branch (E-2). A nil type is one that only
// execution knows; whatever is read of it passes.
type treeChecker struct {
	props  reflect.Type
	find   func(name string) *parse.Tree
	report func(problem string)
	// called are the names of all templates that are called.
	called map[string]bool

	visited   map[visit]bool
	variables []variable
}

type visit struct {
	tree *parse.Tree
	dot  reflect.Type
}

type variable struct {
	name string
	kind reflect.Type
}

func newTreeChecker(props reflect.Type, find func(string) *parse.Tree, report func(string)) *treeChecker {
	return &treeChecker{props: props, find: find, report: report, called: map[string]bool{}, visited: map[visit]bool{}}
}

func (c *treeChecker) tree(t *parse.Tree, dot reflect.Type) {
	if t == nil || t.Root == nil || c.visited[visit{t, dot}] {
		return
	}
	c.visited[visit{t, dot}] = true
	outer := c.variables
	c.variables = []variable{{"$", dot}}
	c.node(t.Root, dot)
	c.variables = outer
}

func (c *treeChecker) node(n parse.Node, dot reflect.Type) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			c.node(child, dot)
		}
	case *parse.ActionNode:
		c.pipe(n.Pipe, dot)
	case *parse.IfNode:
		c.branch(func() {
			c.pipe(n.Pipe, dot)
			c.node(n.List, dot)
			c.node(n.ElseList, dot)
		})
	case *parse.WithNode:
		c.branch(func() {
			inside := c.pipe(n.Pipe, dot)
			c.node(n.List, inside)
			c.node(n.ElseList, dot)
		})
	case *parse.RangeNode:
		c.branch(func() { c.rangeNode(n, dot) })
	case *parse.TemplateNode:
		c.called[n.Name] = true
		inside := c.pipe(n.Pipe, dot)
		c.tree(c.find(n.Name), inside)
	}
}

// branch forgets the variables declared inside.
func (c *treeChecker) branch(inside func()) {
	depth := len(c.variables)
	inside()
	c.variables = c.variables[:depth]
}

func (c *treeChecker) rangeNode(n *parse.RangeNode, dot reflect.Type) {
	key, element := elementsOf(c.commands(n.Pipe, dot))
	switch len(n.Pipe.Decl) {
	case 1:
		c.declare(n.Pipe, n.Pipe.Decl[0], element)
	case 2:
		c.declare(n.Pipe, n.Pipe.Decl[0], key)
		c.declare(n.Pipe, n.Pipe.Decl[1], element)
	}
	c.node(n.List, element)
	c.node(n.ElseList, dot)
}

func elementsOf(t reflect.Type) (key, element reflect.Type) {
	if t = concrete(t); t == nil {
		return nil, nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return reflect.TypeFor[int](), known(t.Elem())
	case reflect.Map:
		return known(t.Key()), known(t.Elem())
	}
	return nil, nil
}

// pipe is the type of a pipeline, which it also gives to the variables it sets.
func (c *treeChecker) pipe(p *parse.PipeNode, dot reflect.Type) reflect.Type {
	t := c.commands(p, dot)
	if p != nil {
		for _, v := range p.Decl {
			c.declare(p, v, t)
		}
	}
	return t
}

func (c *treeChecker) commands(p *parse.PipeNode, dot reflect.Type) reflect.Type {
	if p == nil {
		return nil
	}
	var result reflect.Type
	for _, command := range p.Cmds {
		types := make([]reflect.Type, len(command.Args))
		for i, argument := range command.Args {
			types[i] = c.value(argument, dot)
		}
		result = nil
		if len(p.Cmds) == 1 && len(types) == 1 {
			result = types[0]
		}
	}
	return result
}

func (c *treeChecker) declare(p *parse.PipeNode, v *parse.VariableNode, t reflect.Type) {
	name := v.Ident[0]
	if !p.IsAssign {
		c.variables = append(c.variables, variable{name, t})
		return
	}
	for i := len(c.variables) - 1; i >= 0; i-- {
		if c.variables[i].name == name {
			if c.variables[i].kind != t {
				c.variables[i].kind = nil // depends on the branch taken
			}
			return
		}
	}
}

func (c *treeChecker) value(n parse.Node, dot reflect.Type) reflect.Type {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.chain(dot, n.Ident, "")
	case *parse.VariableNode:
		for i := len(c.variables) - 1; i >= 0; i-- {
			if c.variables[i].name == n.Ident[0] {
				return c.chain(c.variables[i].kind, n.Ident[1:], n.Ident[0])
			}
		}
	case *parse.ChainNode:
		return c.chain(c.value(n.Node, dot), n.Field, "(…)")
	case *parse.PipeNode:
		return c.pipe(n, dot)
	}
	return nil
}

// chain follows .A.B.C from a type.
func (c *treeChecker) chain(t reflect.Type, fields []string, start string) reflect.Type {
	for i, field := range fields {
		if t == dataType && field == "Props" {
			t = c.props
			continue
		}
		next, ok := member(t, field)
		if !ok {
			c.report(fmt.Sprintf("%s.%s: %s has no field %s%s", start, strings.Join(fields[:i+1], "."), c.describe(t), field,
				naming.Suggestion(field, membersOf(t))))
			return nil
		}
		if t = next; t == nil {
			return nil
		}
	}
	return t
}

func (c *treeChecker) describe(t reflect.Type) string {
	switch {
	case t == dataType:
		return "a template"
	case t == reflect.TypeFor[struct{}]():
		return "a template without props"
	}
	return concrete(t).String()
}

// member is the type of a field or method; nil with ok is one that only execution knows.
func member(t reflect.Type, name string) (reflect.Type, bool) {
	if t == nil {
		return nil, true
	}
	if method, ok := t.MethodByName(name); ok {
		if method.Type.NumOut() > 0 {
			return known(method.Type.Out(0)), true
		}
		return nil, true
	}
	if t = concrete(t); t == nil {
		return nil, true
	}
	switch t.Kind() {
	case reflect.Struct:
		if f, ok := t.FieldByName(name); ok && f.IsExported() {
			return known(f.Type), true
		}
		// What a template gets from a slice or through a pointer can be addressed.
		_, ok := reflect.PointerTo(t).MethodByName(name)
		return nil, ok
	case reflect.Map:
		return known(t.Elem()), true
	}
	return nil, false
}

func membersOf(t reflect.Type) []string {
	var names []string
	if t = concrete(t); t != nil && t.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// known is t, or nil if its values can be of any type.
func known(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Interface {
		return nil
	}
	return t
}

// concrete is what a template sees through a pointer.
func concrete(t reflect.Type) reflect.Type {
	if t != nil && t.Kind() == reflect.Pointer {
		return known(t.Elem())
	}
	return t
}
