package email

import (
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/email/markup"
)

// failsafe is what html/template puts in the place of a value that it holds to be
// dangerous. A mail with it is worse than none: it is an error instead (E-78).
const failsafe = "ZgotmplZ"

// mailSchemes are the schemes of links that every mail may have.
func mailSchemes() []string { return []string{"http", "https", "mailto", "tel", "sms", "cid"} }

// guards stand in for the filters of html/template, by the names under which it puts
// them into a template when it is first executed. They are stricter in that they refuse
// what those replace, and know the schemes that an author has declared.
func guards(schemes []string) htmltemplate.FuncMap {
	allowed := append(mailSchemes(), schemes...)
	return htmltemplate.FuncMap{
		"_html_template_urlfilter":      func(args ...any) (string, error) { return link(allowed, args) },
		"_html_template_cssvaluefilter": cssValue,
	}
}

// placed is a text that is printed at a place of a template where a guard may refuse it.
type placed struct {
	text, place string
	image       bool // at the start of an attribute that shows an image
}

func (p placed) String() string { return p.text }

// MarshalJSON keeps it a text where html/template writes JavaScript.
func (p placed) MarshalJSON() ([]byte, error) { return json.Marshal(p.text) }

// refusedError is a value that a guard has refused.
type refusedError struct{ place, reason string }

func (e *refusedError) Error() string { return e.place + ": " + e.reason }

// refused is the error for a value, which knows its place if it is a placed text.
func refused(args []any, reason string) error {
	if p, ok := args[0].(placed); ok {
		return &refusedError{p.place, reason}
	}
	return errors.New(reason)
}

// explain leaves of an error in a template what a guard has said.
func explain(err error) error {
	var refused *refusedError
	if errors.As(err, &refused) {
		return refused
	}
	return err
}

// link is a value at the start of a URL.
func link(allowed []string, args []any) (string, error) {
	if v, ok := args[0].(htmltemplate.URL); ok {
		return string(v), nil
	}
	text := fmt.Sprint(args...)
	const data = "data:image/"
	if p, ok := args[0].(placed); ok && p.image && len(text) > len(data) && strings.EqualFold(text[:len(data)], data) {
		return text, nil
	}
	scheme, _, ok := strings.Cut(text, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return text, nil
	}
	if scheme = strings.TrimSpace(scheme); slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, scheme) }) {
		return text, nil
	}
	return "", refused(args, fmt.Sprintf("the scheme %q of a link is neither one of mail nor declared in Registry.LinkSchemes", clip.Short(scheme, 32)))
}

var colorPattern = regexp.MustCompile(`(?i)^\s*(?:rgb|hsl)a?\([0-9.,%/\s+-]*\)\s*$`)

const styleReason = "a value is not one that may stand in a style"

// cssValue is a value in a style: a word, a number, a color.
func cssValue(args ...any) (string, error) {
	if v, ok := args[0].(htmltemplate.CSS); ok && len(args) == 1 {
		return string(v), nil
	}
	text := fmt.Sprint(args...)
	if colorPattern.MatchString(text) {
		return text, nil
	}
	if strings.ContainsAny(text, "\x00\"'()/;@[\\]`{}<>") || strings.Contains(text, "--") {
		return "", refused(args, styleReason)
	}
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r | 0x20
		}
		return -1
	}, text)
	if strings.Contains(letters, "expression") || strings.Contains(letters, "mozbinding") {
		return "", refused(args, styleReason)
	}
	return text, nil
}

var attributePattern = regexp.MustCompile(`(?s)([A-Za-z_:@][-\w:.]*)\s*=\s*("[^"]*|'[^']*|[^\s"'>]*)$`)

// attributeAt is the attribute whose value the end of the text is in, and whether it is
// at the value's start; "" is none.
func attributeAt(text string) (name string, start bool) {
	if at := strings.LastIndexByte(text, '<'); at >= 0 {
		text = text[at:]
	}
	match := attributePattern.FindStringSubmatch(text)
	if match == nil {
		return "", false
	}
	return strings.ToLower(match[1]), strings.Trim(match[2], `"'`) == ""
}

// withoutActions is template source without what is executed.
func withoutActions(source string) string {
	var b strings.Builder
	for {
		at := strings.Index(source, "{{")
		if at < 0 {
			b.WriteString(source)
			return b.String()
		}
		b.WriteString(source[:at])
		source = source[at+markup.ActionLength(source[at:]):]
	}
}

// The names of the HTML templates.
const (
	layoutName  = "layout"
	contentName = "content"
)

// leftover finds the failsafe of a filter that has no guard: of an unquoted attribute,
// of a srcset, of an attribute's name.
func leftover(executed string, sources map[string]string) error {
	at := strings.Index(executed, failsafe)
	if at < 0 {
		return nil
	}
	name, _ := attributeAt(executed[:at])
	if name == "" {
		name = "?"
	}
	pattern := regexp.MustCompile(`(?is)` + regexp.QuoteMeta(name) + `\s*=\s*["']?[^>]*?\{\{`)
	for _, source := range []string{contentName, layoutName} {
		if found := pattern.FindStringIndex(sources[source]); found != nil {
			return &refusedError{placeOf(source, sources[source][:found[1]-2]), "a value that is empty or may not stand there; quote the attribute"}
		}
	}
	return &refusedError{"attribute " + name, "a value that may not stand there"}
}

func fieldOf(source string) string {
	if source == layoutName {
		return "Layout"
	}
	return "HTML"
}

// placeOf says where in a source the text before it ends.
func placeOf(source, before string) string {
	where := "a style"
	if name, _ := attributeAt(withoutActions(before)); name != "" {
		where = "attribute " + name
	}
	return fmt.Sprintf("%s line %d, %s", fieldOf(source), 1+strings.Count(before, "\n"), where)
}
