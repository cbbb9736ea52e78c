package email

import (
	"cmp"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"reflect"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/email/kit"
	"github.com/hogsend/hogsend/internal/email/markup"
)

// Compile parses and checks every template: each field a template reads must be
// one of its props type, also in branches that are not taken, and each template is
// executed with its zero props and every example. All problems of all templates
// are in the one error, sorted, a line each (E-2). Keys and categories are checked
// by the registry's own Validate; of two templates with one key the later counts.
func Compile(registry hogsend.Registry) (*Renderer, error) {
	r := &Renderer{templates: map[string]*compiled{}}
	definitions := map[string]hogsend.Template{}
	for _, t := range registry.Templates {
		if t.Layout == "" {
			t.Layout = registry.Layout
		}
		definitions[t.Key] = t
	}
	var problems []string
	asked := newAnswers()
	for key, t := range definitions {
		c := &compiler{compiled: &compiled{Template: t, answers: asked}, schemes: registry.LinkSchemes}
		c.compile()
		r.templates[key] = c.compiled
		problems = append(problems, c.problems...)
	}
	for name, to := range registry.Addresses {
		if _, err := address.Parse(to); err != nil {
			problems = append(problems, fmt.Sprintf("Addresses %q: %s", name, err))
		}
	}
	if len(problems) == 0 {
		return r, nil
	}
	slices.Sort(problems)
	return nil, errors.New(strings.Join(slices.Compact(problems), "\n"))
}

type compiler struct {
	*compiled
	schemes  []string
	problems []string
}

func (c *compiler) problem(field, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("template %s: %s: %s", c.Key, field, fmt.Sprintf(format, args...)))
}

func (c *compiler) compile() {
	c.propsType()
	c.subject = c.parseText("Subject", c.Subject, true)
	c.text = c.parseText("Text", c.Text, false)
	c.preview = c.parseText("Preview", c.Preview, false)
	if strings.TrimSpace(c.HTML) == "" && c.text != nil {
		c.plain()
	} else {
		c.parseHTML()
	}
	if _, err := Files(c.Files); err != nil {
		c.problem("Files", "%s", err.(*hogsend.ValidationError).Message) //nolint:errorlint,forcetypeassert // it is of no other type
	}
	if len(c.problems) > 0 {
		return
	}
	if err := c.localize(); err != nil {
		c.problem("HTML", "%s", templateError(err))
		return
	}
	c.execute()
}

func (c *compiler) propsType() {
	c.props = reflect.TypeFor[struct{}]()
	if c.Props == nil {
		if len(c.Examples) > 0 {
			c.problem("Examples", "a template without props takes none")
		}
		return
	}
	t := reflect.TypeOf(c.Props)
	if t.Kind() != reflect.Struct {
		c.problem("Props", "must be a struct, not %s", t)
		return
	}
	c.props = t
	for name, example := range c.Examples {
		if reflect.TypeOf(example) != t {
			c.problem("Examples."+name, "must be %s, not %T", t, example)
		}
	}
}

func (c *compiler) parseText(field, source string, required bool) *texttemplate.Template {
	if strings.TrimSpace(source) == "" {
		if required {
			c.problem(field, "is missing")
		}
		return nil
	}
	t, err := texttemplate.New(field).Funcs(c.functions()).Parse(source)
	if err != nil {
		c.problem(field, "%s", templateError(err))
		return nil
	}
	c.check(field, t.Tree, func(name string) *parse.Tree {
		if other := t.Lookup(name); other != nil {
			return other.Tree
		}
		return nil
	})
	for _, each := range t.Templates() {
		if each.Tree != nil {
			(&printer{}).node(each.Root)
		}
	}
	return t
}

// plain checks a template without HTML (E-85).
func (c *compiler) plain() {
	c.Layout = ""
	if c.preview != nil {
		c.problem("Preview", "a plain text mail has none")
	}
	for _, f := range c.Files {
		if f.Inline != "" {
			c.problem("Files", "%s: there is no HTML to show it in", f.Name)
		}
	}
}

