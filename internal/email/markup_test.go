package email_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

// render renders one template with JSON props.
func render(t testing.TB, template hogsend.Template, props string, schemes ...string) (email.Rendered, error) {
	t.Helper()
	if template.Subject == "" {
		template.Subject = "s"
	}
	template.Key = "t"
	r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{template}, LinkSchemes: schemes})
	require.NoError(t, err)
	return r.Render("t", email.Input{Props: json.RawMessage(props), Contact: hogsend.Contact{Email: "ada@example.com"}})
}

func mustRender(t testing.TB, template hogsend.Template, props string, schemes ...string) email.Rendered {
	t.Helper()
	got, err := render(t, template, props, schemes...)
	require.NoError(t, err)
	return got
}

// E-76: what only some mail clients see goes out as it was written.
func TestConditionalCommentsStay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, props, stays, text string }{
		"for Outlook":             {`<p>a</p><!--[if mso]><b>o</b><![endif]-->`, ``, `<p>a</p><!--[if mso]><b>o</b><![endif]-->`, "a\n"},
		"what is left open":       {`<!--[if (gte mso 9)|(IE)]><table width="600"><tr><td><![endif]--><div>a</div><!--[if mso]></td></tr></table><![endif]-->`, ``, `<!--[if (gte mso 9)|(IE)]><table width="600"><tr><td><![endif]--><div>a</div><!--[if mso]></td></tr></table><![endif]-->`, "a\n"},
		"for all but Outlook":     {`<!--[if !mso]><!--><p>a</p><!--<![endif]-->`, ``, `<!--[if !mso]><!--><p>a</p><!--<![endif]-->`, "a\n"},
		"another way to write it": {`<!--[if !mso]>--><p>a</p><!--<![endif]-->`, ``, `<!--[if !mso]>--><p>a</p><!--<![endif]-->`, "a\n"},
		"revealed to others":      {`<![if !mso]><p>a</p><![endif]>`, ``, `<![if !mso]><p>a</p><![endif]>`, "a\n"},
		"with an action":          {`<p>a</p><!--[if mso]><v:rect href="{{.Props.Name}}" alt='{{.Props.Name}}'>{{if .Props.Name}}{{.Props.Name}}{{end}}</v:rect><![endif]-->`, `{"name":"/<x> &"}`, `<!--[if mso]><v:rect href="/%3cx%3e%20&amp;" alt='/&lt;x&gt; &amp;'>/&lt;x&gt; &amp;</v:rect><![endif]-->`, "a\n"},
		"in a loop":               {`{{range .Props.Items}}<!--[if mso]><i>{{.Label}}</i><![endif]--><b>{{.Label}}</b>{{end}}`, `{"items":[{"label":"1"},{"label":"2"}]}`, `<!--[if mso]><i>1</i><![endif]--><b>1</b><!--[if mso]><i>2</i><![endif]--><b>2</b>`, "12\n"},
		"XML for Office":          {"<html><head><!--[if gte mso 9]>\n<?xml version=\"1.0\"?><xml><o:OfficeDocumentSettings><![CDATA[x<y]]></o:OfficeDocumentSettings></xml>\n<![endif]--></head><body>a</body></html>", ``, "<head><!--[if gte mso 9]>\n<?xml version=\"1.0\"?><xml><o:OfficeDocumentSettings><![CDATA[x<y]]></o:OfficeDocumentSettings></xml>\n<![endif]--></head>", "a\n"},
		"between rows":            {`<table><tr><td>a</td></tr><!--[if mso]></table><table><![endif]--><tr><td>b</td></tr></table>`, ``, `</tr><!--[if mso]></table><table><![endif]--><tr>`, "a\nb\n"},
		"whatever case":           {`<!--[IF MSO]><B>o</B><![EndIf]-->a`, ``, `<!--[IF MSO]><B>o</B><![EndIf]-->a`, "a\n"},
		"a style for Outlook":     {`<!--[if mso]><style>td{color:red}</style><![endif]--><p>a</p>`, ``, `<!--[if mso]><style>td{color:red}</style><![endif]-->`, "a\n"},
		"an action with a hyphen": {`<!--[if mso]>{{- /* --> */ -}}<b>{{"-->"}}</b><![endif]-->a`, ``, `<!--[if mso]><b>--&gt;</b><![endif]-->a`, "a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRender(t, hogsend.Template{HTML: test.source, Props: props{}}, test.props)
			require.Contains(t, got.HTML, test.stays)
			require.Equal(t, test.text, got.Text)
		})
	}
	got := mustRender(t, hogsend.Template{HTML: `<p>a</p><!-- a note --><!--[if mso]>o<![endif]--><p>b</p>`}, ``)
	require.NotContains(t, got.HTML, "note")
}

