package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/hogsend/hogsend/internal/naming"
)

// thing is what a registry holds under names.
type thing string

const (
	template thing = "template"
	journey  thing = "journey"
	bucket   thing = "bucket"
	activity thing = "activity"
	event    thing = "event" // of which names need be declared only if one is
)

// namesFact tells which names a package defines and uses.
type namesFact struct {
	Module  string
	Defines []name
	Uses    []name
	// Open things are also defined under names that no constant tells.
	Open []thing
	// Registry is set where the package holds a registry: its names were checked.
	Registry bool
}

type name struct {
	Thing thing
	Name  string
	Place string
}

// AFact marks the type for package analysis.
func (*namesFact) AFact() {}

func (f *namesFact) String() string { return "names" }

func (f *namesFact) defines(t thing, id string) bool {
	return slices.ContainsFunc(f.Defines, func(n name) bool { return n.Thing == t && n.Name == id })
}

// names reports constant names that nothing defines (T-27): in the package that holds
// the registry, for itself and for all it imports. What is defined anywhere in those
// counts as registered. Activities are known where a program is made of them.
func (c *code) names() {
	if c.Pkg.Path() == rootPath {
		return // it makes definitions of definitions
	}
	f := &finder{code: c, fact: &namesFact{Module: c.Module.Path}, at: map[name]token.Pos{}}
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				f.value(n)
			case *ast.CallExpr:
				f.call(n)
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if len(n.Lhs) == len(n.Rhs) {
						f.assign(left, n.Rhs[i])
					}
				}
			}
			return true
		})
	}
	f.fact.Registry = f.registry.IsValid()
	if f.registry.IsValid() || f.options.IsValid() {
		f.judge()
	}
	if len(f.fact.Defines)+len(f.fact.Uses)+len(f.fact.Open) > 0 || f.fact.Registry {
		c.ExportPackageFact(f.fact)
	}
}

type finder struct {
	*code
	fact     *namesFact
	registry token.Pos
	options  token.Pos          // where a program is made, which is where activities are known
	at       map[name]token.Pos // of the uses in this package
}

// value finds the names in a composite literal of the public API.
func (f *finder) value(lit *ast.CompositeLit) {
	t := f.TypesInfo.TypeOf(lit)
	if t == nil {
		return
	}
	n, ok := types.Unalias(t).(*types.Named)
	if ok && n.Obj().Name() == "Options" && f.makesProgram(lit) && !f.options.IsValid() {
		f.options = lit.Pos()
	}
	if !ok || !is(n.Obj(), rootPath, n.Obj().Name()) {
		return
	}
	typeName := n.Obj().Name()
	if typeName == "Registry" && len(lit.Elts) > 0 && !f.registry.IsValid() {
		f.registry = lit.Pos()
	}
	for _, element := range lit.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			f.open(typeName) // by position
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); ok {
			f.field(typeName+"."+key.Name, pair.Value)
		}
	}
}

// makesProgram reports whether the value has a registry beside what else a program is made
// of, as Options of package app has.
func (f *finder) makesProgram(lit *ast.CompositeLit) bool {
	return slices.ContainsFunc(lit.Elts, func(element ast.Expr) bool {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		n, ok := types.Unalias(f.TypesInfo.TypeOf(pair.Value)).(*types.Named)
		return ok && is(n.Obj(), rootPath, "Registry")
	})
}

