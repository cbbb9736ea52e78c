// Package markup works on the HTML of mails after their templates were executed: it moves
// styles into elements, makes the text part, and carries the conditional comments of mail
// clients through html/template.
//
// Inlining of styles and the plain text are our own. The libraries were tried with the
// cases of package email's tests: go-premailer v1.38.0 deletes "#outlook a" and every rule
// that matches nothing, writes "--Brand: #f00" as "-Brand: -#f00", keeps one of two
// values that are a fallback and its improvement, and moves the rule of html out of the
// style block (E-77); k3a/html2text v1.3.0 has neither dashes nor numbers for the items of
// lists, glues the cells of a row together, and prints what is hidden (E-80).
package markup

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Document is a rendered HTML mail as a tree.
type Document struct {
	root *html.Node
	// head and body always exist: the parser adds them.
	head, body *html.Node
}

// Parse reads HTML as a browser does: it mends what is wrong.
func Parse(text string) (Document, error) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return Document{}, fmt.Errorf("parse html: %w", err)
	}
	d := Document{root: root}
	for n := range root.Descendants() {
		switch {
		case n.DataAtom == atom.Head && d.head == nil:
			d.head = n
		case n.DataAtom == atom.Body && d.body == nil:
			d.body = n
		}
	}
	return d, nil
}

// String is the document as HTML.
func (d Document) String() (string, error) {
	var b strings.Builder
	if err := html.Render(&b, d.root); err != nil {
		return "", fmt.Errorf("write html: %w", err)
	}
	return b.String(), nil
}

// styleBlocks are the style elements that apply to every screen.
func (d Document) styleBlocks() []*html.Node {
	var blocks []*html.Node
	for n := range d.root.Descendants() {
		media := strings.ToLower(strings.TrimSpace(attribute(n, "media")))
		if n.DataAtom == atom.Style && (media == "" || media == "all" || media == "screen") {
			blocks = append(blocks, n)
		}
	}
	return blocks
}

// Sheets are parsed style blocks by their text.
type Sheets map[string]*stylesheet

// Sheets are those of the document.
func (d Document) Sheets() Sheets {
	sheets := Sheets{}
	for _, block := range d.styleBlocks() {
		text := content(block)
		sheets[text] = parseStylesheet(text)
	}
	return sheets
}

// Inline moves the rules of style blocks into style attributes (E-5). known holds
// the style blocks that were parsed before, by their text; it is only read. What cannot
// be moved stays in style blocks in the head, in its order (E-77).
func (d Document) Inline(known Sheets) {
	blocks := d.styleBlocks()
	var rules []sheetRule
	sheets := make([]*stylesheet, len(blocks))
	used := make([]map[place]bool, len(blocks))
	for i, block := range blocks {
		text := content(block)
		sheet, ok := known[text]
		if !ok {
			sheet = parseStylesheet(text)
		}
		sheets[i], used[i] = sheet, map[place]bool{}
		for j := range sheet.rules {
			rules = append(rules, sheetRule{&sheet.rules[j], used[i]})
		}
	}
	if len(blocks) > 1 {
		slices.SortStableFunc(rules, func(a, b sheetRule) int {
			x, y := a.selector.Specificity(), b.selector.Specificity()
			return slices.Compare(x[:], y[:])
		})
	}
	inlineInto(d.body.Parent, rules)
	inlineInto(d.body, rules)
	for n := range d.body.Descendants() {
		inlineInto(n, rules)
	}
	for i, block := range blocks {
		d.keepRest(block, sheets[i].rest(used[i]))
	}
}

// sheetRule is a rule with the selectors of its sheet that have been inlined.
type sheetRule struct {
	*rule
	used map[place]bool
}

// keepRest leaves in a style block what stays, in the head.
func (d Document) keepRest(block *html.Node, rest string) {
	inHead := block.Parent == d.head
	if rest == "" || !inHead {
		block.Parent.RemoveChild(block)
	}
	if rest == "" {
		return
	}
	for c := block.FirstChild; c != nil; c = block.FirstChild {
		block.RemoveChild(c)
	}
	block.AppendChild(&html.Node{Type: html.TextNode, Data: "\n" + rest})
	if !inHead {
		d.head.AppendChild(block)
	}
}

func inlineInto(n *html.Node, rules []sheetRule) {
	if n.Type != html.ElementNode || n.DataAtom == atom.Style || n.DataAtom == atom.Script {
		return
	}
	var matching []*rule
	for _, r := range rules {
		if r.selector.Match(n) {
			matching = append(matching, r.rule)
			// Of the root element some clients take the style, others the rule.
			r.used[r.at] = r.used[r.at] || n.DataAtom != atom.Html
		}
	}
	if len(matching) > 0 {
		setAttribute(n, "style", styleOf(matching, parseDeclarations(attribute(n, "style"))))
	}
}

// previewStyle hides the preview line in the opened mail.
const previewStyle = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"

// previewFiller keeps mail programs from showing the body's first words behind the
// preview line: invisible characters that still take room.
const previewFiller = "\u00a0\u200c\u034f"

const previewFillerCount = 60

// AddPreview puts the preview line at the top of the body.
func (d Document) AddPreview(line string) {
	div := &html.Node{Type: html.ElementNode, DataAtom: atom.Div, Data: "div"}
	setAttribute(div, "style", previewStyle)
	div.AppendChild(&html.Node{Type: html.TextNode, Data: line + strings.Repeat(previewFiller, previewFillerCount)})
	d.body.InsertBefore(div, d.body.FirstChild)
}

// content is the text inside a node.
func content(n *html.Node) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == name })
}

func setAttribute(n *html.Node, name, value string) {
	for i, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}
