package email_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

type props struct {
	Name  string            `json:"name"`
	Plan  *plan             `json:"plan"`
	Items []item            `json:"items"`
	Notes map[string]string `json:"notes"`
	Any   any               `json:"any"`
	priv  string            //nolint:unused // a template asks for it and must not get it
}

type plan struct{ Title string }

type item struct {
	Label string `json:"label"`
	Sub   []plan `json:"sub"`
}

func (i item) Upper() string    { return strings.ToUpper(i.Label) }
func (i *item) Pointed() string { return i.Label }

func template(change func(*hogsend.Template)) hogsend.Template {
	t := hogsend.Template{Key: "t", Subject: "Hello", HTML: "<p>Hi</p>", Props: props{}}
	change(&t)
	return t
}

// E-2: a field that the props type does not have is refused, also in a branch that
// neither the zero props nor an example takes.
func TestFieldsThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, problem string }{
		{"top level", `{{.Props.Nmae}}`, `.Props.Nmae: email_test.props has no field Nmae, did you mean "Name"?`},
		{"of the data", `{{.Porps.Name}}`, `.Porps: a template has no field Porps, did you mean "Props"?`},
		{"branch not taken", `{{if .Props.Name}}{{.Props.X}}{{end}}`, `.Props.X: email_test.props has no field X`},
		{"else branch", `{{if .Name}}a{{else}}{{.Props.X}}{{end}}`, `.Props.X: email_test.props has no field X`},
		{"inside range", `{{range .Props.Items}}{{.Lable}}{{end}}`, `.Lable: email_test.item has no field Lable, did you mean "Label"?`},
		{"range variable", `{{range $i, $x := .Props.Items}}{{$x.Lable}}{{end}}`, `$x.Lable: email_test.item has no field Lable, did you mean "Label"?`},
		{"single range variable", `{{range $x := .Props.Items}}{{$x.Nope}}{{end}}`, `$x.Nope: email_test.item has no field Nope`},
		{"nested range", `{{range .Props.Items}}{{range .Sub}}{{.Titel}}{{end}}{{end}}`, `.Titel: email_test.plan has no field Titel, did you mean "Title"?`},
		{"through a pointer", `{{with .Props.Plan}}{{.Titel}}{{end}}`, `.Titel: email_test.plan has no field Titel, did you mean "Title"?`},
		{"dollar", `{{range .Props.Items}}{{$.Props.X}}{{end}}`, `$.Props.X: email_test.props has no field X`},
		{"variable", `{{$p := .Props}}{{if .Props.Name}}{{$p.X}}{{end}}`, `$p.X: email_test.props has no field X`},
		{"argument", `{{if .Props.Name}}{{printf "%s" .Props.X}}{{end}}`, `.Props.X: email_test.props has no field X`},
		{"parentheses", `{{if .Props.Name}}{{(.Props.Plan).X}}{{end}}`, `(…).X: email_test.plan has no field X`},
		{"called template", `{{define "row"}}{{.X}}{{end}}{{range .Props.Items}}{{template "row" .}}{{end}}`, `.X: email_test.item has no field X`},
		{"unexported", `{{if .Props.Name}}{{.Props.priv}}{{end}}`, `.Props.priv: email_test.props has no field priv`},
		{"field of a string", `{{if .Props.Name}}{{.Props.Name.X}}{{end}}`, `.Props.Name.X: string has no field X`},
		{"of the contact", `{{if .Props.Name}}{{.Contact.Mail}}{{end}}`, `.Contact.Mail: hogsend.Contact has no field Mail, did you mean "Email"?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{template(func(d *hogsend.Template) { d.HTML = "<p>" + test.source + "</p>" })}})
			require.EqualError(t, err, "template t: HTML: "+test.problem)
			_, err = email.Compile(hogsend.Registry{Templates: []hogsend.Template{template(func(d *hogsend.Template) { d.Text = test.source })}})
			require.EqualError(t, err, "template t: Text: "+test.problem)
		})
	}
}

// E-2: what only execution knows, and what is there, passes.
func TestFieldsThatExistAreAccepted(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`{{.Props.Name}} {{.Name}} {{.Contact.Email}} {{.Contact.Properties.plan}} {{.Subject}} {{.JourneyID}} {{.JourneyName}}`,
		`{{with .Props.Plan}}{{.Title}}{{end}}{{with .Props.Any}}{{.Whatever.Deep}}{{end}}`,
		`{{range $i, $x := .Props.Items}}{{$i}}{{$x.Upper}}{{.Pointed}}{{break}}{{else}}none{{end}}`,
		`{{range $k, $v := .Props.Notes}}{{$k}}={{$v}}{{end}}{{.Props.Notes.anything}}`,
		`{{$x := .Props.Name}}{{if .Name}}{{$x = .Props.Items}}{{end}}{{$x}}`,
		`{{index .Props.Notes "a"}}{{len .Props.Items | printf "%d"}}{{html .Props.Name}}`,
		`{{block "b" .Props}}{{.Name}}{{end}}`,
		`{{define "tree"}}{{range .Items}}{{.Label}}{{end}}{{end}}{{template "tree" .Props}}`,
	} {
		_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{template(func(d *hogsend.Template) { d.HTML = "<p>" + source + "</p>"; d.Text = source })}})
		require.NoError(t, err, source)
	}
}

// E-2: all problems of all templates are reported together, sorted.
func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := email.Compile(hogsend.Registry{
		Layout: `<html>{{template "content" .}}</html>`,
		Templates: []hogsend.Template{
			{Key: "zeta", Subject: " ", HTML: "", Props: 7},
			{Key: "alpha", Subject: "{{.Props.X}}", HTML: "<p>{{if}}</p>", Text: "{{.Oops}}", Preview: "{{"},
			{Key: "layout", Subject: "s", HTML: "<p>", Layout: "<html>{{.Props.A}}</html>"},
			{Key: "pointer", Subject: "s", HTML: "<p>{{.Props.Plan.Title}}</p>", Props: props{}},
			{Key: "escape", Subject: "s", HTML: `<a href='{{if .Name}}"{{else}}'>{{end}}`},
			{Key: "examples", Subject: "{{.Props.Name}}", HTML: "<p>{{index .Props.Items 0}}</p>", Props: props{}, Examples: map[string]any{"wrong": plan{}}},
			{Key: "subject", Subject: "{{.Props.Name}}", HTML: "<p>", Props: props{}, Examples: map[string]any{"empty": props{}, "fine": props{Name: "x"}, "long": props{Name: strings.Repeat("é", 999)}}},
			{Key: "none", Subject: "s", HTML: "<p>", Examples: map[string]any{"a": plan{}}},
		},
	})
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.IsIncreasing(t, lines)
	for i, prefix := range []string{
		`template alpha: HTML: content:1: missing value for if`,
		`template alpha: Preview: Preview:1: unclosed action`,
		`template alpha: Subject: .Props.X: a template without props has no field X`,
		`template alpha: Text: .Oops: a template has no field Oops`,
		`template escape: HTML: with zero props: `,
		`template examples: Examples.wrong: must be email_test.props, not email_test.plan`,
		`template layout: Layout: .Props.A: a template without props has no field A`,
		`template layout: Layout: must print {{template "content" .}}`,
		`template none: Examples: a template without props takes none`,
		`template pointer: HTML: with zero props: content:1:`,
		`template subject: Subject: with example empty: is empty`,
		`template subject: Subject: with example long: is longer than 998 characters`,
		`template zeta: HTML: is missing`,
		`template zeta: Props: must be a struct, not int`,
		`template zeta: Subject: is missing`,
	} {
		require.Less(t, i, len(lines))
		require.True(t, strings.HasPrefix(lines[i], prefix), "%q\n%q", prefix, lines[i])
	}
	require.Len(t, lines, 15)
}

// E-1, E-2: the later definition of a key counts.
// E-83: where mails may go is told at start, all of it.
func TestAddressesAreChecked(t *testing.T) {
	t.Parallel()
	r := hogsend.Registry{Addresses: map[string]string{"sales": "sales@acme.example", "legal desk": "legal@acme.example", "ops": "ops", "two": "a@acme.example, b@acme.example"}}
	_, err := email.Compile(r)
	require.ErrorContains(t, err, `Addresses "ops": `)
	require.ErrorContains(t, err, `Addresses "two": `)
	require.NotContains(t, err.Error(), "sales")
	require.EqualError(t, r.Validate(), `Addresses "legal desk": the name must be 1 to 64 letters, digits, _ or -`)
}

func TestLaterDefinitionOverrides(t *testing.T) {
	t.Parallel()
	r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{
		{Key: "b", Subject: "first", HTML: "<p>"}, {Key: "a", Subject: "a", HTML: "<p>"}, {Key: "b", Subject: "second", HTML: "<p>", Override: true},
	}})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, r.Keys())
	definition, ok := r.Lookup("b")
	require.True(t, ok)
	require.Equal(t, "second", definition.Subject)
	_, ok = r.Lookup("c")
	require.False(t, ok)
}
