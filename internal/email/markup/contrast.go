package markup

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/color"
)

// ink is how a text is written, as far as styles in elements tell.
type ink struct {
	text, back color.RGB
	// unsure is set where a color is one that cannot be told: of a picture, half transparent.
	unsureText, unsureBack bool
	size                   float64 // in pixels; 0 is none
	bold                   bool
}

// faint finds texts whose contrast is below what WCAG 2 asks for at level AA: 4.5, and 3 of
// large ones. It reads style attributes and bgcolor, where all is that could be inlined; what
// a media query changes it does not know.
func faint(root *html.Node) []string {
	var found []string
	var walk func(*html.Node, ink)
	walk = func(n *html.Node, i ink) {
		switch n.Type {
		case html.TextNode:
			if words := strings.Join(strings.Fields(strings.Map(visible, n.Data)), " "); words != "" && !i.readable() {
				found = append(found, fmt.Sprintf("contrast %.1f of %s on %s, below %.1f: %s", color.Contrast(i.text, i.back), i.text, i.back, i.least(), clip.Short(words, 40)))
			}
			return
		case html.ElementNode:
			switch n.DataAtom {
			case atom.Head, atom.Style, atom.Script, atom.Title, atom.Template, atom.Noscript:
				return
			}
			if isHidden(n) {
				return
			}
			i = i.inside(n)
		}
		for c := range n.ChildNodes() {
			walk(c, i)
		}
	}
	walk(root, ink{back: color.RGB{R: 255, G: 255, B: 255}, size: 16})
	return found
}

func (i ink) readable() bool {
	return i.unsureText || i.unsureBack || i.size == 0 || color.Contrast(i.text, i.back) >= i.least()-0.05
}

// least is the contrast that the text needs.
func (i ink) least() float64 {
	const large, largeBold = 24, 18.66
	if i.size >= large || i.bold && i.size >= largeBold {
		return color.Large
	}
	return color.Text
}

// inside is the ink of an element's content.
func (i ink) inside(n *html.Node) ink {
	switch n.DataAtom {
	case atom.A:
		if hasAttribute(n, "href") {
			i.text, i.unsureText = color.RGB{B: 0xee}, false // unless it is said otherwise
		}
	case atom.H1:
		i.size, i.bold = 32, true
	case atom.H2:
		i.size, i.bold = 24, true
	case atom.H3, atom.H4, atom.H5, atom.H6, atom.B, atom.Strong, atom.Th:
		i.bold = true
	}
	if back, ok := color.Parse(attribute(n, "bgcolor")); ok {
		i.back, i.unsureBack = back, false
	}
	block := parseDeclarations(attribute(n, "style"))
	for _, d := range append(block.normal, block.important...) {
		i.declare(d)
	}
	return i
}

var (
	sizePattern = regexp.MustCompile(`(?i)(?:^|\s)([0-9.]+)px`)
	boldPattern = regexp.MustCompile(`(?i)(?:^|\s)(bold|bolder|[6-9]00)(?:\s|$)`)
)

func (i *ink) declare(d declaration) {
	value := strings.ToLower(d.value)
	switch d.name {
	case "color":
		if value == "inherit" {
			return
		}
		c, ok := color.Parse(value)
		i.text, i.unsureText = c, !ok
	case "background", "background-color":
		if value == "transparent" || value == "none" || value == "inherit" || value == "0" {
			return
		}
		c, ok := color.Parse(value)
		i.back, i.unsureBack = c, !ok
	case "opacity":
		i.unsureText = i.unsureText || value != "1"
	case "font-size", "font":
		if m := sizePattern.FindStringSubmatch(value); m != nil {
			i.size, _ = strconv.ParseFloat(m[1], 64) // digits and dots; what is no number is 0
		} else if d.name == "font-size" && value == "0" {
			i.size = 0
		}
		if d.name == "font" {
			i.bold = boldPattern.MatchString(value)
		}
	case "font-weight":
		i.bold = boldPattern.MatchString(value)
	}
}
