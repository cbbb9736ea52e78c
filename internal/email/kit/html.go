package kit

import (
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/color"
)

func (w *writer) write(parts ...string) {
	for _, part := range parts {
		w.out.WriteString(part)
	}
}

// Outlook for Windows lays out by Word: it needs a table with a width where others take a
// greatest width, and no rounded corners. What only it reads is in conditional comments.
const (
	wide   = `<table role="presentation" class="m-wide"><tr><td class="m-gap">`
	wider  = `</td></tr></table>`
	office = `<!--[if mso]><xml xmlns:o="urn:schemas-microsoft-com:office:office"><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml>` +
		`<style>table,td,p,a,h1,h2,h3,li{font-family:"Segoe UI",Arial,sans-serif !important}</style><![endif]-->`
)

func openPage(w *writer, t tag) {
	accent := color.RGB{R: 0x1f, G: 0x29, B: 0x37}
	if a, ok := t.find("color"); ok {
		if accent, ok = color.Parse(a.value); !ok || !strings.HasPrefix(a.value, "#") {
			w.problem(t.at, "<%s>: color is one such as #4f46e5, not %q", page, a.value)
		}
	}
	lang := t.text("lang", "en")
	w.write(`<!doctype html><html lang="`, lang, `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
		`<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><meta name="format-detection" content="telephone=no, date=no, address=no, email=no">`,
		`<title>{{$.Subject}}</title>`, office, `<style>`, sheet(accent), `</style></head><body>`,
		`<div role="article" aria-roledescription="email" lang="`, lang, `"`, t.others(), `>`,
		`<table role="presentation" class="m-page"><tr><td class="m-gutter">`,
		`<!--[if mso]><table role="presentation" align="center" width="600"><tr><td><![endif]-->`,
		`<table role="presentation" class="m-sheet">`)
	name, named := t.find("name")
	if logo, ok := t.find("logo"); ok {
		if !named {
			w.problem(t.at, "<%s>: a logo needs a name, which is read where images are not shown", page)
		}
		w.write(`<tr><td class="m-brand"><img class="m-logo"`, logo.as("src"), name.as("alt"), ` width="`, strconv.Itoa(w.pixels(t, "logo-width", 120, maxWidth)), `"></td></tr>`)
	} else if named {
		w.write(`<tr><td class="m-brand">`, name.value, `</td></tr>`)
	}
	w.write(`<tr><td class="m-card">`)
}

func endPage(w *writer, _ tag) {
	if !w.ended {
		w.write(`</td></tr>`)
	}
	w.write(`</table><!--[if mso]></td></tr></table><![endif]--></td></tr></table></div></body></html>`)
}

// openFooter ends the card of the page around, if there is one.
func openFooter(w *writer, t tag) {
	w.ended = len(w.open) > 1 && w.open[len(w.open)-2].name == page
	if w.ended {
		if rest := w.source[w.at:]; !isLast(rest) {
			w.problem(t.at, "<%s> is the last in <%s>", footer, page)
		}
		w.write(`</td></tr><tr><td class="m-footer"`, t.others(), `><div>`)
		return
	}
	w.write(`<div class="m-footer"`, t.others(), `><div>`)
}

// isLast reports whether nothing stands between the end of the footer that a text begins
// with and the end of the page.
func isLast(text string) bool {
	_, after, _ := strings.Cut(strings.ToLower(text), "</"+footer+">")
	return strings.HasPrefix(strings.TrimSpace(after), "</"+page)
}

func endFooter(w *writer, t tag) {
	w.write(`</div><div>`, t.text("address", ""), `</div>`,
		`{{with $.UnsubscribeURL}}<div><a href="{{.}}">`, t.text("unsubscribe", "Unsubscribe"), `</a>`,
		`{{with $.PreferencesURL}} · <a href="{{.}}">`, t.text("preferences", "Choose what you get"), `</a>{{end}}</div>{{end}}`)
	if w.ended {
		w.write(`</td></tr>`)
		return
	}
	w.write(`</div>`)
}

func openButton(w *writer, t tag) {
	class := "m-button"
	if w.choice(t, "kind", "main", "quiet") == "quiet" {
		class += " m-quiet"
	}
	if w.choice(t, "align", "left", "center") == "center" {
		class += " m-center"
	}
	w.write(`<table role="presentation" class="m-wide"><tr><td class="m-action`)
	if strings.HasSuffix(class, "m-center") {
		w.write(` m-center`)
	}
	// The padding is the cell's in Outlook, and the link's elsewhere, so that all of it can be hit.
	w.write(`"><table role="presentation" class="`, class, `"><tr><td class="m-face"><a class="m-link"`, t.as("href", "href"), t.others(), `>`)
}

func endButton(w *writer, _ tag) { w.write(`</a></td></tr></table></td></tr></table>`) }

func openPanel(w *writer, t tag) {
	tone := w.choice(t, "tone", "plain", "warn", "good")
	w.write(wide, `<table role="presentation" class="m-panel"><tr><td class="m-note m-`, tone, `"`, t.others(), `>`)
}

func endPanel(w *writer, _ tag) { w.write(`</td></tr></table>`, wider) }

func openColumns(w *writer, t tag) {
	if t.parts < 1 || t.parts > 4 {
		w.problem(t.at, "<%s> has 1 to 4 of <%s>, not %d", columns, column, t.parts)
	}
	w.write(`<div class="m-columns"`, t.others(), `><!--[if mso]><table role="presentation" width="100%"><tr><![endif]-->`)
}

func endColumns(w *writer, _ tag) { w.write(`<!--[if mso]></tr></table><![endif]--></div>`) }

// openColumn is one beside others where there is room for it, and below them where not, in
// programs without media queries as well.
func openColumn(w *writer, t tag) {
	width := strconv.Itoa(t.width)
	w.write(`<!--[if mso]><td width="`, width, `" valign="top"><![endif]--><div class="m-column" style="max-width:`, width, `px"`, t.others(), `><div class="m-cell">`)
}

func endColumn(w *writer, _ tag) { w.write(`</div></div><!--[if mso]></td><![endif]-->`) }

func openItems(w *writer, t tag) {
	w.write(wide, `<table role="presentation" class="m-items"`, t.others(), `>`)
}

func endItems(w *writer, _ tag) { w.write(`</table>`, wider) }

func openItem(w *writer, t tag) {
	w.write(`<tr`, t.others(), `><td class="m-mark"><span>`, t.text("mark", ""), `</span></td><td class="m-item">`)
}

func endItem(w *writer, _ tag) { w.write(`</td></tr>`) }

func openImage(w *writer, t tag) {
	width := w.pixels(t, "width", t.width, maxWidth)
	w.write(wide)
	if _, ok := t.find("href"); ok {
		w.write(`<a`, t.as("href", "href"), `>`)
	}
	w.write(`<img class="m-image"`, t.as("src", "src"), t.as("alt", "alt"), ` width="`, strconv.Itoa(width), `"`, t.as("height", "height"), ` style="max-width:`, strconv.Itoa(width), `px"`, t.others(), `>`)
	if _, ok := t.find("href"); ok {
		w.write(`</a>`)
	}
	w.write(wider)
}

func openDivider(w *writer, t tag) {
	w.write(`<!--[if !mso]><!--><hr class="m-divider"`, t.others(), `><!--<![endif]-->`,
		`<!--[if mso]><table role="presentation" width="100%"><tr><td style="padding:24px 0"><table role="presentation" width="100%"><tr><td style="height:1px;line-height:1px;font-size:1px;background:#e4e7ee">&nbsp;</td></tr></table></td></tr></table><![endif]-->`)
}
