package server

import (
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/encoding"
	"github.com/hogsend/hogsend/internal/front"
	"github.com/hogsend/hogsend/internal/naming"
)

// body reads the request's body, at most limit bytes of it, inflated. An empty one is {}
// (H-4). It belongs to the caller: events keep parts of it.
func body(r *request, limit int64) ([]byte, error) {
	hr := r.Request()
	if hr.ContentLength > limit {
		return nil, tooLarge()
	}
	if hr.ContentLength > 0 && !isJSON(hr.Header.Get("Content-Type")) {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, text: "Unsupported Media Type"}
	}
	packed, err := r.compressed()
	if err != nil {
		return nil, err
	}
	data, err := readAll(hr.Body, limit, packed)
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return []byte("{}"), nil
	case !isJSON(hr.Header.Get("Content-Type")):
		return nil, &refusal{status: http.StatusUnsupportedMediaType, text: "Unsupported Media Type"}
	}
	return withoutMark(data)
}

// compressed reports whether the body is to be inflated (I-60).
func (r *request) compressed() (bool, error) {
	encodings := r.Request().Header.Values("Content-Encoding")
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(encodings, ","))); {
	case encoding == "" || encoding == "identity":
		return false, nil
	case encoding == "gzip" && r.inflates:
		return true, nil
	}
	if r.inflates {
		r.Response().Header().Set("Accept-Encoding", "gzip")
	}
	return false, &refusal{status: http.StatusUnsupportedMediaType, text: "Unsupported Content-Encoding"}
}

// readAll reads at most limit bytes. Memory is taken as they come, not as they are
// announced, so that a request that promises much and sends nothing costs nothing. The
// error is a refusal.
func readAll(body io.Reader, limit int64, packed bool) ([]byte, error) {
	if packed {
		inflated, err := gzip.NewReader(body)
		if err != nil {
			return nil, unreadable(err, packed)
		}
		body = inflated
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, unreadable(err, packed)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge()
	}
	return data, nil
}

// unreadable says why a body could not be read.
func unreadable(err error, packed bool) error {
	switch {
	case front.IsTimeout(err):
		return &refusal{status: http.StatusRequestTimeout, text: "Request body did not arrive in time"}
	case packed && (errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || isCorrupt(err)):
		return invalid(detail{Message: "body is no gzip"})
	case errors.Is(err, io.ErrUnexpectedEOF):
		return gone(err)
	}
	return invalid(detail{Message: "body could not be read"})
}

func isCorrupt(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt)
}

// withoutMark drops a byte order mark, and names the encodings that are not UTF-8, which
// spreadsheets and shells write (I-60).
func withoutMark(data []byte) ([]byte, error) {
	text, err := encoding.UTF8(data)
	if err != nil {
		return nil, invalidText("body "+err.Error(), detail{Message: err.Error()})
	}
	if len(text) == 0 {
		return []byte("{}"), nil
	}
	return text, nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	kind, parameters, err := mime.ParseMediaType(contentType)
	charset, given := parameters["charset"]
	return err == nil && kind == "application/json" && (!given || strings.EqualFold(charset, "utf-8"))
}

// object is a decoded JSON object whose fields are asked for one by one. Every
// wrong one becomes a problem; err tells of all of them together.
type object struct {
	fields map[string]json.RawMessage
	problems
}

// readObject reads a body of an admin route. What is wrong in unknown fields counts
// too: bad text, U+0000.
func readObject(r *request) (*object, error) { return readObjectWith(r, 0) }

// readObjectWith is readObject for a body in which some flags are no problem.
func readObjectWith(r *request, allowed flags) (*object, error) {
	return readObjectUpTo(r, allowed, maxBody)
}

// readObjectUpTo is readObjectWith for a body of another size.
func readObjectUpTo(r *request, allowed flags, limit int64) (*object, error) {
	data, err := body(r, limit)
	if err != nil {
		return nil, err
	}
	s := newScanner(data)
	if s.peek() != '{' {
		return nil, invalid(notObject(s)...)
	}
	o := &object{}
	v, err := s.skip()
	if err = errors.Join(err, s.end()); err != nil {
		return nil, invalid(malformed(err)...)
	}
	if int64(len(data)+s.extra) > limit {
		return nil, tooLarge()
	}
	if v.flags&^(hasBadKey|allowed) != 0 {
		explain(data, "", false, &o.problems)
		return nil, o.err()
	}
	o.fields = split(data, false)
	return o, nil
}

func (p *problems) err() error {
	if p.found {
		return invalid(p.told...)
	}
	return nil
}

// given reports whether the field is present and neither null nor "" (H-6).
func (o *object) given(name string) bool {
	raw, ok := o.fields[name]
	return ok && string(raw) != "null" && string(raw) != `""`
}

// read decodes a field that is given into out; kind names its type for the problem.
func (o *object) read(name, kind string, out any) bool {
	if !o.given(name) {
		return false
	}
	if err := json.Unmarshal(o.fields[name], out); err != nil {
		o.report(name, "must be "+kind)
		return false
	}
	return true
}

// person reports an id that is no id of a person (I-57).
func (o *object) person(name, id string, junk naming.JunkIDs) {
	if junk.Has(id) {
		o.report(name, naming.JunkMessage(id))
	}
}

// text is an optional text of at most limit characters.
func (o *object) text(name string, limit int) string {
	var s string
	if o.read(name, "a string", &s) && utf8.RuneCountInString(s) > limit {
		o.report(name, "must have at most "+itoa(limit)+" characters")
	}
	return s
}

const maxReason = 1000 // characters

func (o *object) boolean(name string) *bool {
	var b bool
	if !o.read(name, "true or false", &b) {
		return nil
	}
	return &b
}

// booleans reads a map of names to true and false; nil when it is not given.
func (o *object) booleans(name string) map[string]bool {
	var raw map[string]json.RawMessage
	if !o.read(name, "an object", &raw) {
		return nil
	}
	out := map[string]bool{}
	for key, value := range raw {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxPropertyKey:
			o.report(join(name, key), "key must have 1 to 200 characters")
		case string(value) == "true" || string(value) == "false":
			out[key] = string(value) == "true"
		default:
			o.report(join(name, key), "must be true or false")
		}
	}
	return out
}
