package tracking_test

import (
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	xhtml "golang.org/x/net/html"

	"github.com/hogsend/hogsend/internal/tracking"
)

var sendID = uuid.MustParse("0195a0b0-0000-7000-8000-000000000001")

func mail(opens, clicks bool) tracking.Mail {
	return tracking.Mail{SendID: sendID, PublicURL: "https://hs.example.com", Opens: opens, Clicks: clicks}
}

// shown has {url} in the place of each tracked link of the URL.
func shown(body string, links []tracking.Link) string {
	for _, l := range links {
		body = strings.ReplaceAll(body, mail(false, true).ClickURL(l.ID), "{"+l.URL+"}")
	}
	return body
}

// E-46: which links are tracked, whatever they look like, and that nothing else changes.
func TestLinksAreTracked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ body, want string }{
		{`<a href="https://a.example/x">x</a>`, `<a href="{https://a.example/x}">x</a>`},
		{`<a href='http://a.example'>x</a>`, `<a href='{http://a.example}'>x</a>`},
		{`<a href=http://a.example/x>x</a>`, `<a href={http://a.example/x}>x</a>`},
		{`<A  class=b HREF = "HTTPS://a.example/X" id=c >x</A>`, `<A  class=b HREF = "{HTTPS://a.example/X}" id=c >x</A>`},
		{`<area shape=rect href="https://a.example/?a=1&amp;b=2">`, `<area shape=rect href="{https://a.example/?a=1&b=2}">`},
		{`<a href="https://a.example/?a=1&copy=2">`, `<a href="{https://a.example/?a=1&copy=2}">`}, // no entity in an attribute
		{"<a href=\" https://a.example/\n x\t\">", `<a href="{https://a.example/ x}">`},
		{`<a href="https://a.example"href="https://b.example">`, `<a href="{https://a.example}"href="https://b.example">`},
		{`<a title="href='https://a.example'" href="https://b.example">`, `<a title="href='https://a.example'" href="{https://b.example}">`},
		{`<a/href="https://a.example"/>`, `<a/href="{https://a.example}"/>`},
		{`<a href="https://a.example/1">1</a><a href="https://a.example/2">2</a><a href="https://a.example/1">1</a>`, `<a href="{https://a.example/1}">1</a><a href="{https://a.example/2}">2</a><a href="{https://a.example/1}">1</a>`},
		{`<!--[if !mso]><!--><a href="https://a.example">x</a><!--<![endif]-->`, `<!--[if !mso]><!--><a href="{https://a.example}">x</a><!--<![endif]-->`},
		{`<svg><a href="https://a.example">x</a></svg>`, `<svg><a href="{https://a.example}">x</a></svg>`},
		{`<a data-hogsend-track="on" href="https://a.example">`, `<a href="{https://a.example}">`},
		// Left alone, but for the attribute that says so.
		{`<a data-hogsend-track="off" href="https://a.example">x</a>`, `<a href="https://a.example">x</a>`},
		{`<a href="https://a.example" DATA-HOGSEND-TRACK=off >x</a>`, `<a href="https://a.example" >x</a>`},
	} {
		got, links := mail(false, true).Rewrite(tt.body)
		require.Equal(t, tt.want, shown(got, links), tt.body)
	}
	for _, body := range []string{
		``, `no tags`, `<a>x</a>`, `<a href>x</a>`, `<a href="">x</a>`,
		`<a href="mailto:a@b.example">`, `<a href="tel:+49">`, `<a href="sms:1">`, `<a href="myapp://x">`, `<a href="#top">`, `<a href="/path">`, `<a href="//a.example">`,
		`<a href="https://">`, `<a href="https:///x">`, `<a href="javascript:'http://x'">`, `<a href="ftp://a.example">`,
		`<a href="https://hs.example.com/v1/email/unsubscribe?token=t">`, `<a href="HTTPS://HS.example.com/v1/email/preferences?token=t">`, `<a href="https://hs.example.com/v1/t/c/x">`,
		`<link href="https://a.example/x.css"><img src="https://a.example/x.png"><style>a{background:url(https://a.example)}</style>`,
		`<!--[if mso]><a href="https://a.example">x</a><![endif]-->`, `<!-- <a href="https://a.example"> -->`,
		`<script>"<a href='https://a.example'>"</script><textarea><a href="https://a.example"></textarea><title><a href="https://a.example"></title>`,
		`<a href="https://a.example`, `<b href="https://a.example">`, `<abbr href="https://a.example">`,
		`<a href="https://a.example/` + strings.Repeat("x", 9000) + `">`,
	} {
		got, links := mail(false, true).Rewrite(body)
		require.Equal(t, body, got)
		require.Empty(t, links)
	}
	// Routes of ours are left alone, the rest of the same host is not.
	_, links := mail(false, true).Rewrite(`<a href="https://hs.example.com/pricing">x</a>`)
	require.Len(t, links, 1)
}