// E-76: in the layout as in the template.
func TestConditionalCommentsOfALayoutStay(t *testing.T) {
	t.Parallel()
	got := mustRender(t, hogsend.Template{
		Layout: `<!doctype html><html><body><!--[if mso]><center><![endif]-->{{template "content" .}}<!--[if mso]></center><![endif]--></body></html>`,
		HTML:   `<!--[if mso]><b>o</b><![endif]--><p>a</p>`,
	}, ``)
	require.Equal(t, `<!doctype html><html><head></head><body><!--[if mso]><center><![endif]--><!--[if mso]><b>o</b><![endif]--><p>a</p><!--[if mso]></center><![endif]--></body></html>`, got.HTML)
}

// E-76: the DOCTYPE is first, as it was written.
func TestDoctypeStays(t *testing.T) {
	t.Parallel()
	for _, doctype := range []string{
		`<!DOCTYPE html>`, `<!doctype html>`, `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">`,
		"<!DOCTYPE html\n  PUBLIC '-//W3C//DTD HTML 4.01//EN'>",
	} {
		for _, before := range []string{"", "\n ", "<!-- by hand -->"} {
			got := mustRender(t, hogsend.Template{HTML: before + doctype + "<html><body><p>a</p></body></html>"}, ``)
			require.True(t, strings.HasPrefix(got.HTML, doctype+"<html>"), got.HTML)
		}
	}
}

// E-76: what mail programs would show as text, and what is not whole, is refused with
// its line.
func TestMarkupThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	for source, problem := range map[string]string{
		"<p>a</p>\n<?xml version=\"1.0\"?>":           "line 2: <? outside of a conditional comment",
		"<?php echo 1 ?><p>a</p>":                     "line 1: <? outside of a conditional comment",
		"\n\n<![CDATA[x]]>":                           "line 3: <![CDATA[ outside of a conditional comment",
		"<p>a</p>\n<!--[if mso]><b>o</b>-->":          "line 2: a conditional comment without its end <![endif]",
		"<p>a</p>\n<!--[if mso]><b>o</b>":             "line 2: a comment that is not closed",
		"<p>a</p>\n<!--[if !mso]><!--><b>o</b>":       "line 2: a conditional comment without its end <![endif]",
		"<p>a</p>\n\n<![if !mso]><b>o</b>":            "line 3: a conditional comment without its end <![endif]",
		"<p>a</p>\n<!--<![endif]-->":                  "line 2: the end of a conditional comment without its beginning",
		"<p>a</p>\n<![endif]>":                        "line 2: the end of a conditional comment without its beginning",
		"<p>a</p>\n<![endif]-->":                      "line 2: the end of a conditional comment without its beginning",
		"{{/* a\nb */}}<!-- x":                        "line 2: a comment that is not closed",
		"<!--[if mso]><!-- x --><b>o</b><![endif]-->": "line 1: a conditional comment without its end <![endif]",
	} {
		_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: source}}})
		require.ErrorContains(t, err, "template t: HTML: "+problem, source)
		_, err = email.Compile(hogsend.Registry{Layout: "<p>" + source + `</p>{{template "content" .}}`, Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: "<p>"}}})
		require.ErrorContains(t, err, "template t: Layout: "+problem, source)
	}
	for _, source := range []string{
		`<p title="<?">a</p>`, `<p title='<!--'>a</p>`, `<style>a{content:"<?"}</style>`, `<title><!-- x</title>`, `{{"<?"}}{{"<!--"}}`, `1 < 2 <3`,
	} {
		_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: source}}})
		require.NoError(t, err, source)
	}
}

// E-76: no value can bring in a comment of its own.
func TestValuesMakeNoConditionalComments(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"<!--[if mso]>x<![endif]-->", "\ufdd0o0\ufdd1", "<![endif]-->", "-->"} {
		raw, err := json.Marshal(map[string]string{"name": name})
		require.NoError(t, err)
		got := mustRender(t, hogsend.Template{HTML: `<p>{{.Props.Name}}</p><!--[if mso]><b>{{.Props.Name}}</b><![endif]-->`, Props: props{}}, string(raw))
		require.Equal(t, 1, strings.Count(got.HTML, "<!--[if mso]>"), got.HTML)
		require.Equal(t, 1, strings.Count(got.HTML, "<![endif]-->"), got.HTML)
	}
}

