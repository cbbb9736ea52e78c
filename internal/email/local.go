package email

import (
	"fmt"
	"io"
	"reflect"
	"regexp"
	texttemplate "text/template"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/zone"
)

// localName is the template function that prints a date in the recipient's zone (S-43).
const localName = "local"

// lenient stands for a zone in which whatever is no date prints as nothing: zero props have
// no dates.
const lenient = ""

var callsLocal = regexp.MustCompile(`\{\{[^}]*\b` + localName + `\b`)

// with is the template with the function local bound to a zone.
func (c *compiled) with(name string, schemes []string) (*compiled, error) {
	if c.local == nil {
		return c, nil
	}
	c.local.mu.Lock()
	defer c.local.mu.Unlock()
	if bound := c.local.zones[name]; bound != nil {
		return bound, nil
	}
	loc := time.UTC
	if name != lenient {
		var err error
		if loc, err = zone.Load(name); err != nil {
			return nil, err
		}
	}
	bound, err := c.bind(localIn(loc, name == lenient), schemes)
	if err == nil {
		c.local.zones[name] = bound
	}
	return bound, err
}

// bind copies the template with its own function.
func (c *compiled) bind(local func(any, string) (string, error), schemes []string) (*compiled, error) {
	bound := *c
	functions := map[string]any{localName: local}
	for _, t := range []**texttemplate.Template{&bound.subject, &bound.text, &bound.preview} {
		if *t == nil {
			continue
		}
		copied, err := (*t).Clone()
		if err != nil {
			return nil, err
		}
		*t = copied.Funcs(functions)
	}
	if c.local.html == nil {
		return &bound, nil
	}
	html, err := c.local.html.Clone()
	if err != nil {
		return nil, err
	}
	bound.html = html.Funcs(functions)
	// Executed once, html/template has put its filters in; with what comes out of zero
	// props something may be wrong, which is no matter here.
	data := c.data(Input{Contact: sampleContact}, reflect.Zero(c.props).Interface())
	_ = bound.html.Execute(io.Discard, data)
	bound.html.Funcs(guards(schemes))
	return &bound, nil
}

// localIn prints a time or a date of text in a zone by a layout of package time.
func localIn(loc *time.Location, zeroProps bool) func(value any, layout string) (string, error) {
	return func(value any, layout string) (string, error) {
		switch v := value.(type) {
		case time.Time:
			return v.In(loc).Format(layout), nil
		case *time.Time:
			if v != nil {
				return v.In(loc).Format(layout), nil
			}
		case string:
			if date, ok := zone.ParseDate(v); ok {
				return date.Format(layout, loc), nil
			}
		}
		if zeroProps {
			return "", nil
		}
		return "", &hogsend.ValidationError{Field: localName, Message: fmt.Sprintf("%.60q is not a date", fmt.Sprint(value))}
	}
}
