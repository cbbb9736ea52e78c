package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The largest bodies (H-12).
const (
	maxBody      = 1 << 20
	maxBatchBody = 4 << 20
)

func itoa(n int) string { return strconv.Itoa(n) }

// body reads the request's body, at most limit bytes of it. An empty one is {}
// (H-4). It belongs to the caller: events keep parts of it.
func body(r *request, limit int64) ([]byte, error) {
	hr := r.Request()
	if hr.ContentLength > limit {
		return nil, tooLarge()
	}
	if hr.ContentLength > 0 && !isJSON(hr.Header.Get("Content-Type")) {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, text: "Unsupported Media Type"}
	}
	data, err := readAll(hr.Body, hr.ContentLength, limit)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge()
	case err != nil:
		return nil, invalid(detail{Message: "body could not be read"})
	case len(data) == 0:
		return []byte("{}"), nil
	case !isJSON(hr.Header.Get("Content-Type")):
		return nil, &refusal{status: http.StatusUnsupportedMediaType, text: "Unsupported Media Type"}
	}
	return data, nil
}

var errTooLarge = errors.New("body is too large")

func readAll(body io.Reader, length, limit int64) ([]byte, error) {
	if length >= 0 {
		data := make([]byte, length)
		if _, err := io.ReadFull(body, data); err != nil {
			return nil, fmt.Errorf("read body: %w", err)
		}
		return data, nil
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, errTooLarge
	}
	return data, nil
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
	fields   map[string]json.RawMessage
	problems []detail
}

// readObject reads a body of an admin route. What is wrong in unknown fields counts
// too: bad text, U+0000.
func readObject(r *request) (*object, error) { return readObjectWith(r, 0) }

// readObjectWith is readObject for a body in which some flags are no problem.
func readObjectWith(r *request, allowed flags) (*object, error) {
	data, err := body(r, maxBody)
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
	if v.flags&^(hasBadKey|allowed) != 0 {
		return nil, invalid(explain(data, "", false)...)
	}
	o.fields = split(data, false)
	return o, nil
}

func (o *object) report(path, message string) {
	o.problems = append(o.problems, detail{Path: path, Message: message})
}

func (o *object) err() error {
	if len(o.problems) > 0 {
		return invalid(o.problems...)
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
