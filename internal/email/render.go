package email

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"
	"unicode"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email/markup"
	"github.com/hogsend/hogsend/internal/naming"
)

// Renderer renders the templates of one registry. It never changes and is safe for
// concurrent use.
type Renderer struct {
	templates map[string]*compiled
}

// compiled is one template, parsed.
type compiled struct {
	hogsend.Template
	props reflect.Type
	// text and preview are nil when the template has none.
	subject, text, preview *texttemplate.Template
	html                   *htmltemplate.Template
	// sheets are the style blocks seen at the start, which are nearly always all there are.
	sheets markup.Sheets
	// sources are the texts of html as parsed, by the names of their templates.
	sources map[string]string
	markers *markup.Markers
	answers *answers
	local   *localized // nil for a template that prints no dates
}

// Lookup is the definition under a key, its layout filled in.
func (r *Renderer) Lookup(key string) (hogsend.Template, bool) {
	c, ok := r.templates[key]
	if !ok {
		return hogsend.Template{}, false
	}
	return c.Template, true
}

// Keys are all keys, sorted.
func (r *Renderer) Keys() []string { return slices.Sorted(maps.Keys(r.templates)) }

// Input is what one mail is rendered from.
type Input struct {
	// Props is JSON of the template's props type; empty or null means its zero value.
	Props   json.RawMessage
	Contact hogsend.Contact
	// About is whom the mail is about; the zero value is Contact.
	About                  hogsend.Contact
	JourneyID, JourneyName string
	// Subject replaces the template's, as it is; "" keeps it.
	Subject string
	// Zone is the recipient's time zone, asked for by templates that print dates; nil is UTC.
	Zone                                      func() string
	UnsubscribeURL, PreferencesURL, PublicURL string
	// AnswerURL makes the links of answers; nil is AnswerURL without a signer.
	AnswerURL func(Answer) (string, error)
}

// Rendered is the content of one mail.
type Rendered struct {
	// Subject is one line of 1 to 998 characters.
	Subject string
	// HTML has its styles inlined; it is "" of a plain text mail. Text is never empty.
	HTML, Text string
	// Preview is the line beside the subject, "" if the template has none. It is in HTML, hidden.
	Preview string
	// Answers are those that HTML and text have links for, in their order.
	Answers []Answer
	// Category is the template's own, the weakest but one of E-19.
	Category string
}

const maxSubject = 998

// Render makes a mail. Errors are *hogsend.ValidationError: of field template for a
// key that is not there (E-3), of field props for props that do not fit and for
// whatever goes wrong while rendering (E-6), of field subject for an override that
// is too long. The same input gives the same bytes.
func (r *Renderer) Render(key string, in Input) (Rendered, error) {
	c, ok := r.templates[key]
	if !ok {
		return Rendered{}, &hogsend.ValidationError{
			Field: "template", Message: "there is no template \"" + key + "\"" + naming.Suggestion(key, r.Keys()),
		}
	}
	props, err := c.decode(in.Props)
	if err != nil {
		return Rendered{}, &hogsend.ValidationError{Field: "props", Message: err.Error()}
	}
	c, err = c.in(in.Zone)
	if err != nil {
		return Rendered{}, &hogsend.ValidationError{Field: "zone", Message: err.Error()}
	}
	rendered, failure := c.render(c.data(in, props))
	if failure != nil {
		message := templateError(failure.cause)
		if refused := (*refusedError)(nil); errors.As(failure.cause, &refused) {
			message = "template " + key + ": " + message
		}
		return Rendered{}, &hogsend.ValidationError{Field: "props", Message: message}
	}
	if problem := subjectProblem(rendered.Subject); problem != "" {
		if oneLine(in.Subject) != "" {
			return Rendered{}, &hogsend.ValidationError{Field: "subject", Message: problem}
		}
		return Rendered{}, &hogsend.ValidationError{Field: "props", Message: "the rendered subject " + problem}
	}
	if err := c.answer(&rendered, in); err != nil {
		return Rendered{}, &hogsend.ValidationError{Field: "props", Message: err.Error()}
	}
	return rendered, nil
}

// answer puts the links of answers into a mail.
func (c *compiled) answer(r *Rendered, in Input) (err error) {
	link := in.AnswerURL
	if link == nil {
		link = func(a Answer) (string, error) { return AnswerURL(in.PublicURL, nil, "", a) }
	}
	if r.HTML, err = c.answers.settle(r.HTML, &r.Answers, link); err == nil {
		r.Text, err = c.answers.settle(r.Text, &r.Answers, link)
	}
	return err
}

// decode reads props strictly: a field that the props type does not have is a
// mistake that would otherwise leave a hole in a mail.
func (c *compiled) decode(raw json.RawMessage) (any, error) {
	props := reflect.New(c.props)
	if len(bytes.TrimSpace(raw)) == 0 {
		return props.Elem().Interface(), nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	decoder.UseNumber() // ids with many digits stay what they are (E-79)
	if err := decoder.Decode(props.Interface()); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one JSON value")
	}
	if holdsNUL(raw) {
		return nil, errors.New("has a NUL character, which the database cannot store")
	}
	return props.Elem().Interface(), nil
}

