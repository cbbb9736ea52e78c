// Package kit makes of the elements <mail-…> in the HTML of templates what mail programs
// understand: tables, classes that a style sheet is inlined by, conditional comments for
// Outlook. It works on the source, before the template is parsed, so that values in the
// elements are escaped and checked for the place where they end up, and lines stay lines.
package kit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/email/markup"
	"github.com/hogsend/hogsend/internal/naming"
)

// The elements.
const (
	page    = "mail-page"
	footer  = "mail-footer"
	button  = "mail-button"
	panel   = "mail-panel"
	columns = "mail-columns"
	column  = "mail-column"
	items   = "mail-items"
	item    = "mail-item"
	image   = "mail-image"
	divider = "mail-divider"
)

// element is what an element may have.
type element struct {
	// attributes are its own, besides those that every element takes; literal ones say their
	// value as it is, without actions.
	attributes, literal, required []string
	// alone has no end tag, inside is the one element that it stands in.
	alone  bool
	inside string
	// open and end are its HTML; end is nil for one that stands alone.
	open func(*writer, tag)
	end  func(*writer, tag)
}

func elements() map[string]element {
	return map[string]element{
		page:    {attributes: []string{"name", "logo", "logo-width", "color", "lang"}, literal: []string{"logo-width", "color", "lang"}, open: openPage, end: endPage},
		footer:  {attributes: []string{"address", "unsubscribe", "preferences"}, required: []string{"address"}, open: openFooter, end: endFooter},
		button:  {attributes: []string{"href", "kind", "align"}, literal: []string{"kind", "align"}, required: []string{"href"}, open: openButton, end: endButton},
		panel:   {attributes: []string{"tone"}, literal: []string{"tone"}, open: openPanel, end: endPanel},
		columns: {open: openColumns, end: endColumns},
		column:  {inside: columns, open: openColumn, end: endColumn},
		items:   {open: openItems, end: endItems},
		item:    {attributes: []string{"mark"}, required: []string{"mark"}, inside: items, open: openItem, end: endItem},
		image:   {attributes: []string{"src", "alt", "width", "height", "href"}, literal: []string{"width", "height"}, required: []string{"src", "alt"}, alone: true, open: openImage},
		divider: {alone: true, open: openDivider},
	}
}

// How wide a mail is, and what takes of it on either side of what is in it: the card with its
// border, a panel; and what keeps columns apart.
const (
	maxWidth     = 600
	sheetPadding = 41
	panelPadding = 20
	cellPadding  = 16
)

// Expand returns the source of an HTML template with the kit's elements replaced, and what is
// wrong with them, each with its line. A source without any is returned as it is.
func Expand(source string) (string, []string) {
	if !anyPattern.MatchString(source) {
		return source, nil
	}
	w := &writer{source: source, elements: elements()}
	for w.at < len(source) {
		w.next()
	}
	for _, open := range w.open {
		w.problem(open.at, "<%s> is not closed", open.name)
	}
	return w.out.String(), w.problems
}

var (
	anyPattern  = regexp.MustCompile(`(?i)</?mail-`)
	ownPattern  = regexp.MustCompile(`(?i)^</?mail-`)
	tagPattern  = regexp.MustCompile(`^</?[a-zA-Z][^\s/>{]*`)
	textPattern = regexp.MustCompile(`(?i)^<(style|script|title|textarea)[\s>]`)
)

// writer goes through a source.
type writer struct {
	source   string
	at       int
	out      strings.Builder
	elements map[string]element
	open     []tag
	problems []string
	// ended is set when the page of this source has its footer.
	ended bool
}

func (w *writer) problem(at int, format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf("line %d: ", 1+strings.Count(w.source[:at], "\n"))+fmt.Sprintf(format, args...))
}

func (w *writer) copy(n int) {
	w.out.WriteString(w.source[w.at : w.at+n])
	w.at += n
}

func (w *writer) next() {
	rest := w.source[w.at:]
	switch {
	case strings.HasPrefix(rest, "{{"):
		w.copy(markup.ActionLength(rest))
	case strings.HasPrefix(rest, "<!--"):
		n := len(rest)
		if end := strings.Index(rest, "-->"); end >= 0 {
			n = end + len("-->")
		}
		if found := anyPattern.FindStringIndex(rest[:n]); found != nil {
			w.problem(w.at+found[0], "an element of the kit in a comment")
		}
		w.copy(n)
	case textPattern.MatchString(rest):
		name := textPattern.FindStringSubmatch(rest)[1]
		n := len(rest)
		if end := strings.Index(strings.ToLower(rest), "</"+strings.ToLower(name)); end >= 0 {
			n = end
		}
		w.copy(n)
	case ownPattern.MatchString(rest):
		w.element(rest)
	default:
		w.copy(markup.TextLength(rest))
	}
}

