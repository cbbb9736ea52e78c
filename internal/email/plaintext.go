package email

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainText is the text part made from an HTML mail: paragraphs, lists, links as
// "label (url)", no tags, no style, nothing that is hidden (E-5).
func (d document) plainText() string {
	w := &textWriter{}
	w.node(d.body)
	if w.out.Len() == 0 {
		return ""
	}
	return w.out.String() + "\n"
}

// textWriter collapses white space as a browser does.
type textWriter struct {
	out strings.Builder
	// breaks are the line ends due before the next word, space a blank.
	breaks int
	space  bool
	pre    bool
}

func (w *textWriter) children(n *html.Node) {
	for c := range n.ChildNodes() {
		w.node(c)
	}
}

func (w *textWriter) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		w.text(n.Data)
	case html.ElementNode:
		if !isHidden(n) {
			w.element(n)
		}
	default:
		w.children(n)
	}
}

func (w *textWriter) element(n *html.Node) {
	switch n.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Template, atom.Title, atom.Noscript:
	case atom.Br:
		w.breaks = min(w.breaks+1, 2)
	case atom.Hr:
		w.block(2, func() { w.text("---") })
	case atom.Img:
		w.text(attribute(n, "alt"))
	case atom.A:
		w.link(n)
	case atom.Td, atom.Th:
		w.space = true
		w.children(n)
	case atom.Pre:
		w.block(2, func() {
			w.pre = true
			w.children(n)
			w.pre = false
		})
	case atom.Li:
		w.block(1, func() {
			w.text(marker(n))
			w.children(n)
		})
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Blockquote, atom.Table:
		w.block(2, func() { w.children(n) })
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Center, atom.Dl, atom.Dt, atom.Dd:
		w.block(1, func() { w.children(n) })
	default:
		w.children(n)
	}
}

// block has at least n line ends before and after it.
func (w *textWriter) block(n int, inside func()) {
	w.breaks = max(w.breaks, n)
	inside()
	w.breaks = max(w.breaks, n)
}

func (w *textWriter) link(n *html.Node) {
	label := &textWriter{}
	label.children(n)
	text := strings.Join(strings.Fields(label.out.String()), " ")
	url := strings.TrimSpace(attribute(n, "href"))
	switch {
	case url == "" || strings.HasPrefix(url, "#"):
		w.text(text)
	case text == "" || text == url || "mailto:"+text == url:
		w.text(strings.TrimPrefix(url, "mailto:"))
	default:
		w.text(text + " (" + url + ")")
	}
}

func (w *textWriter) text(s string) {
	s = strings.Map(visible, s)
	if w.pre {
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				w.breaks++
			}
			if line = strings.TrimRightFunc(line, unicode.IsSpace); line != "" {
				w.word(line)
			}
		}
		return
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		w.space = w.space || s != ""
		return
	}
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsSpace(first) {
		w.space = true
	}
	for i, word := range words {
		w.space = w.space || i > 0
		w.word(word)
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	w.space = unicode.IsSpace(last)
}

func (w *textWriter) word(word string) {
	switch {
	case w.out.Len() == 0:
	case w.breaks > 0:
		w.out.WriteString(strings.Repeat("\n", w.breaks))
	case w.space:
		w.out.WriteByte(' ')
	}
	w.breaks, w.space = 0, false
	w.out.WriteString(word)
}

// visible drops the characters that only steer the display.
func visible(r rune) rune {
	switch r {
	case '\u00ad', '\u034f', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff':
		return -1
	}
	return r
}

// marker is the dash or the number of a list item, with its blank.
func marker(item *html.Node) string {
	if item.Parent == nil || item.Parent.DataAtom != atom.Ol {
		return "- "
	}
	number := 1
	for s := item.PrevSibling; s != nil; s = s.PrevSibling {
		if s.DataAtom == atom.Li {
			number++
		}
	}
	return strconv.Itoa(number) + ". "
}

func isHidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "aria-hidden" && a.Val == "true" {
			return true
		}
	}
	style := attribute(n, "style")
	if !strings.Contains(style, "none") {
		return false
	}
	for _, d := range parseDeclarations(style).normal {
		if d.name == "display" && strings.EqualFold(d.value, "none") {
			return true
		}
	}
	return false
}
