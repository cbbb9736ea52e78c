package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// mailsFact tells which templates a package defines, and which of its mails are of
// templates that it does not know.
type mailsFact struct {
	Module    string
	Templates []mailTemplate
	Mails     []mail
}

// AFact marks the type for package analysis.
func (*mailsFact) AFact() {}

func (f *mailsFact) String() string { return "mails" }

// unknown stands for a type or category that no constant tells.
const unknown = "?"

const transactional = "transactional"

type mailTemplate struct {
	Key      string
	Var      string // the variable of a hogsend.For, with its package
	Props    string // a type, "" for none
	Category string
}

type mail struct {
	Template string // the key, or the variable of a hogsend.For
	Props    string // a type, "" for none
	Category string
	// Barred is a journey that sends it and that people who unsubscribed never enter.
	Barred string
	Place  string
}

// mails reports props that are not of their template's type, and transactional mails in
// journeys that people who unsubscribed never enter (T-46).
func (c *code) mails() {
	if c.Pkg.Path() == rootPath {
		return // it makes templates of templates
	}
	f := &mailFinder{code: c, fact: &mailsFact{Module: c.Module.Path}, at: map[mail]token.Pos{}, typed: map[*ast.CompositeLit]string{}}
	f.assignments()
	f.variables()
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				f.value(n)
			case *ast.CallExpr:
				f.call(n)
			}
			return true
		})
	}
	f.bar()
	f.judge()
	if len(f.fact.Templates)+len(f.fact.Mails) > 0 {
		c.ExportPackageFact(f.fact)
	}
}

type mailFinder struct {
	*code
	fact  *mailsFact
	at    map[mail]token.Pos
	typed map[*ast.CompositeLit]string // the props types that hogsend.For gives to templates
	vars  map[*ast.CompositeLit]string // the variables that hold them
	// assigned are fields such as Template.Props that the package sets somewhere, so that
	// a literal without them says nothing.
	assigned map[string]bool
}

// assignments finds which fields are set outside of literals.
func (f *mailFinder) assignments() {
	f.assigned = map[string]bool{}
	for _, file := range f.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if assign, ok := n.(*ast.AssignStmt); ok {
				for _, left := range assign.Lhs {
					selector, ok := left.(*ast.SelectorExpr)
					if !ok {
						continue
					}
					for _, typeName := range []string{"Template", "Email", "Journey"} {
						if named(f.TypesInfo.TypeOf(selector.X), rootPath, typeName) {
							f.assigned[typeName+"."+selector.Sel.Name] = true
						}
					}
				}
			}
			return true
		})
	}
}

// variables finds the templates that hogsend.For makes, and the variables that hold them.
func (f *mailFinder) variables() {
	f.vars = map[*ast.CompositeLit]string{}
	for _, file := range f.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if lit, props := f.forCall(n); lit != nil {
					f.typed[lit] = props
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i >= len(n.Values) {
						continue
					}
					if call, ok := ast.Unparen(n.Values[i]).(*ast.CallExpr); ok {
						if lit, _ := f.forCall(call); lit != nil {
							f.vars[lit] = f.variable(f.TypesInfo.Defs[name])
						}
					}
				}
			}
			return true
		})
	}
}

// forCall is the template and the props type of a call of hogsend.For.
func (f *mailFinder) forCall(call *ast.CallExpr) (*ast.CompositeLit, string) {
	if len(call.Args) != 1 || !f.calls(call, rootPath, "For") {
		return nil, ""
	}
	lit, ok := ast.Unparen(call.Args[0]).(*ast.CompositeLit)
	if !ok {
		return nil, ""
	}
	result, ok := types.Unalias(f.TypesInfo.TypeOf(call)).(*types.Named)
	if !ok || result.TypeArgs().Len() != 1 {
		return lit, unknown
	}
	return lit, typeText(result.TypeArgs().At(0))
}

// variable names a package variable for other packages.
func (f *mailFinder) variable(obj types.Object) string {
	if v := packageVar(obj); v != nil {
		return v.Pkg().Path() + "." + v.Name()
	}
	return ""
}

// value notes a template or a mail that is written out.
func (f *mailFinder) value(lit *ast.CompositeLit) {
	t := f.TypesInfo.TypeOf(lit)
	switch {
	case t == nil || byPosition(lit):
	case named(t, rootPath, "Template"):
		key, ok := field(lit, "Key")
		if !ok {
			return
		}
		found := mailTemplate{Var: f.vars[lit], Category: f.constant(lit, "Template", "Category")}
		if found.Key, ok = f.text(key); !ok {
			found.Key = unknown
		}
		if found.Props, ok = f.typed[lit]; !ok {
			found.Props = f.props(lit, "Template")
		}
		f.fact.Templates = append(f.fact.Templates, found)
	case named(t, rootPath, "Email"):
		value, ok := field(lit, "Template")
		if !ok {
			return
		}
		if key, ok := f.text(value); ok {
			f.uses(mail{Template: key, Props: f.props(lit, "Email"), Category: f.constant(lit, "Email", "Category")}, lit.Pos())
		}
	}
}

// call notes a mail that a variable of hogsend.For makes: the compiler sees to its props.
func (f *mailFinder) call(call *ast.CallExpr) {
	if !f.calls(call, rootPath, "Mail.With") {
		return
	}
	category := ""
	if f.assigned["Email.Category"] {
		category = unknown
	}
	selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	if name := f.variable(f.used(selector.X)); name != "" {
		f.uses(mail{Template: name, Props: unknown, Category: category}, call.Pos())
	}
}