// element takes one tag of the kit.
func (w *writer) element(rest string) {
	written := tagPattern.FindString(rest)
	t := tag{name: strings.ToLower(strings.Trim(written, "</")), at: w.at}
	n := markup.TagLength(rest)
	if !strings.HasSuffix(rest[:n], ">") {
		w.problem(w.at, "<%s> without its >", t.name)
	}
	kind, known := w.elements[t.name]
	before := w.out.Len()
	switch {
	case !known:
		w.problem(w.at, "there is no element <%s>%s", t.name, naming.Suggestion(t.name, names(w.elements)))
	case strings.HasPrefix(rest, "</"):
		w.close(t, kind)
	default:
		w.begin(t, kind, strings.TrimSuffix(rest[len(written):n], ">"))
	}
	// The lines after it keep their numbers.
	if missing := strings.Count(rest[:n], "\n") - strings.Count(w.out.String()[before:], "\n"); missing > 0 {
		w.out.WriteString(strings.Repeat("\n", missing))
	}
	w.at += n
}

func (w *writer) begin(t tag, kind element, attributes string) {
	if problem := t.read(attributes); problem != "" {
		w.problem(w.at, "<%s>: %s", t.name, problem)
	} else {
		w.check(t, kind)
	}
	if kind.inside != "" && w.parent() != kind.inside {
		w.problem(w.at, "<%s> stands in <%s>", t.name, kind.inside)
	}
	if t.name == page && len(w.open) > 0 {
		w.problem(w.at, "<%s> stands in no other element", page)
	}
	if t.name == columns {
		t.parts = w.count(column, t.name)
	}
	t.width = w.room(t)
	if !kind.alone {
		w.open = append(w.open, t)
	}
	kind.open(w, t)
}

func (w *writer) close(t tag, kind element) {
	if kind.alone {
		w.problem(w.at, "<%s> has no end", t.name)
		return
	}
	if len(w.open) == 0 || w.parent() != t.name {
		if inner := w.parent(); inner != "" {
			w.problem(w.at, "</%s> where </%s> is due", t.name, inner)
		} else {
			w.problem(w.at, "</%s> without its beginning", t.name)
		}
		return
	}
	began := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	kind.end(w, began)
}

// parent is the name of the element around, "" for none.
func (w *writer) parent() string {
	if len(w.open) == 0 {
		return ""
	}
	return w.open[len(w.open)-1].name
}

// room is how many pixels wide an element can be where it begins.
func (w *writer) room(t tag) int {
	width := maxWidth - 2*sheetPadding
	for _, around := range w.open {
		switch around.name {
		case panel:
			width -= 2 * panelPadding
		case columns:
			width = around.width / max(1, around.parts)
		case column:
			width -= cellPadding
		}
	}
	return width
}

// count is how many elements of a name begin before the end of the one that is open.
func (w *writer) count(name, until string) int {
	rest := w.source[w.at:]
	if end := strings.Index(strings.ToLower(rest), "</"+until); end >= 0 {
		rest = rest[:end]
	}
	return len(regexp.MustCompile(`(?i)<`+name+`[\s>]`).FindAllString(rest, -1))
}

// check looks at the attributes.
func (w *writer) check(t tag, kind element) {
	for _, a := range t.attributes {
		switch {
		case slices.Contains(kind.literal, a.name) && strings.Contains(a.value, "{{"):
			w.problem(w.at, "<%s>: %s is written as it is, without an action", t.name, a.name)
		case slices.Contains(kind.attributes, a.name), passes(a.name):
		default:
			w.problem(w.at, "<%s>: there is no attribute %s%s", t.name, a.name, naming.Suggestion(a.name, kind.attributes))
		}
	}
	for _, name := range kind.required {
		if a, ok := t.find(name); !ok || a.value == "" && name != "alt" {
			w.problem(w.at, "<%s>: %s is missing", t.name, name)
		}
	}
}

// passes reports whether every element takes an attribute, which goes to the one that it
// is about.
func passes(name string) bool {
	return name == "id" || name == "title" || name == "lang" || name == "dir" || strings.HasPrefix(name, "data-") || strings.HasPrefix(name, "aria-")
}

func names(of map[string]element) []string {
	var all []string
	for name := range of {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// choice is an attribute with a few values, the first of which stands for none.
func (w *writer) choice(t tag, name string, values ...string) string {
	a, ok := t.find(name)
	if !ok {
		return values[0]
	}
	if !slices.Contains(values, a.value) {
		w.problem(t.at, "<%s>: %s is %s, not %q", t.name, name, strings.Join(values, " or "), a.value)
		return values[0]
	}
	return a.value
}

// pixels is an attribute that is a number of pixels.
func (w *writer) pixels(t tag, name string, usual, most int) int {
	a, ok := t.find(name)
	if !ok {
		return usual
	}
	n, err := strconv.Atoi(a.value)
	if err != nil || n < 1 || n > most {
		w.problem(t.at, "<%s>: %s is a number of pixels from 1 to %d, not %q", t.name, name, most, a.value)
		return usual
	}
	return n
}
