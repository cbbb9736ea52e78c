package email

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email/markup"
)

// A RenderError is a template that cannot be rendered with some props.
type RenderError struct {
	// Field is that of the template; Message names its line.
	Field, Message string
}

func (e *RenderError) Error() string { return e.Field + ": " + e.Message }

// PreviewProps are the props with which a template is looked at: samples, overlaid by the
// first of its examples, overlaid by those that are given (E-7). They are not checked.
func (r *Renderer) PreviewProps(key string, given json.RawMessage) (json.RawMessage, error) {
	c, ok := r.templates[key]
	if !ok {
		return nil, fmt.Errorf("there is no template %q", key)
	}
	layers := []any{sampleOf("", c.props, 0)}
	if len(c.Examples) > 0 {
		layers = append(layers, c.Examples[slices.Min(slices.Collect(maps.Keys(c.Examples)))])
	}
	if len(given) > 0 {
		layers = append(layers, given)
	}
	props := map[string]json.RawMessage{}
	for _, layer := range layers {
		raw, err := json.Marshal(layer)
		if err != nil {
			return nil, fmt.Errorf("encode props: %w", err)
		}
		if err := json.Unmarshal(raw, &props); err != nil {
			return nil, &hogsend.ValidationError{Field: "props", Message: "must be an object"}
		}
	}
	raw, err := json.Marshal(props)
	if err != nil {
		return nil, fmt.Errorf("encode props: %w", err)
	}
	return raw, nil
}

// Preview renders a template for looking at it, with a dummy for the links of unsubscribing.
// Without given props every template has one (E-7). Props that do not fit are a
// *hogsend.ValidationError, those with which it does not render a *RenderError.
func (r *Renderer) Preview(key string, given json.RawMessage, publicURL string) (Rendered, error) {
	props, err := r.PreviewProps(key, given)
	if err != nil {
		return Rendered{}, err
	}
	c, zone := r.templates[key], "UTC"
	rendered, err := c.look(zone, props, publicURL)
	if err != nil && len(given) == 0 { // samples that this template does not like
		for _, other := range []struct {
			zone  string
			props any
		}{{zone, firstExample(c)}, {zone, nil}, {lenient, props}, {lenient, nil}} {
			if raw, encoded := json.Marshal(other.props); encoded == nil {
				if rendered, failed := c.look(other.zone, raw, publicURL); failed == nil {
					return rendered, nil
				}
			}
		}
	}
	return rendered, err
}

// Warnings are what is no mistake of the templates, but seldom meant, with made-up props and
// with each example: a line each, none of them twice (E-91).
func (r *Renderer) Warnings(publicURL string) []string {
	var all []string
	for _, key := range r.Keys() {
		given := []json.RawMessage{nil}
		for _, name := range slices.Sorted(maps.Keys(r.templates[key].Examples)) {
			if raw, err := json.Marshal(r.templates[key].Examples[name]); err == nil {
				given = append(given, raw)
			}
		}
		var found []string
		for _, props := range given {
			if rendered, err := r.Preview(key, props, publicURL); err == nil { // else whoever looks at it is told
				found = append(found, markup.Lint(rendered.HTML, publicURL)...)
			}
		}
		slices.Sort(found)
		for _, line := range slices.Compact(found) {
			all = append(all, "template "+key+": "+line)
		}
	}
	return all
}

func firstExample(c *compiled) any {
	if len(c.Examples) == 0 {
		return nil
	}
	return c.Examples[slices.Min(slices.Collect(maps.Keys(c.Examples)))]
}

// look renders a preview, with dates as in a zone, or without those that are none.
func (c *compiled) look(zone string, raw json.RawMessage, publicURL string) (Rendered, error) {
	props, err := c.decode(raw)
	if err != nil {
		return Rendered{}, &hogsend.ValidationError{Field: "props", Message: err.Error()}
	}
	if c.local != nil {
		if c, err = c.with(zone, c.local.schemes); err != nil {
			return Rendered{}, &RenderError{"HTML", err.Error()}
		}
	}
	dummy := publicURL + "/v1/email/unsubscribe?token=preview"
	rendered, failure := c.render(c.data(Input{
		Contact: previewContact, JourneyName: "Journey", PublicURL: publicURL, UnsubscribeURL: dummy, PreferencesURL: publicURL + "/v1/email/preferences?token=preview",
	}, props))
	if failure != nil {
		return Rendered{}, &RenderError{failure.field, templateError(failure.cause)}
	}
	if problem := subjectProblem(rendered.Subject); problem != "" {
		return Rendered{}, &RenderError{"Subject", problem}
	}
	if err := c.answer(&rendered, Input{PublicURL: publicURL}); err != nil {
		return Rendered{}, &RenderError{"HTML", err.Error()}
	}
	return rendered, nil
}

var previewContact = hogsend.Contact{ID: sampleContact.ID, Email: sampleContact.Email, Properties: hogsend.Properties{"firstName": "Ada"}}

// sampleTime is that of samples.
var sampleTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// maxSampleDepth bounds types that hold themselves.
const maxSampleDepth = 4

// sampleOf makes up a value of a type for a field of a name, as JSON writes it.
func sampleOf(name string, t reflect.Type, depth int) any {
	if depth > maxSampleDepth {
		return nil
	}
	if t == reflect.TypeFor[time.Time]() {
		return sampleTime
	}
	switch t.Kind() {
	case reflect.Pointer:
		return sampleOf(name, t.Elem(), depth+1)
	case reflect.String:
		return sampleText(name)
	case reflect.Bool:
		return true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return 3
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil
		}
		return []any{sampleOf(name, t.Elem(), depth+1)}
	case reflect.Struct:
		fields := map[string]any{}
		for field := range t.Fields() {
			wire, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || wire == "-" || field.Anonymous {
				continue
			}
			if wire == "" {
				wire = field.Name
			}
			if sample := sampleOf(field.Name, field.Type, depth+1); sample != nil {
				fields[wire] = sample
			}
		}
		return fields
	}
	return nil
}

// sampleText is a word that fits the name of its field.
func sampleText(name string) string {
	if strings.HasSuffix(name, "At") || strings.HasSuffix(name, "On") || strings.HasSuffix(name, "Until") {
		return "2026-03-01"
	}
	lower := strings.ToLower(name)
	for _, one := range [][2]string{
		{"url", sampleURL}, {"link", sampleURL}, {"mail", sampleContact.Email}, {"date", "2026-03-01"}, {"day", "2026-03-01"}, {"name", "Ada"}, {"currency", "EUR"},
	} {
		if strings.Contains(lower, one[0]) {
			return one[1]
		}
	}
	return name
}