// E-77: what matches nothing, or only by what a client adds, stays in a style block.
func TestStylesThatMatchNothingStay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ css, body, stays, inlined string }{
		"what Outlook adds":         {`#outlook a{padding:0} p{color:red}`, `<p>a</p>`, "#outlook a {padding:0}\n", `<p style="color:red">`},
		"what Hotmail adds":         {`.ExternalClass, .ExternalClass p{line-height:100%}`, `<p>a</p>`, ".ExternalClass, .ExternalClass p {line-height:100%}\n", `<p>`},
		"dark mode of Outlook":      {`[data-ogsc] .t{color:#fff}`, `<p class="t">a</p>`, "[data-ogsc] .t {color:#fff}\n", `<p class="t">`},
		"Gmail's neighbor":          {`u + .body .g{color:red}`, `<p class="g">a</p>`, "u + .body .g {color:red}\n", `<p class="g">`},
		"Apple's data detectors":    {`a[x-apple-data-detectors]{color:inherit}`, `<a href="/">a</a>`, "a[x-apple-data-detectors] {color:inherit}\n", `<a href="/">`},
		"states":                    {`:root{--Brand:#f00} a:hover,a{color:var(--Brand)}`, `<a href="/">a</a>`, ":root {--Brand:#f00}\na:hover {color:var(--Brand)}\n", `<a href="/" style="color:var(--Brand)">`},
		"the half that matches not": {`.x, p{color:red}`, `<p>a</p>`, ".x {color:red}\n", `<p style="color:red">`},
		"in their order":            {`.b{color:1} @media x{p{a:b}} .a{color:2} .b{color:3}`, `<p>a</p>`, ".b {color:1}\n@media x{p{a:b}}\n.a {color:2}\n.b {color:3}\n", `<p>`},
		"of the root both ways":     {`html{margin:0}`, `<p>a</p>`, "html {margin:0}\n", `<html style="margin:0">`},
		"case of custom properties": {`p{--Accent:red;COLOR:var(--Accent)}.x{a:b}`, `<p>a</p>`, ".x {a:b}\n", `<p style="--Accent:red;color:var(--Accent)">`},
		"for Outlook alone":         {`.mso{color:red}`, `<!--[if mso]><p class="mso">o</p><![endif]-->`, ".mso {color:red}\n", `<body><!--[if mso]><p class="mso">o</p><![endif]-->`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustRender(t, hogsend.Template{HTML: "<style>" + test.css + "</style>" + test.body}, ``)
			require.Contains(t, got.HTML, "<style>\n"+test.stays+"</style></head>")
			require.Contains(t, got.HTML, test.inlined)
		})
	}
	got := mustRender(t, hogsend.Template{HTML: "<html><body><p>a</p><div><style>.x{a:b} p{c:d}</style></div></body></html>"}, ``)
	require.Equal(t, "<html><head><style>\n.x {a:b}\n</style></head><body><p style=\"c:d\">a</p><div></div></body></html>", got.HTML)
}