// E-46, E-48: a link is known by its mail and its URL.
func TestLinksAreOneForEachURL(t *testing.T) {
	t.Parallel()
	_, links := mail(true, true).Rewrite(`<a href="https://a.example"><a href=https://a.example><a href="https://a.example?">`)
	require.Equal(t, []string{"https://a.example", "https://a.example?"}, []string{links[0].URL, links[1].URL})
	require.Equal(t, tracking.LinkID(sendID, "https://a.example"), links[0].ID)
}

// E-47: where the pixel goes.
func TestThePixel(t *testing.T) {
	t.Parallel()
	const pixel = `<img src="https://hs.example.com/v1/t/o/0195a0b0-0000-7000-8000-000000000001.gif" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">`
	for _, tt := range []struct{ body, want string }{
		{`<html><body>x</body></html>`, `<html><body>x` + pixel + `</body></html>`},
		{`<BODY>x</BODY >y`, `<BODY>x` + pixel + `</BODY >y`},
		{`x`, `x` + pixel},
		{`x</body>y</body>z`, `x</body>y` + pixel + `</body>z`},
		{`x</body><!-- </body> -->`, `x` + pixel + `</body><!-- </body> -->`},
	} {
		got, links := mail(true, false).Rewrite(tt.body)
		require.Equal(t, tt.want, got)
		require.Empty(t, links)
		got, links = mail(false, false).Rewrite(tt.body)
		require.Equal(t, tt.body, got)
		require.Empty(t, links)
	}
	require.Len(t, tracking.Pixel, 43)
}

// E-46: every byte outside of the links stays, whatever the mail, and a parser finds in
// the links what it found before.
func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{
		`<a href="https://a.example/x">x</a>`, `<a href=http://a.example/x>`, `<a title='>' href='https://a.example'>`, "<a\x00href=https://x>", `<a href="http://x"/href=y>`,
		`<p><a href="https://a.example/?a=1&amp;b=2">x</a></body></html>`, `<!--[if mso]><a href="http://x"><![endif]-->`, `<a =href="http://x" href='http://y>`, `<a href=http://x`, `<script><a href="http://x"></script`,
		"<a href\r\n=\r\n\"http://x/\r\ny\">", `<a data-hogsend-track=off href=http://x>`, `<plaintext><a href="http://x">`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m := mail(false, true)
		got, links := m.Rewrite(body)
		// Back again: with the URLs as they were decoded, the same links are found in the same order.
		before, after := hrefs(body), hrefs(got)
		require.Len(t, after, len(before))
		for i, link := range after {
			at := slices.IndexFunc(links, func(l tracking.Link) bool { return m.ClickURL(l.ID) == link })
			if at < 0 {
				require.Equal(t, before[i], link)
				continue
			}
			trimmed := strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.Trim(before[i], " \t\r\n\f"))
			require.Equal(t, trimmed, links[at].URL)
		}
		// What is between the links is what it was, in its order.
		if strings.Contains(strings.ToLower(body), "data-hogsend-track") {
			return
		}
		rest := body
		for _, piece := range strings.Split(cut(got, m, links), "\x00\x00") {
			at := strings.Index(rest, piece)
			require.GreaterOrEqual(t, at, 0, "%q is not in %q", piece, rest)
			rest = rest[at+len(piece):]
		}
		if len(links) == 0 {
			require.Equal(t, body, got)
		}
		again, _ := m.Rewrite(got)
		require.Equal(t, got, again) // what is tracked is left alone
		withPixel, _ := tracking.Mail{SendID: m.SendID, PublicURL: m.PublicURL, Opens: true, Clicks: true}.Rewrite(body)
		require.Equal(t, got, strings.Replace(withPixel, pixelOf(m), "", 1))
	})
}

func pixelOf(m tracking.Mail) string {
	return `<img src="` + m.OpenURL() + `" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">`
}

func cut(body string, m tracking.Mail, links []tracking.Link) string {
	for _, l := range links {
		body = strings.ReplaceAll(body, html.EscapeString(m.ClickURL(l.ID)), "\x00\x00")
	}
	return body
}

// hrefs are the first targets of the links as a parser reads them.
func hrefs(body string) []string {
	var found []string
	z := xhtml.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			return found
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			token := z.Token()
			if token.Data != "a" && token.Data != "area" {
				continue
			}
			for _, a := range token.Attr {
				if a.Key == "href" {
					found = append(found, a.Val)
					break
				}
			}
		default:
		}
	}
}