func (f *mailFinder) uses(m mail, pos token.Pos) {
	if f.ignores(pos) {
		return
	}
	m.Place = f.place(pos)
	f.at[m] = pos
	f.fact.Mails = append(f.fact.Mails, m)
}

// props is the type of the field Props of a literal.
func (f *mailFinder) props(lit *ast.CompositeLit, typeName string) string {
	value, ok := field(lit, "Props")
	switch {
	case !ok && f.assigned[typeName+".Props"]:
		return unknown
	case !ok || f.TypesInfo.Types[value].IsNil():
		return ""
	}
	return typeText(f.TypesInfo.TypeOf(value))
}

// constant is the constant text of a field, "" when it is not given.
func (f *mailFinder) constant(lit *ast.CompositeLit, typeName, name string) string {
	value, ok := field(lit, name)
	if !ok {
		if f.assigned[typeName+"."+name] {
			return unknown
		}
		return ""
	}
	if text, ok := f.text(value); ok {
		return text
	}
	return unknown
}

// typeText names a type for all packages, also behind a pointer. Of an interface and of a
// type parameter nothing is known.
func typeText(t types.Type) string {
	if pointer, ok := types.Unalias(t).(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if types.IsInterface(t) {
		return unknown
	}
	return types.TypeString(types.Unalias(t), nil)
}

// bar marks the mails in the code of journeys that people who unsubscribed never enter.
func (f *mailFinder) bar() {
	for _, file := range f.files {
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !named(f.TypesInfo.TypeOf(lit), rootPath, "Journey") {
				return true
			}
			category := f.constant(lit, "Journey", "Category")
			enrolls, given := field(lit, "EnrollUnsubscribed")
			if given && !f.isBool(enrolls, false) || f.assigned["Journey.EnrollUnsubscribed"] || category == transactional || category == unknown {
				return true
			}
			if run, ok := field(lit, "Run"); ok {
				if root := f.nodes[f.used(run)]; root != nil {
					f.barFrom(root, f.constant(lit, "Journey", "ID"))
				}
			}
			return true
		})
	}
}

// barFrom marks the mails in a function and in those of the package that it leads to.
func (f *mailFinder) barFrom(root *node, id string) {
	reached := f.reachable(root)
	for _, file := range f.files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !slices.Contains(reached, f.nodes[f.TypesInfo.Defs[fn.Name]]) {
				continue
			}
			for i, m := range f.fact.Mails {
				if pos := f.at[m]; m.Barred == "" && fn.Pos() <= pos && pos < fn.End() {
					f.fact.Mails[i].Barred = id
					f.at[f.fact.Mails[i]] = pos
				}
			}
		}
	}
}

// judge reports what is wrong with the mails whose templates are known here. The others
// are left to the package that holds the registry.
func (f *mailFinder) judge() {
	templates := slices.Clone(f.fact.Templates)
	var elsewhere []mail
	for _, imported := range f.AllPackageFacts() {
		if fact, ok := imported.Fact.(*mailsFact); ok && imported.Package != f.Pkg {
			templates = append(templates, fact.Templates...)
			if fact.Module == f.Module.Path {
				elsewhere = append(elsewhere, fact.Mails...)
			}
		}
	}
	var open []mail
	for _, m := range f.fact.Mails {
		t, found := templateOf(m, templates)
		for _, problem := range m.problems(t, found) {
			f.report(f.at[m], "%s", problem)
		}
		if m.Category != "" {
			m.Barred = "" // that is told
		}
		if !found && (m.Barred != "" || m.Props != "") {
			open = append(open, m)
		}
	}
	f.fact.Mails = open
	registry := f.registry()
	if !registry.IsValid() {
		return
	}
	slices.SortFunc(elsewhere, func(a, b mail) int { return strings.Compare(a.Place+a.Template, b.Place+b.Template) })
	for _, m := range elsewhere {
		if t, found := templateOf(m, templates); found {
			for _, problem := range m.problems(t, found) {
				f.report(registry, "%s (%s)", problem, m.Place)
			}
		}
	}
}

// registry is where the package holds one.
func (f *mailFinder) registry() (found token.Pos) {
	for _, file := range f.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && len(lit.Elts) > 0 && !found.IsValid() && named(f.TypesInfo.TypeOf(lit), rootPath, "Registry") {
				found = lit.Pos()
			}
			return true
		})
	}
	return found
}

// templateOf is the template of a mail. Of a key that is defined twice nothing is known.
func templateOf(m mail, templates []mailTemplate) (found mailTemplate, ok bool) {
	for _, t := range templates {
		if t.Key == m.Template || t.Var != "" && t.Var == m.Template {
			if ok && t != found {
				return mailTemplate{}, false
			}
			found, ok = t, true
		}
	}
	return found, ok
}

// problems are what is wrong with a mail of a template, as far as that is found.
func (m mail) problems(t mailTemplate, found bool) (all []string) {
	if found && m.Props != "" && m.Props != unknown && t.Props != unknown && m.Props != t.Props && (t.Props != "" || m.Props != "struct{}") {
		want := "has none"
		if t.Props != "" {
			want = "takes " + t.Props
		}
		all = append(all, "the props are "+m.Props+", and template "+strconv.Quote(t.Key)+" "+want)
	}
	category := m.Category
	if category == "" && found {
		category = t.Category
	}
	if m.Barred != "" && category == transactional {
		all = append(all, "warning: a transactional mail in journey "+strconv.Quote(m.Barred)+", which people who unsubscribed never enter: make the journey transactional, or set EnrollUnsubscribed")
	}
	return all
}