// E-78: a link of a scheme that is not declared is an error, never a hole.
func TestSchemesOfLinks(t *testing.T) {
	t.Parallel()
	href := hogsend.Template{HTML: "<p>a</p>\n<a href=\"{{.Props.Name}}\">b</a>", Props: props{}}
	for link, schemes := range map[string][]string{
		"myapp://o/1": {"myapp"}, "MyApp://o/1": {"myapp"}, "whatsapp://send?text=a": {"whatsapp"}, "https://x.example/?a=1": nil, "HTTP://x.example": nil, "mailto:a@x.example": nil,
		"tel:+4930": nil, "sms:+4930": nil, "cid:logo": nil, "/path:x": nil, "?a=b:c": nil, "#a:b": nil, "//x.example/a": nil, "": nil, "com.example.app:/a": {"com.example.app"},
	} {
		raw, err := json.Marshal(map[string]string{"name": link})
		require.NoError(t, err)
		got := mustRender(t, href, string(raw), schemes...)
		require.Contains(t, got.HTML, `<a href="`+link+`">`)
		if link != "" && link[0] != '#' {
			require.Contains(t, got.Text, "b ("+link+")")
		}
	}
	for link, scheme := range map[string]string{
		"myapp://o/1": "myapp", "javascript:alert(1)": "javascript", " JavaScript:alert(1)": "JavaScript", "data:text/html,x": "data", "data:image/png;base64,AA": "data",
		"vbscript:x": "vbscript", "file:///etc/passwd": "file", "https:x\x00": "", "java\nscript:x": `java\nscript`,
	} {
		raw, err := json.Marshal(map[string]string{"name": link})
		require.NoError(t, err)
		_, err = render(t, href, string(raw))
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "props", invalid.Field)
		if scheme != "" {
			require.Equal(t, `template t: HTML line 2, attribute href: the scheme "`+scheme+`" of a link is neither one of mail nor declared in Registry.LinkSchemes`, invalid.Message)
		}
	}
	got := mustRender(t, hogsend.Template{HTML: `<img src="{{.Props.Name}}"><td background='{{.Props.Name}}'><a href="myapp://{{.Props.Plan}}">x</a>`, Props: props{}}, `{"name":"data:image/png;base64,AA=="}`)
	require.Contains(t, got.HTML, `<img src="data:image/png;base64,AA=="`)
	_, err := render(t, hogsend.Template{HTML: `<img src="{{.Props.Name}}">`, Props: props{}}, `{"name":"data:text/html,x"}`)
	require.ErrorContains(t, err, "attribute src")
}

// E-78: the same for what may not stand in a style, without quotes or in a set of sources.
func TestNoFilterIsSilent(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"<p>\n<b style=\"color:{{.Props.Name}}\">a</b>":   "HTML line 2, attribute style: a value is not one that may stand in a style",
		"<style>p{color:{{.Props.Name}}}</style><p>a</p>": "HTML line 1, a style: a value is not one that may stand in a style",
		"<p>\n\n<img srcset=\"{{.Props.Name}} 2x\">":      "HTML line 3, attribute srcset: ",
	} {
		_, err := render(t, hogsend.Template{HTML: source, Props: props{}}, `{"name":"javascript:a(b)"}`)
		require.ErrorContains(t, err, want)
	}
	for _, color := range []string{"red", "#ff0000", "rgb(1, 2, 3)", "rgba(1,2,3,.5)", "hsl(120 100% 50% / 0.5)", "hsla(1,2%,3%,1)", "12px", "1.5em"} {
		raw, err := json.Marshal(map[string]string{"name": color})
		require.NoError(t, err)
		got := mustRender(t, hogsend.Template{HTML: `<p style="color:{{.Props.Name}}">a</p>`, Props: props{}}, string(raw))
		require.Contains(t, got.HTML, `style="color:`+color+`"`)
	}
	_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: "\n<p title={{.Props.Name}}>", Props: props{}}}})
	require.ErrorContains(t, err, "HTML line 2, attribute title")
	got := mustRender(t, hogsend.Template{HTML: `<p title="{{.Props.Name}}">{{.Props.Name}}</p>`, Props: props{}}, `{"name":"ZgotmplZ"}`)
	require.Contains(t, got.HTML, `<p title="ZgotmplZ">ZgotmplZ</p>`)
}

// E-78: schemes that run what they are given cannot be declared.
func TestDangerousSchemesAreRefused(t *testing.T) {
	t.Parallel()
	for scheme, ok := range map[string]bool{"myapp": true, "com.example.app": true, "javascript": false, "VBScript": false, "data": false, "file": false, "my app": false, "": false, "myapp:": false, "1x": false} {
		err := hogsend.Registry{LinkSchemes: []string{scheme}}.Validate()
		require.Equal(t, ok, err == nil, scheme)
	}
}

type order struct {
	Amount float64            `json:"amount"`
	Small  float32            `json:"small"`
	Count  int                `json:"count"`
	Big    uint64             `json:"big"`
	Price  *float64           `json:"price"`
	List   []float64          `json:"list"`
	Map    map[string]float64 `json:"map"`
	Any    any                `json:"any"`
	Time   ticks              `json:"time"`
}

// ticks prints itself.
type ticks float64

func (t ticks) String() string { return "many" }

// given is source for props that are given: not for the zero ones of the start.
func given(source string) string { return "{{if .Props.Count}}" + source + "{{end}}" }

