package email_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

func renderer(t testing.TB, templates ...hogsend.Template) *email.Renderer {
	t.Helper()
	r, err := email.Compile(hogsend.Registry{Templates: templates, Layout: `<!doctype html><html><head><style>p{color:red}</style></head><body>{{template "content" .}}<i>{{.Subject}}</i></body></html>`})
	require.NoError(t, err)
	return r
}

// E-4: what a template sees, escaped by context in HTML only.
func TestTemplateSeesItsData(t *testing.T) {
	t.Parallel()
	all := `{{.Props.Name}}|{{.Contact.ID}}|{{.Contact.ExternalID}}|{{.Contact.Email}}|{{.Contact.Timezone}}|{{.Contact.Properties.plan}}|{{.Name}}|{{.JourneyID}}|{{.JourneyName}}|{{.UnsubscribeURL}}|{{.PreferencesURL}}|{{.PublicURL}}`
	r := renderer(t, hogsend.Template{Key: "t", Subject: "S " + all, HTML: "<p>" + all + "</p>", Text: all + "|{{.Subject}}", Preview: "P {{.Props.Name}}\n{{.Subject}}", Props: props{}, Category: "news"})
	got, err := r.Render("t", email.Input{
		Props: json.RawMessage(`{"name":"<b>&"}`),
		Contact: hogsend.Contact{
			ID: "c1", ExternalID: "u1", Email: "ada@example.com", Timezone: "Europe/Berlin",
			Properties: hogsend.Properties{"plan": "pro", "name": "Ada L", "firstName": " Ada "},
		},
		JourneyID: "j", JourneyName: "Journey", UnsubscribeURL: "https://u", PreferencesURL: "https://p", PublicURL: "https://x",
	})
	require.NoError(t, err)
	line := "<b>&|c1|u1|ada@example.com|Europe/Berlin|pro|Ada|j|Journey|https://u|https://p|https://x"
	require.Equal(t, "S "+line, got.Subject)
	require.Equal(t, line+"|S "+line+"\n", got.Text)
	require.Equal(t, "P <b>& S "+line, got.Preview)
	require.Contains(t, got.HTML, `<p style="color:red">`+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(line)+"</p>")
	require.Contains(t, got.HTML, "P &lt;b&gt;&amp; S ")
	require.Equal(t, "news", got.Category)
}

// E-4: the name is the first that is not empty.
func TestNameOfAContact(t *testing.T) {
	t.Parallel()
	r := renderer(t, hogsend.Template{Key: "t", Subject: "Hi {{.Name}}!", HTML: "<p>"})
	for want, contact := range map[string]hogsend.Contact{
		"Hi Ada!":   {Email: "x@example.com", Properties: hogsend.Properties{"firstName": "Ada", "name": "Ada Lovelace"}},
		"Hi Ada L!": {Email: "x@example.com", Properties: hogsend.Properties{"firstName": " ", "name": "Ada L"}},
		"Hi x!":     {Email: "x@example.com", Properties: hogsend.Properties{"firstName": 7.0, "name": nil}},
		"Hi !":      {},
	} {
		got, err := r.Render("t", email.Input{Contact: contact})
		require.NoError(t, err)
		require.Equal(t, want, got.Subject)
	}
}

// E-4: a contact property that is not there prints nothing, in HTML and in text.
func TestMissingPropertyPrintsNothing(t *testing.T) {
	t.Parallel()
	const source = `[{{.Contact.Properties.nope}}{{with .Name}}{{$.Contact.Properties.nope}}{{end}}{{range .Props.Items}}{{$.Contact.Properties.nope}}{{end}}]`
	r := renderer(t, hogsend.Template{Key: "t", Subject: source, HTML: "<p>" + source + "</p>", Text: source, Props: props{}})
	got, err := r.Render("t", email.Input{Props: json.RawMessage(`{"items":[{}]}`), Contact: hogsend.Contact{Email: "a@b.example"}})
	require.NoError(t, err)
	require.Equal(t, "[]", got.Subject)
	require.Equal(t, "[]\n", got.Text)
	require.Contains(t, got.HTML, ">[]</p>")
}

