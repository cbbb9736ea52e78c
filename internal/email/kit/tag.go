package kit

import (
	"slices"
	"strings"

	"github.com/hogsend/hogsend/internal/email/markup"
)

// tag is one beginning of an element.
type tag struct {
	name       string
	at         int
	attributes []attribute
	// parts are the columns that it has, width the pixels that it can take.
	parts, width int
}

// attribute is one as it was written, with its actions; value is without quotes.
type attribute struct{ name, value, quote string }

// String is the attribute under a name, as HTML.
func (a attribute) as(name string) string { return " " + name + "=" + a.quote + a.value + a.quote }

func (t tag) find(name string) (attribute, bool) {
	at := slices.IndexFunc(t.attributes, func(a attribute) bool { return a.name == name })
	if at < 0 {
		return attribute{}, false
	}
	return t.attributes[at], true
}

// text is the value of an attribute, or another one where it is missing.
func (t tag) text(name, otherwise string) string {
	if a, ok := t.find(name); ok {
		return a.value
	}
	return otherwise
}

// as is an attribute of the element under the name it has in HTML; "" where it is missing.
func (t tag) as(name, written string) string {
	if a, ok := t.find(name); ok {
		return a.as(written)
	}
	return ""
}

// others are the attributes that every element takes.
func (t tag) others() string {
	var b strings.Builder
	for _, a := range t.attributes {
		if passes(a.name) && (t.name != page || a.name != "lang") {
			b.WriteString(a.as(a.name))
		}
	}
	return b.String()
}

// read takes the attributes apart and returns what is wrong with them.
func (t *tag) read(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" || text == "/" {
			return ""
		}
		end := strings.IndexAny(text, " \t\r\n=/{\"'<")
		if end < 0 {
			end = len(text)
		}
		if end == 0 {
			if strings.HasPrefix(text, "{{") {
				return "an action stands in the value of an attribute only"
			}
			return "cannot be read at " + text[:1]
		}
		a := attribute{name: strings.ToLower(text[:end]), quote: `"`}
		if _, twice := t.find(a.name); twice {
			return a.name + " stands there twice"
		}
		text = text[end:]
		if value, found := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "="); found {
			value = strings.TrimLeft(value, " \t\r\n")
			if value == "" || value[0] != '"' && value[0] != '\'' {
				return a.name + " has a value without quotes"
			}
			n := quoted(value)
			if n < 0 {
				return a.name + " has a value without its end"
			}
			a.quote, a.value, text = value[:1], value[1:n], value[n+1:]
		}
		t.attributes = append(t.attributes, a)
	}
}

// quoted is where the value ends whose quote the text begins with; -1 is nowhere.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "{{"):
			i += markup.ActionLength(text[i:]) - 1
		case text[i] == text[0]:
			return i
		}
	}
	return -1
}
