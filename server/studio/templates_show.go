package studio

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

func templateURL(key string) string { return "/studio/templates/" + url.PathEscape(key) }

// templateDays is how far back the figures of templates look.
const templateDays = 30

// listTemplates is the list of U-30.
func (s *Studio) listTemplates(r *request) error {
	var v view.Templates
	since := s.instant().AddDate(0, 0, -templateDays)
	figures := map[string]storedb.FiguresTemplatesRow{}
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.FiguresTemplates(r.ctx(), &since, nil)
		for _, row := range rows {
			figures[row.TemplateKey] = row
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range s.cfg.Renderer.Keys() {
		t, _ := s.cfg.Renderer.Lookup(key)
		f := figures[key]
		v.Rows = append(v.Rows, view.TemplateRow{
			URL: templateURL(key), Key: key, Subject: cut(visible(t.Subject), 60), Category: t.Category, Used: s.usedBy(key), Sent: number(f.Sent),
			Opened: percent(f.Opened, f.Sent), Clicked: percent(f.Clicked, f.Sent),
		})
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "There are no templates", Text: "A template is a mail with places for props, in Go:", Command: `hogsend.Template{
	Key: "welcome", Subject: "Welcome, {{.Name}}", HTML: "<p>Hello {{.Name}}</p>",
}`}
	}
	v.Frame = s.frame(r, "Templates", "Templates")
	return s.show(r, http.StatusOK, "templates", v)
}

// usedBy are the journeys and reactions that say that they send a template.
func (s *Studio) usedBy(key string) []view.Link {
	var out []view.Link
	for _, id := range sorted(s.coded) {
		if j := s.coded[id]; slices.Contains(j.Templates, key) {
			out = append(out, view.Link{Text: nameOfJourney(j), URL: journeyURL(j.ID)})
		}
	}
	return out
}

// template is the one that the path or the form names.
func (s *Studio) template(key string) (hogsend.Template, error) {
	t, found := s.cfg.Renderer.Lookup(key)
	if !found {
		return t, &problem{status: http.StatusNotFound, heading: "No such template", text: "No template of this build has this key.", next: [2]string{"Go to the templates", "/studio/templates"}}
	}
	return t, nil
}

// exampleOf are the props of a named example; nil for what the renderer makes up.
func exampleOf(t hogsend.Template, name string) json.RawMessage {
	if example, found := t.Examples[name]; found {
		if raw, err := json.Marshal(example); err == nil {
			return raw
		}
	}
	return nil
}

// showTemplate is one of U-30: as it looks at a desk and on a phone, by day and by night.
func (s *Studio) showTemplate(r *request) error {
	v, err := s.templatePage(r, r.PathValue("key"), r.query("example"))
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "template", v)
}

func (s *Studio) templatePage(r *request, key, example string) (view.Template, error) {
	t, err := s.template(key)
	if err != nil {
		return view.Template{}, err
	}
	v := view.Template{
		Key: key, Category: t.Category, Used: s.usedBy(key), Dark: r.query("scheme") == "dark", Mails: "/studio/mails?template=" + url.QueryEscape(key),
		To: r.session.User.Email, Example: example, Test: r.button("Send a test", "", users.Operator),
	}
	if s.cfg.SendTest == nil {
		v.Test.Refused = "This process sends no mails."
	}
	at := func(scheme, example string) string {
		q := url.Values{}
		if scheme != "" {
			q.Set("scheme", scheme)
		}
		if example != "" {
			q.Set("example", example)
		}
		return withQuery(templateURL(key), q)
	}
	scheme := ""
	if v.Dark {
		scheme = "dark"
	}
	v.Schemes = []view.Segment{{Label: "Light", URL: at("", example), Here: !v.Dark}, {Label: "Dark", URL: at("dark", example), Here: v.Dark}}
	for _, name := range sorted(t.Examples) {
		v.Examples = append(v.Examples, view.Segment{Label: visible(name), URL: at(scheme, name), Here: name == example})
	}
	if props, err := s.cfg.Renderer.PreviewProps(key, exampleOf(t, example)); err == nil {
		v.Props = indented(props)
	}
	switch rendered, err := s.cfg.Renderer.Preview(key, exampleOf(t, example), s.cfg.PublicURL); {
	case err != nil:
		v.Problem = renderProblem(err)
	default:
		v.Subject, v.Preview, v.Text = visible(rendered.Subject), visible(rendered.Preview), rendered.Text
		v.Body = withQuery("/studio/template-body", url.Values{"key": {key}, "example": {example}})
		v.Warnings = mailWarnings(rendered, t)
	}
	since := s.instant().AddDate(0, 0, -templateDays)
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.FiguresTemplates(r.ctx(), &since, nil)
		for _, f := range rows {
			if f.TemplateKey == key {
				v.Figures = []view.Tile{{Label: "sent, 30 days", Value: number(f.Sent)}, rateTile("delivered", f.Delivered, f.Sent), rateTile("opened", f.Opened, f.Sent), rateTile("clicked", f.Clicked, f.Sent), rateTile("came back", f.Bounced, f.Sent)}
			}
		}
		return err
	})
	v.Frame = s.frame(r, "Template", key)
	return v, err
}