// E-5: a rendered subject is one trimmed line of 1 to 998 characters.
func TestSubjectIsOneLine(t *testing.T) {
	t.Parallel()
	r := renderer(t, hogsend.Template{Key: "t", Subject: "{{.Props.Name}}", HTML: "<p>", Props: props{}})
	render := func(name, override string) (string, error) {
		raw, err := json.Marshal(map[string]string{"name": name})
		require.NoError(t, err)
		got, err := r.Render("t", email.Input{Props: raw, Subject: override})
		return got.Subject, err
	}
	got, err := render("\t a\r\nBcc: x\rb\nc\td \n", "")
	require.NoError(t, err)
	require.Equal(t, "a Bcc: x b c d", got)
	got, err = render(strings.Repeat("é", 998), "")
	require.NoError(t, err)
	require.Len(t, []rune(got), 998)
	got, err = render("", "Mine {{.X}}\n")
	require.NoError(t, err)
	require.Equal(t, "Mine {{.X}}", got)

	for _, test := range []struct{ name, override, field string }{
		{strings.Repeat("é", 999), "", "props"}, {" \n", "", "props"}, {"x", strings.Repeat("s", 999), "subject"},
	} {
		_, err = render(test.name, test.override)
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, test.field, invalid.Field)
	}
}

// E-3, E-6: keys and props that do not fit are validation errors.
func TestWhatDoesNotFitIsAValidationError(t *testing.T) {
	t.Parallel()
	r := renderer(t,
		hogsend.Template{Key: "trial/ending", Subject: "s", HTML: "<p>{{.Props.Name}}</p>", Props: props{}},
		hogsend.Template{Key: "fails", Subject: "s", HTML: `<p>{{if .Props.Name}}{{.Props.Plan.Title}}{{end}}</p>`, Props: props{}},
		hogsend.Template{Key: "none", Subject: "s", HTML: "<p>"})
	for _, test := range []struct{ key, props, field, message string }{
		{"trial/endign", ``, "template", `there is no template "trial/endign", did you mean "trial/ending"?`},
		{"zzzzzzzzzzzzzzzzz", ``, "template", `there is no template "zzzzzzzzzzzzzzzzz"`},
		{"trial/ending", `{"nmae":"x"}`, "props", `unknown field "nmae"`},
		{"trial/ending", `{"name":7}`, "props", `cannot unmarshal number`},
		{"trial/ending", `[]`, "props", `cannot unmarshal array`},
		{"trial/ending", `{} {}`, "props", `has more than one JSON value`},
		{"trial/ending", `{"name":`, "props", `unexpected EOF`},
		{"trial/ending", `{"items":[{"x":1}]}`, "props", `unknown field "x"`},
		{"trial/ending", `{"any":{"a\u0000":1}}`, "props", `has a NUL character`},
		{"fails", `{"name":"x"}`, "props", `nil pointer`},
		{"none", `{"name":"x"}`, "props", `unknown field "name"`},
	} {
		_, err := r.Render(test.key, email.Input{Props: json.RawMessage(test.props)})
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid, test.props)
		require.Equal(t, test.field, invalid.Field)
		require.Contains(t, invalid.Message, test.message)
	}
	for _, fine := range []string{``, `null`, `{}`, ` {"name":"x"} `, `{"plan":null,"any":{"deep":[1]}}`, `{"name":"\\u0000"}`} {
		_, err := r.Render("trial/ending", email.Input{Props: json.RawMessage(fine)})
		require.NoError(t, err)
	}
}

