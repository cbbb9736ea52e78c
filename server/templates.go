package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
)

// templateReply is a template as R-83 lists it.
type templateReply struct {
	Key            string  `json:"key"`
	DefaultSubject string  `json:"defaultSubject"`
	Category       *string `json:"category"`
	HasPreview     bool    `json:"hasPreview"`
}

// listTemplates is R-83.
func (s *Server) listTemplates(r *request) error {
	templates := []templateReply{}
	if s.cfg.Renderer != nil {
		for _, key := range s.cfg.Renderer.Keys() {
			t, _ := s.cfg.Renderer.Lookup(key)
			templates = append(templates, templateReply{Key: key, DefaultSubject: t.Subject, Category: orNull(t.Category), HasPreview: true})
		}
	}
	return reply(r, http.StatusOK, map[string]any{"templates": templates})
}

// template is the key in the path; a template that is not there is 404 (E-3).
func (s *Server) template(r *request) (string, error) {
	key, err := param(r, "key")
	if err != nil {
		return "", err
	}
	if s.cfg.Renderer != nil {
		if _, ok := s.cfg.Renderer.Lookup(key); ok {
			return key, nil
		}
	}
	return "", notFound("Template not found")
}

// previewTemplate is R-84.
func (s *Server) previewTemplate(r *request) error {
	key, err := s.template(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	format := q.oneOf("format", "html", "text")
	props := q.props()
	if err := q.err(); err != nil {
		return err
	}
	rendered, err := s.cfg.Renderer.Preview(key, props, s.cfg.PublicURL)
	if err != nil {
		return previewError(err)
	}
	if format == nil {
		t, _ := s.cfg.Renderer.Lookup(key)
		return reply(r, http.StatusOK, struct {
			Key      string  `json:"key"`
			Subject  string  `json:"subject"`
			Category *string `json:"category"`
			Preview  *string `json:"preview"`
			HTML     string  `json:"html"`
			Text     string  `json:"text"`
		}{key, rendered.Subject, orNull(t.Category), orNull(rendered.Preview), rendered.HTML, rendered.Text})
	}
	if *format == "text" {
		return r.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(rendered.Text))
	}
	// Nothing runs in it, and nothing in it leads anywhere.
	r.Response().Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; frame-ancestors 'self'")
	return r.Blob(http.StatusOK, "text/html; charset=utf-8", []byte(rendered.HTML))
}

// props are those of a preview: a JSON object in base64, of either alphabet.
func (q *query) props() json.RawMessage {
	text := q.text("props")
	if text == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_", " ", "-").Replace(text), "="))
	var object map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &object) != nil || object == nil {
		q.report("props", "must be a JSON object in base64")
		return nil
	}
	return raw
}

// previewError says whether the props do not fit, or the template does not render with them.
func previewError(err error) error {
	var wrong *hogsend.ValidationError
	var failed *email.RenderError
	switch {
	case errors.As(err, &wrong):
		return invalid(detail{Path: wrong.Field, Message: wrong.Message})
	case errors.As(err, &failed):
		return &refusal{status: http.StatusUnprocessableEntity, text: "Template does not render", details: []detail{{Path: failed.Field, Message: failed.Message}}}
	}
	return err
}

// sendTest is R-85: a real mail, tracked, past opt-outs and caps but not to a suppressed
// address. It creates no contact (E-9).
func (s *Server) sendTest(r *request) error {
	key, err := s.template(r)
	if err != nil {
		return err
	}
	if err := s.mailable(key); err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	to, props := o.address("to"), o.props()
	if to == "" {
		o.report("to", "is required")
	}
	if err := o.err(); err != nil {
		return err
	}
	if props, err = s.cfg.Renderer.PreviewProps(key, props); err != nil {
		return previewError(err)
	}
	id := uuid.Must(uuid.NewV7())
	send := contract.DirectSend{
		SendRequest: contract.SendRequest{Key: "test:" + id.String(), Template: key, Props: props, SkipPreferenceCheck: true}, ID: id, To: to, Test: true,
	}
	row, err := s.submit(r, send, s.audited(r, "templates.send_test", key, nil))
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, sent(row))
}