// renderProblem says why a template does not render, and where.
func renderProblem(err error) string {
	var wrong *hogsend.ValidationError
	var failed *email.RenderError
	switch {
	case errors.As(err, &wrong):
		return "The props do not fit: " + visible(wrong.Field) + " " + visible(wrong.Message)
	case errors.As(err, &failed):
		return "It does not render: " + visible(failed.Field) + " " + visible(failed.Message)
	}
	return "It does not render: " + visible(err.Error())
}

// clippedAt is from how many bytes on Gmail shows a mail in part.
const clippedAt = 102 << 10

// mailWarnings are what readers would trip over.
func mailWarnings(m email.Rendered, t hogsend.Template) []string {
	var out []string
	if n := utf8.RuneCountInString(m.Subject); n > 70 {
		out = append(out, "The subject has "+number(int64(n))+" characters: most inboxes cut it after 70.")
	}
	if len(m.HTML) > clippedAt {
		out = append(out, "It has "+number(int64(len(m.HTML)>>10))+" KiB: Gmail clips a mail after 102.")
	}
	if n := len(regexp.MustCompile(`(?is)<img\b(?:[^>](?:\balt\s*=)?)*>`).FindAllString(m.HTML, -1)); n > 0 {
		if without := n - len(regexp.MustCompile(`(?is)<img\b[^>]*\balt\s*=[^>]*>`).FindAllString(m.HTML, -1)); without > 0 {
			out = append(out, plural(int64(without), "image has", "images have")+" no text for who does not see it.")
		}
	}
	if regexp.MustCompile(`(?is)<a\b[^>]*>\s*</a>`).MatchString(m.HTML) {
		out = append(out, "A link has no text.")
	}
	if t.Category != "transactional" && !strings.Contains(m.HTML, "unsubscribe") && !strings.Contains(m.HTML, "/v1/email/") {
		out = append(out, "It has no link to unsubscribe. Mail programs show one of their own, many readers look for one in the mail.")
	}
	return out
}

// templateBody is a template for a frame that can run nothing and lead nowhere (U-50).
func (s *Studio) templateBody(r *request) error {
	key := r.query("key")
	t, err := s.template(key)
	if err != nil {
		return err
	}
	rendered, err := s.cfg.Renderer.Preview(key, exampleOf(t, r.query("example")), s.cfg.PublicURL)
	if err != nil {
		return &problem{status: http.StatusUnprocessableEntity, heading: "It does not render", text: renderProblem(err)}
	}
	h := r.w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Disposition", "inline")
	write(r.w, r.Request, http.StatusOK, "text/html; charset=utf-8", []byte(hideTokens(withoutTracking(rendered.HTML))), nil)
	return nil
}

// sendTest is R-85: a real mail to one address.
func (s *Studio) sendTest(r *request) error {
	key, to, example := clean(r.PostFormValue("template")), clean(r.PostFormValue("to")), clean(r.PostFormValue("example"))
	t, err := s.template(key)
	if err != nil {
		return err
	}
	if s.cfg.SendTest == nil {
		return conflict("No mails", "This process sends no mails. Nothing was done.", templateURL(key))
	}
	id, err := s.cfg.SendTest(r.ctx(), s.actor(r), key, to, exampleOf(t, example))
	var wrong *hogsend.ValidationError
	if errors.As(err, &wrong) {
		v, err := s.templatePage(r, key, example)
		if err != nil {
			return err
		}
		v.To, v.TestProblem = visible(to), view.Problem{Field: visible(wrong.Field), Text: visible(wrong.Field + " " + wrong.Message)}
		return s.show(r, http.StatusUnprocessableEntity, "template", v)
	}
	if err != nil {
		return err
	}
	return r.see("/studio/mails/" + id.String() + "?done=tested")
}