// E-79: numbers are printed as people write them, wherever that is.
func TestNumbersPrintInPlainDecimal(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{{.Props.Amount}}`:                         "1500000",
		`{{.Props.Small}}`:                          "0.00001",
		`{{.Props.Count}} {{.Props.Big}}`:           "7 12345678901234567890",
		`{{.Props.Price}}`:                          "12345678.5",
		`{{.Props.List}} {{.Props.Map}}`:            "[1000000 0.000001] map[a:1000000]",
		`{{index .Props.List 0}}`:                   "1000000",
		`{{.Props.Any.id}}`:                         "1234567890123456789",
		`{{.Props.Any}}`:                            "map[exp:1500 id:1234567890123456789 list:[2000000] price:1.50]",
		`{{.Props.Any.price}} {{.Props.Any.exp}}`:   "1.50 1500",
		`{{.Props.Time}}`:                           "many",
		`{{print .Props.Amount " " .Props.Any.id}}`: "1500000 1234567890123456789",
		`{{printf "%d" .Props.Amount}}`:             "1500000",
		`{{printf "%d|%5d|%05d|%x" .Props.Any.id .Props.Count .Props.Count .Props.Count}}`: "1234567890123456789|    7|00007|7",
		`{{printf "%.2f" .Props.Any.price}}`:                                               "1.50",
		`{{printf "%.2f %8.1f" .Props.Count .Props.Amount}}`:                               "7.00 1500000.0",
		`{{printf "%s and %v" .Props.Amount .Props.Any.id}}`:                               "1500000 and 1234567890123456789",
		`{{printf "%6s|%-4v|" .Props.Count .Props.Count}}`:                                 "     7|7   |",
		`{{printf "%*d" 4 .Props.Count}}`:                                                  "   7",
		`{{printf "%s" .Contact.Properties.nope}}`:                                         "",
		`{{printf "100%% of %s" "%!d(x)"}}`:                                                "100% of %!d(x)",
		`{{with .Props.Price}}{{.}}{{end}}`:                                                "12345678.5",
		`{{range .Props.List}}{{.}};{{end}}`:                                               "1000000;0.000001;",
		`{{html .Props.Amount}}{{.Props.Amount | html}}{{.Props.Amount | urlquery}}`:       "150000015000001500000",
		`{{if eq .Props.Amount 1500000}}y{{end}}{{if eq .Props.Any.price 1.5}}y{{end}}{{if eq .Props.Any.id 1234567890123456789}}y{{end}}{{if ne .Props.Any.id 1234567890123456700}}y{{end}}`: "yyyy",
		`{{if gt .Props.Amount 10}}y{{end}}{{if le .Props.Count .Props.Amount}}y{{end}}{{if lt .Props.Any.price 2}}y{{end}}{{if ge .Props.Big .Props.Any.id}}y{{end}}`:                        "yyyy",
		`{{if eq "a" "b" "a"}}y{{end}}{{if eq true true}}y{{end}}{{if lt "a" "b"}}y{{end}}`:                                                                                                   "yyy",
	} {
		got := mustRender(t, hogsend.Template{Subject: "s" + given(source), HTML: "<p>" + given(source) + "</p>", Text: given(source), Props: order{}}, `{"amount":1.5e6,"small":1e-5,"count":7,"big":12345678901234567890,"price":12345678.5,
			"list":[1e6,1e-6],"map":{"a":1e6},"any":{"id":1234567890123456789,"price":1.50,"exp":1.5e3,"list":[2e6]},"time":1e9}`)
		require.Equal(t, strings.TrimSpace("s"+want), got.Subject, source)
		require.Equal(t, strings.TrimSpace(want)+"\n", got.Text, source)
		require.Contains(t, got.HTML, "<p>"+want+"</p>", source)
	}
	got := mustRender(t, hogsend.Template{
		HTML: given(`<a href="/o/{{.Props.Amount}}?a={{.Props.Any.id}}" title="{{.Props.Amount}}" style="width:{{.Props.Amount}}px">x</a><script type="application/ld+json">{"price":{{.Props.Amount}},"id":{{.Props.Any.id}}}</script>`), Props: order{},
	}, `{"count":1,"amount":12345678,"any":{"id":1234567890123456789}}`)
	require.Contains(t, got.HTML, `<a href="/o/12345678?a=1234567890123456789" style="width:12345678px" title="12345678">`)
	require.Contains(t, got.HTML, `{"price": 12345678 ,"id": 1234567890123456789 }`)
}

// E-79: a verb that does not fit is an error, not part of a mail.
func TestVerbsThatDoNotFitAreErrors(t *testing.T) {
	t.Parallel()
	for source, complaint := range map[string]string{
		`{{printf "%d" .Props.Amount}}`:              "%!d", // is 1.5
		`{{printf "%d" "x"}}`:                        "%!d",
		`{{printf "%t" .Props.Amount}}`:              "%!t",
		`{{printf "%d"}}`:                            "%!d",
		`{{printf "x" .Props.Amount}}`:               "%!",
		`{{printf "%z" .Props.Amount}}`:              "%!z",
		`{{if gt .Contact.Properties.n "x"}}{{end}}`: "compared",
	} {
		r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: `<p>{{if .Props.Amount}}` + source + `{{end}}</p>`, Props: order{}}}})
		require.NoError(t, err, source)
		_, err = r.Render("t", email.Input{Props: json.RawMessage(`{"amount":1.5}`), Contact: hogsend.Contact{Properties: hogsend.Properties{"n": 1.0}}})
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid, source)
		require.Contains(t, invalid.Message, complaint)
	}
}

// E-5: no subject carries a control character, from a value or from an override.
func TestSubjectsHaveNoControlCharacters(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"a\x1b[2Jb": "a [2Jb", "a\x07\x08b": "a b", "a\u0085b": "a b", "a\u2028b\u2029c": "a b c", "a\x7fb": "a b", "a\u009bb": "a b", "\x00a": "a", "a\v\fb": "a b", "👩‍💻 a": "👩‍💻 a",
	} {
		raw, err := json.Marshal(map[string]string{"subject": value})
		require.NoError(t, err)
		r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "{{.Contact.Properties.subject}}x", HTML: "<p>"}}})
		require.NoError(t, err)
		var properties hogsend.Properties
		require.NoError(t, json.Unmarshal(raw, &properties))
		got, err := r.Render("t", email.Input{Contact: hogsend.Contact{Properties: properties}})
		require.NoError(t, err)
		require.Equal(t, want+"x", got.Subject)
		got, err = r.Render("t", email.Input{Subject: value})
		require.NoError(t, err)
		require.Equal(t, want, got.Subject)
	}
}

// Whatever HTML a template is made of: it is refused, or what is rendered is a whole
// document whose visible text is in the text part, word for word.
func FuzzHTMLTemplates(f *testing.F) {
	for _, seed := range []string{
		`<p>a</p><!--[if mso]><b>o</b><![endif]-->`, `<ul><li><p>a</p><ol start="3"><li>b</li></ol></li></ul>`, `<style>#outlook a{padding:0}p{color:red}</style><p>x</p>`,
		`<![if !mso]>a<![endif]>`, `<table><tr><td>a<td>b</table>`, `<pre>a  b`, `<a href="x">y`, "<p>\u00ad👩‍💻</p>", `<!doctype html><html><head><title>t</title></head><body>x`, `<li value="-5">x`, `<select><p>`, `<svg><style>x</style></svg>`, `<p style="max-height:0;overflow:hidden">x`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "{{") {
			return // is more than HTML
		}
		r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: source}}})
		if err != nil {
			return
		}
		got, err := r.Render("t", email.Input{})
		require.NoError(t, err)
		again, err := r.Render("t", email.Input{})
		require.NoError(t, err)
		require.Equal(t, got, again)
		doc, err := html.Parse(strings.NewReader(got.HTML))
		require.NoError(t, err)
		for _, word := range visibleWords(doc) {
			require.Contains(t, got.Text, word, fmt.Sprintf("%q", got.HTML))
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(got.Text, "\n"), "\n") {
			require.Equal(t, strings.TrimRight(line, " "), line)
		}
	})
}

// visibleWords are the plain words of text in elements that are surely shown.
func visibleWords(n *html.Node) []string {
	var words []string
	if n.Type == html.ElementNode {
		if n.Namespace != "" || len(n.Attr) > 0 || !strings.Contains(" html body p div b i ul ol li table tbody tr td h1 a ", " "+n.Data+" ") {
			return nil
		}
	}
	if n.Type == html.TextNode {
		for word := range strings.FieldsSeq(n.Data) {
			if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
				words = append(words, word)
			}
		}
	}
	for c := range n.ChildNodes() {
		words = append(words, visibleWords(c)...)
	}
	return words
}