func (c *compiler) parseHTML() {
	if strings.TrimSpace(c.HTML) == "" {
		c.problem("HTML", "is missing")
		return
	}
	root := htmltemplate.New(layoutName).Funcs(c.functions())
	layout := cmp.Or(c.Layout, `{{template "content" .}}`)
	c.markers, c.sources = markup.NewMarkers(layout, c.HTML), map[string]string{}
	c.hide("Layout", layoutName, layout)
	c.hide("HTML", contentName, c.HTML)
	if _, err := root.Parse(c.sources[layoutName]); err != nil {
		c.problem("Layout", "%s", templateError(err))
		return
	}
	body, err := root.New(contentName).Parse(c.sources[contentName])
	if err != nil {
		c.problem("HTML", "%s", templateError(err))
		return
	}
	find := func(name string) *parse.Tree {
		if other := root.Lookup(name); other != nil {
			return other.Tree
		}
		return nil
	}
	c.check("HTML", body.Tree, find)
	used := c.check("Layout", root.Lookup(layoutName).Tree, func(name string) *parse.Tree {
		if name == contentName {
			return nil // has been checked as HTML
		}
		return find(name)
	})
	if !used[contentName] {
		c.problem("Layout", `must print {{template "content" .}}`)
	}
	for _, each := range root.Templates() {
		if each.Tree != nil {
			(&printer{source: each.Tree.ParseName, text: c.sources[each.Tree.ParseName]}).node(each.Tree.Root)
		}
	}
	c.html = root
}

// hide puts the kit's elements into a source and keeps its conditional comments out of
// html/template's way (E-76, E-90).
func (c *compiler) hide(field, name, source string) {
	expanded, problems := kit.Expand(source)
	hidden, others := c.markers.Hide(expanded)
	c.sources[name] = hidden
	for _, problem := range append(problems, others...) {
		c.problem(field, "%s", problem)
	}
}

// check walks a tree and returns the names of the templates it calls.
func (c *compiler) check(field string, tree *parse.Tree, find func(string) *parse.Tree) map[string]bool {
	checker := newTreeChecker(c.props, find, func(problem string) { c.problem(field, "%s", problem) })
	checker.tree(tree, dataType)
	return checker.called
}

// execute renders with zero props and with every example. An empty subject is a
// problem of an example only: zero props are nobody's mail.
func (c *compiler) execute() {
	try := func(name string, props any) {
		of, failure := c.with(lenient, c.schemes)
		if name != zeroProps {
			of, failure = c.with("UTC", c.schemes)
		}
		if failure != nil {
			c.problem("HTML", "with %s: %s", name, templateError(failure))
			return
		}
		r, err := of.render(c.data(Input{Contact: sampleContact, PublicURL: sampleURL, UnsubscribeURL: sampleURL, PreferencesURL: sampleURL}, props))
		switch {
		case err != nil:
			c.problem(err.field, "with %s: %s", name, templateError(err.cause))
			return
		case name != zeroProps:
			if problem := subjectProblem(r.Subject); problem != "" {
				c.problem("Subject", "with %s: %s", name, problem)
			}
		}
	}
	if c.html == nil {
		c.tryAll(try)
		return
	}
	c.rememberSheets()
	// Now that it has been executed, html/template has put its filters in.
	c.html.Funcs(guards(c.schemes))
	c.tryAll(try)
}

func (c *compiler) tryAll(try func(name string, props any)) {
	try(zeroProps, reflect.Zero(c.props).Interface())
	for name, example := range c.Examples {
		try("example "+name, example)
	}
}

const (
	zeroProps = "zero props"
	sampleURL = "https://example.com"
)

// rememberSheets parses the style blocks once, so that rendering does not.
func (c *compiler) rememberSheets() {
	var b strings.Builder
	data := c.data(Input{Contact: sampleContact}, reflect.Zero(c.props).Interface())
	if err := c.html.Execute(&b, data); err != nil {
		return // is reported when it is tried
	}
	text, _ := c.markers.Take(b.String())
	if doc, err := markup.Parse(text); err == nil {
		c.sheets = doc.Sheets()
	}
}

// localize prepares a template that prints dates.
func (c *compiler) localize() error {
	found := false
	for _, source := range []string{c.Subject, c.HTML, c.Text, c.Preview, c.Layout} {
		found = found || callsLocal.MatchString(source)
	}
	if !found {
		return nil
	}
	var html *htmltemplate.Template
	var err error
	if c.html != nil {
		html, err = c.html.Clone()
	}
	c.local = &localized{html: html, schemes: c.schemes, zones: map[string]*compiled{}}
	return err
}
