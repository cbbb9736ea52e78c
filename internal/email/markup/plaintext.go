package markup

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// PlainText is the text part made from an HTML mail: paragraphs, lists, links as
// "label (url)", no tags, no style, nothing that is hidden (E-5, E-80).
func (d Document) PlainText() string {
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
	// indent is what every line begins with, mark what stands in its place on the next one.
	indent string
	mark   string
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
		w.block(1, func() { w.item(n) })
	case atom.Ul, atom.Ol:
		// A list inside of another one goes on with its lines.
		w.block(2-min(1, len(w.indent)), func() { w.children(n) })
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Table:
		w.block(2, func() { w.children(n) })
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Center, atom.Dl, atom.Dt, atom.Dd:
		w.block(1, func() { w.children(n) })
	default:
		w.children(n)
	}
}

// block has at least n line ends before and after it. The first one of a list's item
// stands beside its marker.
func (w *textWriter) block(n int, inside func()) {
	if w.mark == "" {
		w.breaks = max(w.breaks, n)
	}
	inside()
	if w.mark == "" {
		w.breaks = max(w.breaks, n)
	}
}

// itemIndent is how far a list's lines stand from those around it.
const itemIndent = "  "

// item is one of a list: a marker, and whatever follows indented under it.
func (w *textWriter) item(n *html.Node) {
	if w.mark != "" { // an item that begins with a list
		w.word("")
		w.breaks = 1
	}
	outer := w.indent
	w.mark = outer + marker(n)
	w.indent = outer + itemIndent
	w.children(n)
	if w.mark != "" { // an item without anything is still counted
		w.word("")
	}
	w.indent = outer
	// What an inner paragraph asked for is not asked for between items.
	w.breaks = min(w.breaks, 1)
}

func (w *textWriter) link(n *html.Node) {
	label := &textWriter{}
	label.children(n)
	text := strings.Join(strings.FieldsFunc(label.out.String(), isBlank), " ")
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
	words := strings.FieldsFunc(s, isBlank)
	if len(words) == 0 {
		w.space = w.space || s != ""
		return
	}
	if first, _ := utf8.DecodeRuneInString(s); isBlank(first) {
		w.space = true
	}
	for i, word := range words {
		w.space = w.space || i > 0
		w.word(word)
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	w.space = isBlank(last)
}

// isBlank is white space of every kind. One that keeps words together is shown as one
// that does not: lines are not broken here.
func isBlank(r rune) bool { return unicode.IsSpace(r) }

func (w *textWriter) word(word string) {
	started := w.out.Len() > 0
	switch {
	case started && (w.breaks > 0 || w.mark != ""):
		w.out.WriteString(strings.Repeat("\n", max(w.breaks, 1)))
	case started && w.space:
		w.out.WriteByte(' ')
	}
	switch {
	case w.mark != "" && word == "":
		w.out.WriteString(strings.TrimRight(w.mark, " "))
	case w.mark != "":
		w.out.WriteString(w.mark)
	case !started || w.breaks > 0:
		w.out.WriteString(w.indent)
	}
	w.breaks, w.space, w.mark = 0, false, ""
	w.out.WriteString(word)
}

// visible drops the characters that only say where a line may be broken, and the mark
// of byte order. Those that join letters and pictures are part of the text.
func visible(r rune) rune {
	switch r {
	case '\u00ad', '\u200b', '\ufeff':
		return -1
	}
	return r
}

// marker is the dash or the number of a list item, with its blank.
func marker(item *html.Node) string {
	list := item.Parent
	if list == nil || list.DataAtom != atom.Ol {
		return "- "
	}
	step, number := 1, 1
	if hasAttribute(list, "reversed") {
		step = -1
		number = countItems(list)
	}
	if start, ok := whole(attribute(list, "start")); ok {
		number = start
	}
	for c := range list.ChildNodes() {
		if c.DataAtom != atom.Li {
			continue
		}
		if value, ok := whole(attribute(c, "value")); ok {
			number = value
		}
		if c == item {
			break
		}
		number += step
	}
	return strconv.Itoa(number) + ". "
}

func countItems(list *html.Node) int {
	n := 0
	for c := range list.ChildNodes() {
		if c.DataAtom == atom.Li {
			n++
		}
	}
	return n
}

func whole(s string) (int, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	return int(n), err == nil
}

func isHidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "aria-hidden" && a.Val == "true" {
			return true
		}
	}
	style := attribute(n, "style")
	if style == "" {
		return false
	}
	values := map[string]string{}
	block := parseDeclarations(style)
	for _, d := range append(block.normal, block.important...) {
		values[d.name] = strings.ToLower(d.value)
	}
	return values["display"] == "none" || values["visibility"] == "hidden" ||
		values["overflow"] == "hidden" && (isZero(values["max-height"]) || isZero(values["height"]))
}

func isZero(length string) bool { return length == "0" || length == "0px" }
