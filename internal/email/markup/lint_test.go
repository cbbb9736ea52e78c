package markup_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email/markup"
)

// E-2, E-91
func TestWhatIsSeldomMeant(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{
		`<p>Hi</p>`, `<img src="x.png" alt="">`, `<a href="https://a.example">x</a>`, `<a href="http://localhost:3002/v1/email/unsubscribe">x</a>`, `<a href="#top">x</a>`, `<a name="x">x</a>`,
		`<a href="mailto:a@b.example">x</a>`, `<a href="myapp://x">x</a>`, `<a href="/x">x</a>`, strings.Repeat("x", 102<<10),
	} {
		require.Empty(t, markup.Lint(fine, "http://localhost:3002/v1/email/"), "%.40s", fine)
	}
	require.Equal(t, []string{
		"a link that is no URL: %zz", "a link that is no URL: https:///x", "a link that is no URL: https:a.example", "a link to this machine: http://127.0.0.1:8080/x", "a link to this machine: https://LOCALHOST/",
		"a link without a target", "an image on this machine: http://localhost/x.png", "an image without alt: x.png",
	}, markup.Lint(`<img src="x.png"><img src="x.png"><img src="http://localhost/x.png" alt=""><a href="https://LOCALHOST/">a</a><a href="http://127.0.0.1:8080/x">b</a>
		<a href="%zz">x</a><a href="https:///x">x</a><a href="https:a.example">x</a><a href=" ">x</a>`))
	require.Equal(t, []string{"102 kB of HTML: Gmail shows 102 kB and cuts off the rest"}, markup.Lint(strings.Repeat("x", 102<<10+1)))
}

// E-91: the contrast of a text is told where styles in elements tell both colors.
func TestFaintText(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{
		`<p style="color:#767676">x</p>`, `<p style="color:#949494;font-size:24px">large</p>`, `<h1 style="color:#949494">large by itself</h1>`, `<b style="color:#949494;font-size:19px">large and bold</b>`,
		`<table><tr><td style="background:#000"><p style="color:#fff">x</p></td></tr></table>`, `<div style="background:url(x.png)"><p style="color:#fff">who knows</p></div>`, `<div style="background:#fff linear-gradient(red,blue)"><p style="color:#fff">who knows</p></div>`,
		`<p style="color:rgba(0,0,0,.1)">who knows</p>`, `<p style="opacity:.9;color:#777">who knows</p>`, `<p style="color:#fff;display:none">hidden</p>`, `<p style="color:#fff;font-size:0">nothing</p>`,
		`<p style="color:#fff"> &#8203; </p>`, `<div style="color:#fff"><p style="color:#000">x</p></div>`, `<body style="background:#000;color:#fff">x<p style="background:transparent">y`, `<title style="color:#fff">x</title>`,
		`<div style="color:#fff;background-color:#000"><p style="color:inherit">x</p></div>`,
	} {
		require.Empty(t, markup.Lint(fine), fine)
	}
	for text, want := range map[string]string{
		`<p style="color:#999999">Some small print</p>`:                                    "contrast 2.8 of #999999 on #ffffff, below 4.5: Some small print",
		`<table><tr><td bgcolor="#000000"><p>black</p></td></tr></table>`:                  "contrast 1.0 of #000000 on #000000, below 4.5: black",
		`<div style="background:#1b202b"><a href="https://a.example">link</a></div>`:       "contrast 1.7 of #0000ee on #1b202b, below 4.5: link",
		`<h1 style="font:400 20px/1 serif;color:#949494">h</h1>`:                           "contrast 3.0 of #949494 on #ffffff, below 4.5: h",
		`<p style="color:#aaa;font-size:30px">l</p>`:                                       "contrast 2.3 of #aaaaaa on #ffffff, below 3.0: l",
		`<div style="background:url(x)"><p style="background:#fff;color:#eee">b</p></div>`: "contrast 1.2 of #eeeeee on #ffffff, below 4.5: b",
	} {
		require.Equal(t, []string{want}, markup.Lint(text), text)
	}
}