// E-5: without a text template the text is made from the HTML.
func TestTextIsMadeFromHTML(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ html, text string }{
		{`<p>One  <b>two</b>,
			three</p><p>four</p>`, "One two, three\n\nfour"},
		{`<h1>Title</h1>Text<br>line<br><br><br>gap`, "Title\n\nText\nline\n\ngap"},
		{`See <a href="https://x.example/?a=1&amp;b=2">the <b>docs</b></a>, please`, "See the docs (https://x.example/?a=1&b=2), please"},
		{
			`<a href="https://x.example">https://x.example</a> <a href="mailto:a@b.example">a@b.example</a> <a href="https://i.example"><img alt="" src="x"></a> <a href="#top">up</a> <a>none</a>`,
			"https://x.example a@b.example https://i.example up none",
		},
		// E-80
		{"<p>👩‍💻 👨‍👩‍👧 🏴‍☠️ می\u200cخواهم क्\u200dष</p>", "👩‍💻 👨‍👩‍👧 🏴‍☠️ می\u200cخواهم क्\u200dष"},
		{"soft\u00adhyphen\u200b and \ufeffmark, a\u2060b", "softhyphen and mark, a\u2060b"},
		{`<ul><li><p>a</p></li><li><p>b</p><p>c</p></li><li><div>d</div></li></ul>`, "- a\n- b\n\n  c\n- d"},
		{`<ol start="3"><li>a</li><li><p>b</p></li><li value="7">c</li><li>d</li></ol>`, "3. a\n4. b\n7. c\n8. d"},
		{`<ol reversed><li>a</li><li>b</li></ol><ol start="x"><li>c</li></ol>`, "2. a\n1. b\n\n1. c"},
		{`<p>x</p><ul><li>a<ul><li>b<ol start="0"><li>c</li></ol></li></ul></li><li>d</li></ul><p>y</p>`, "x\n\n- a\n  - b\n    0. c\n- d\n\ny"},
		{`<ul><li><ul><li>a</li></ul></li><li></li><li>b<br>c</li></ul>`, "-\n  - a\n-\n- b\n  c"},
		{`<ul><li><table><tr><td>a</td></tr><tr><td>b</td></tr></table></li></ul>`, "- a\n  b"},
		{`<div style="display:none !important">x</div><div style="max-height:0;overflow:hidden">y</div><span style="visibility:hidden">z</span>shown`, "shown"},
		{`<a href="https://x.example">👩‍💻 at  work</a>`, "👩‍💻 at work (https://x.example)"},
		{`<ul><li>a</li><li>b <i>c</i></li></ul><ol><li>x</li><li>y</li></ol>`, "- a\n- b c\n\n1. x\n2. y"},
		{`<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>`, "a b\nc d"},
		{`<div>a<div>b</div></div><hr><pre>x
  y</pre>`, "a\nb\n\n---\n\nx\n  y"},
		{`<p style="display: none">hidden</p><p hidden>x</p><span aria-hidden="true">y</span><style>p{}</style><script>z</script><!-- c -->shown`, "shown"},
		{`<img alt="Logo" src="x"> 1 &lt; 2 &amp;&nbsp;3 zero` + "\u200b" + `width`, "Logo 1 < 2 & 3 zerowidth"},
	} {
		r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: test.html, Preview: "not in the text"}}})
		require.NoError(t, err)
		got, err := r.Render("t", email.Input{})
		require.NoError(t, err)
		require.Equal(t, test.text+"\n", got.Text)
	}
}

// E-5: style rules are inlined, what cannot be stays.
func TestStylesAreInlined(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, css, body, want, stays string }{
		{"by element", `p{color:red}`, `<p>x</p>`, `<p style="color:red">`, ""},
		{"comments and at-rules go round it", `/* a{} */ @import url("x;y.css"); p{color:red/*!*/}`, `<p>x</p>`, `<p style="color:red">`, `@import url("x;y.css");`},
		{"specificity wins over order", `#a{color:1} .b{color:2} p{color:3}`, `<p id="a" class="b">x</p>`, `style="color:1"`, ""},
		{"order decides between equals", `.a{color:1} .b{color:2}`, `<p class="b a">x</p>`, `style="color:2"`, ""},
		{"own style wins", `p{color:red;margin:0}`, `<p style="color: blue">x</p>`, `style="margin:0;color:blue"`, ""},
		{"important wins over own style", `p{color:red !important}`, `<p style="color: blue">x</p>`, `style="color:red"`, ""},
		{"own important wins over all", `p{color:red!important}`, `<p style="color:blue !IMPORTANT">x</p>`, `style="color:blue"`, ""},
		{"a fallback stays with its improvement", `p{background:#fff;background:url(data:a;b)}`, `<p>x</p>`, `style="background:#fff;background:url(data:a;b)"`, ""},
		{"a later shorthand comes last", `p{margin-top:1px} p{margin:0}`, `<p>x</p>`, `style="margin-top:1px;margin:0"`, ""},
		{"groups and combinators", `h1, .a > b ,i{color:red}`, `<div class="a"><h1>y</h1><b>x</b></div>`, `<h1 style="color:red">y</h1><b style="color:red">`, `i {color:red}`},
		{"structural pseudo classes", `td:first-child{color:red}`, `<table><tr><td>x</td><td>y</td></tr></table>`, `<td style="color:red">x</td><td>y</td>`, ""},
		{"media queries stay", `p{color:red}@media (max-width:1px){p{color:blue}}`, `<p>x</p>`, `<p style="color:red">`, `@media (max-width:1px){p{color:blue}}`},
		{"hover stays", `a,a:hover{color:red}`, `<a href="https://x.example">x</a>`, `href="https://x.example" style="color:red"`, `a:hover {color:red}`},
		{"unknown selectors stay", `p::before, :is(p){color:red}`, `<p>x</p>`, `<p>x</p>`, `p::before, :is(p) {color:red}`},
		{"strings keep their braces", `p{font-family:"a;}{b",c}`, `<p>x</p>`, `style="font-family:&#34;a;}{b&#34;,c"`, ""},
		{"an unfinished rule ends with the sheet", `p{color:red`, `<p>x</p>`, `<p style="color:red">`, ""},
		{"body is styled", `body{margin:0}`, `x`, `<body style="margin:0">`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: "<html><head><style>" + test.css + "</style></head><body>" + test.body + "</body></html>"}}})
			require.NoError(t, err)
			got, err := r.Render("t", email.Input{})
			require.NoError(t, err)
			require.Contains(t, got.HTML, test.want)
			if test.stays == "" {
				require.NotContains(t, got.HTML, "<style")
				return
			}
			require.Contains(t, got.HTML, "<style>\n"+test.stays+"\n</style>")
		})
	}
}