// assign finds a name in the assignment to a field.
func (f *finder) assign(left, right ast.Expr) {
	selector, ok := left.(*ast.SelectorExpr)
	if !ok {
		return
	}
	field, ok := f.TypesInfo.Uses[selector.Sel].(*types.Var)
	if !ok || !field.IsField() || field.Pkg() == nil || field.Pkg().Path() != rootPath {
		return
	}
	t := types.Unalias(f.TypesInfo.TypeOf(selector.X))
	if pointer, ok := t.(*types.Pointer); ok {
		t = types.Unalias(pointer.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		f.field(n.Obj().Name()+"."+field.Name(), right)
	}
}

// field finds what the value of a field of the public API names.
func (f *finder) field(field string, value ast.Expr) {
	switch field {
	case "Template.Key":
		f.define(template, value)
	case "Journey.ID":
		f.define(journey, value)
	case "Bucket.ID":
		f.define(bucket, value)
	case "Activity.Name":
		f.define(activity, value)
	case "EventType.Name":
		f.define(event, value)
	case "Journey.Activities":
		f.each(value, func(e ast.Expr) { f.use(activity, e) })
	case "Call.Activity":
		f.use(activity, value)
	case "Journey.Aliases":
		f.each(value, func(e ast.Expr) { f.define(journey, e) })
	case "Bucket.Aliases":
		f.each(value, func(e ast.Expr) { f.define(bucket, e) })
	case "Journey.Templates", "Reaction.Templates":
		f.each(value, func(e ast.Expr) { f.use(template, e) })
	case "Email.Template", "Throttle.Template", "EmailCondition.TemplateKey":
		f.use(template, value)
	case "Throttle.Journey":
		f.use(journey, value)
	case "Trigger.Event", "Exit.Event", "Wait.Event", "Digest.Event", "TriggerEvent.Event", "EventCondition.EventName":
		f.event(value)
	}
}

// open notes that a definition has a name that is not known.
func (f *finder) open(typeName string) {
	switch typeName {
	case "Template":
		f.fact.Open = append(f.fact.Open, template)
	case "Journey":
		f.fact.Open = append(f.fact.Open, journey)
	case "Bucket":
		f.fact.Open = append(f.fact.Open, bucket)
	case "Activity":
		f.fact.Open = append(f.fact.Open, activity)
	case "EventType":
		f.fact.Open = append(f.fact.Open, event)
	}
}

// each visits the elements of a slice that is written out.
func (f *finder) each(e ast.Expr, visit func(ast.Expr)) {
	if lit, ok := ast.Unparen(e).(*ast.CompositeLit); ok {
		for _, element := range lit.Elts {
			visit(element)
		}
	}
}

func (f *finder) call(call *ast.CallExpr) {
	at := func(i int, paths string, names ...string) (ast.Expr, bool) {
		if i >= len(call.Args) || !f.calls(call, paths, names...) {
			return nil, false
		}
		return call.Args[i], true
	}
	if e, ok := at(0, rootPath, "EmailEngagement"); ok {
		f.use(template, e)
	}
	if e, ok := at(1, rootPath, "History.Email"); ok {
		f.use(template, e)
	}
	if e, ok := at(1, rootPath, "History.Event"); ok {
		f.event(e)
	}
	if e, ok := at(1, rootPath, "History.Journey"); ok {
		f.use(journey, e)
	}
	if e, ok := at(0, rootPath, "Entered", "Left", "Dwell"); ok {
		f.use(bucket, e)
	}
	if e, ok := at(0, rootPath+"/members", "DB.Of"); ok {
		f.use(bucket, e)
	}
	if e, ok := at(0, rootPath, "On", "Event"); ok {
		f.event(e)
	}
}

// event finds the bucket in the name of a transition, or the name of an event that may
// have to be declared.
func (f *finder) event(e ast.Expr) {
	text, ok := f.text(e)
	if !ok {
		return
	}
	if text != "" && !naming.Reserved(text) {
		f.uses(name{event, text, f.place(e.Pos())}, e.Pos())
		return
	}
	parts := strings.Split(text, ":")
	if len(parts) >= 3 && parts[0] == "bucket" && slices.Contains([]string{"entered", "left", "dwell"}, parts[1]) {
		f.uses(name{bucket, parts[2], f.place(e.Pos())}, e.Pos())
	}
}

func (f *finder) define(t thing, e ast.Expr) {
	text, ok := f.text(e)
	if !ok {
		f.fact.Open = append(f.fact.Open, t)
		return
	}
	f.fact.Defines = append(f.fact.Defines, name{t, text, f.place(e.Pos())})
}

// use notes a constant name. The empty one has its own meaning everywhere.
func (f *finder) use(t thing, e ast.Expr) {
	if text, ok := f.text(e); ok && text != "" {
		f.uses(name{t, text, f.place(e.Pos())}, e.Pos())
	}
}

func (f *finder) uses(n name, pos token.Pos) {
	if !f.ignores(pos) {
		f.fact.Uses, f.at[n] = append(f.fact.Uses, n), pos
	}
}

// judge reports the names that neither this package nor what it imports defines.
func (f *finder) judge() {
	known := namesFact{Defines: slices.Clone(f.fact.Defines), Open: slices.Clone(f.fact.Open)}
	uses := slices.Clone(f.fact.Uses)
	for _, imported := range f.AllPackageFacts() {
		fact, ok := imported.Fact.(*namesFact)
		if !ok || imported.Package == f.Pkg {
			continue
		}
		known.Defines = append(known.Defines, fact.Defines...)
		if fact.Module == f.Module.Path {
			known.Open = append(known.Open, fact.Open...)
			for _, use := range fact.Uses {
				if !fact.Registry || use.Thing == activity {
					uses = append(uses, use)
				}
			}
		}
	}
	declared := slices.ContainsFunc(known.Defines, func(n name) bool { return n.Thing == event })
	slices.SortFunc(uses, func(a, b name) int { return strings.Compare(a.Place+a.Name, b.Place+b.Name) })
	for _, use := range uses {
		judged := f.fact.Registry
		if use.Thing == activity {
			judged = f.options.IsValid()
		}
		if !judged || use.Thing == event && !declared {
			continue // by another package, which knows what there is; or by nobody
		}
		if slices.Contains(known.Open, use.Thing) || known.defines(use.Thing, use.Name) || use.Thing == journey && known.reaction(use.Name) {
			continue
		}
		pos, here := f.at[use]
		if !here {
			at := f.registry
			if use.Thing == activity {
				at = f.options
			}
			f.report(at, "there is no %s %q%s (%s)", use.Thing, use.Name, known.suggestion(use), use.Place)
			continue
		}
		f.report(pos, "there is no %s %q%s", use.Thing, use.Name, known.suggestion(use))
	}
}

// reaction reports whether id is that of a reaction of a bucket (B-29).
func (f *namesFact) reaction(id string) bool {
	rest, found := strings.CutPrefix(id, "bucket-")
	if !found {
		return false
	}
	at := strings.LastIndex(rest, "-on-")
	return at > 0 && f.defines(bucket, rest[:at])
}

func (f *namesFact) suggestion(use name) string {
	var all []string
	for _, n := range f.Defines {
		if n.Thing == use.Thing {
			all = append(all, n.Name)
		}
	}
	return naming.Suggestion(use.Name, all)
}