// holdsNUL reports whether a string of the valid JSON holds U+0000. The cheap look
// comes first: a backslash before it may itself be escaped.
func holdsNUL(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`\u0000`)) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if s, ok := token.(string); ok && strings.Contains(s, "\x00") {
			return true
		}
	}
}

func (c *compiled) data(in Input, props any) hogsend.TemplateData {
	if in.About.ID == "" {
		in.About = in.Contact
	}
	return hogsend.TemplateData{
		Props: props, Contact: in.Contact, About: in.About, Name: nameOf(in.Contact), Subject: oneLine(in.Subject),
		JourneyID: in.JourneyID, JourneyName: in.JourneyName,
		UnsubscribeURL: in.UnsubscribeURL, PreferencesURL: in.PreferencesURL, PublicURL: in.PublicURL,
	}
}

// nameOf is how to address a contact (E-4).
func nameOf(c hogsend.Contact) string {
	for _, property := range []string{"firstName", "name"} {
		if name, ok := c.Properties[property].(string); ok && strings.TrimSpace(name) != "" {
			return strings.TrimSpace(name)
		}
	}
	local, _, _ := strings.Cut(strings.TrimSpace(c.Email), "@")
	return local
}

// renderError says which field of the definition did not render.
type renderError struct {
	field string
	cause error
}

// executor is what text and HTML templates have in common.
type executor interface {
	Execute(w io.Writer, data any) error
}

// render makes subject, HTML and text in this order: the later ones see the subject.
// data.Subject, when set, is the override.
func (c *compiled) render(data hogsend.TemplateData) (Rendered, *renderError) {
	var failure *renderError
	execute := func(field string, t executor) string {
		if failure != nil {
			return ""
		}
		var b strings.Builder
		if err := t.Execute(&b, data); err != nil {
			failure = &renderError{field, explain(err)}
		}
		return b.String()
	}
	override := data.Subject
	data.Subject = ""
	subject := cmp.Or(override, oneLine(execute("Subject", c.subject)))
	data.Subject = subject
	r := Rendered{Subject: subject, Category: c.Category}
	if c.preview != nil {
		r.Preview = strings.Join(strings.Fields(execute("Preview", c.preview)), " ")
	}
	if c.text != nil {
		r.Text = strings.TrimSpace(execute("Text", c.text)) + "\n"
	}
	if c.html == nil {
		if failure == nil && strings.TrimSpace(r.Text) == "" {
			failure = &renderError{"Text", errors.New("is empty")}
		}
		return r, failure
	}
	source := execute("HTML", c.html)
	if failure != nil {
		return Rendered{}, failure
	}
	if err := leftover(source, c.sources); err != nil && !holds(data, failsafe) {
		return Rendered{}, &renderError{"HTML", err}
	}
	source, islands := c.markers.Take(source)
	doc, err := markup.Parse(source)
	if err != nil {
		return Rendered{}, &renderError{"HTML", err}
	}
	doc.Inline(c.sheets)
	if c.text == nil {
		r.Text = doc.PlainText()
	}
	if r.Preview != "" {
		doc.AddPreview(r.Preview)
	}
	if r.HTML, err = doc.String(); err != nil {
		return Rendered{}, &renderError{"HTML", err}
	}
	r.HTML = c.markers.PutBack(doctypeOf(source, r.HTML), islands)
	return r, nil
}

var doctypePattern = regexp.MustCompile(`(?i)<!doctype[^>]*>`)

// doctypeOf gives the mail the DOCTYPE as its author wrote it: old mail programs look
// at the very text (E-76).
func doctypeOf(source, written string) string {
	found := doctypePattern.FindString(source)
	if at := doctypePattern.FindStringIndex(written); at != nil && at[0] == 0 && found != "" {
		return found + written[at[1]:]
	}
	return written
}

// holds reports whether a value that the template sees has the word in it.
func holds(data hogsend.TemplateData, word string) bool {
	return strings.Contains(fmt.Sprintf("%+v", data), word)
}

// oneLine is s with a blank for every run of control characters and line ends, trimmed (E-5).
func oneLine(s string) string {
	var b strings.Builder
	control := false
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			control = true
			continue
		}
		if control {
			b.WriteByte(' ')
			control = false
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

func subjectProblem(subject string) string {
	switch {
	case subject == "":
		return "is empty"
	case utf8.RuneCountInString(subject) > maxSubject:
		return "is longer than 998 characters"
	}
	return ""
}

func templateError(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/"), "template: ")
}

// localized are the copies of a template that prints dates, one for each zone that it was
// rendered for: html/template binds functions when it is first executed. There are as
// many as zones at most.
type localized struct {
	html    *htmltemplate.Template // never executed
	schemes []string
	mu      sync.Mutex
	zones   map[string]*compiled
}

// in is the template for a recipient in a zone.
func (c *compiled) in(ask func() string) (*compiled, error) {
	if c.local == nil {
		return c, nil
	}
	name := "UTC"
	if ask != nil {
		name = ask()
	}
	return c.with(name, c.local.schemes)
}

var sampleContact = hogsend.Contact{ID: "00000000-0000-0000-0000-000000000000", Email: "ada@example.com"}