// E-5: several style blocks cascade as one; a block for print and a style that
// depends on props are no exception.
func TestStyleBlocksCascadeTogether(t *testing.T) {
	t.Parallel()
	r := renderer(t, hogsend.Template{
		Key: "t", Subject: "s", Props: props{},
		HTML: `<style>p{color:{{.Props.Name}};margin:0}</style><style media="print">p{color:black}</style><p>x</p>`,
	})
	got, err := r.Render("t", email.Input{Props: json.RawMessage(`{"name":"green"}`)})
	require.NoError(t, err)
	require.Contains(t, got.HTML, `<p style="color:green;margin:0">`)
	require.Contains(t, got.HTML, `<style media="print">p{color:black}</style>`)
}

// E-29 rests on it: the same input gives the same bytes, whoever asks at once.
func TestRenderingIsStable(t *testing.T) {
	t.Parallel()
	r := renderer(t, hogsend.Template{Key: "t", Subject: "s", HTML: `<p class="a">{{range $k, $v := .Props.Notes}}{{$k}}{{$v}}{{end}}</p>`, Props: props{}})
	in := email.Input{Props: json.RawMessage(`{"notes":{"b":"2","a":"1","c":"3"}}`)}
	want, err := r.Render("t", in)
	require.NoError(t, err)
	require.Contains(t, want.HTML, "a1b2c3")
	results := make([]email.Rendered, 16)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() { results[i], _ = r.Render("t", in) })
	}
	group.Wait()
	for _, got := range results {
		require.Equal(t, want, got)
	}
}

// Whatever props arrive, rendering gives a whole mail or a validation error.
func FuzzPropsAreDecodedStrictly(f *testing.F) {
	r := renderer(f, hogsend.Template{Key: "t", Subject: "s {{.Props.Name}}", HTML: `<p>{{.Props.Name}}{{range .Props.Items}}{{.Label}}{{end}}{{.Props.Any}}</p>`, Props: props{}})
	for _, seed := range []string{``, `null`, `{}`, `{"name":"x","items":[{"label":"y"}]}`, `{"any":{"a":[1,"</p><script>"]}}`, `{"x":1}`, `[`, "{\"name\":\"\\u0000\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := r.Render("t", email.Input{Props: raw})
		if err != nil {
			var invalid *hogsend.ValidationError
			require.ErrorAs(t, err, &invalid)
			return
		}
		require.NotContains(t, got.HTML, "<script>")
		require.NotContains(t, got.Subject, "\n")
		require.Contains(t, got.HTML, "</html>")
	})
}

// Whatever a style sheet says, the mail around it stays whole.
func FuzzStylesheets(f *testing.F) {
	for _, seed := range []string{`p{color:red}`, `@media x{p{a:b}}`, `a:hover,b{c:d!important}`, `}{`, `p{a:"}`, `@x`, `<!-- p{} -->`, `p{a:(;)}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, css string) {
		if strings.Contains(css, "<") || strings.Contains(css, "{{") {
			return // is not only a style sheet
		}
		r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: fmt.Sprintf("<style>%s</style><p>x</p>", css)}}})
		if err != nil {
			return
		}
		got, err := r.Render("t", email.Input{})
		require.NoError(t, err)
		require.Contains(t, got.HTML, ">x</p>")
	})
}

func BenchmarkRender(b *testing.B) {
	r := renderer(b, hogsend.Template{Key: "t", Subject: "s", HTML: "<p>{{.Props.Name}}</p>", Props: props{}})
	for b.Loop() {
		_, err := r.Render("t", email.Input{Props: json.RawMessage(`{"name":"x"}`)})
		require.NoError(b, err)
	}
}
