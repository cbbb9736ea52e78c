package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/decide/check"
)

// maxDepth is how deep objects and arrays of one field may nest (I-13).
const maxDepth = 32

// maxPropertyKey is the length of the longest property key, in characters (I-13).
const maxPropertyKey = 200

// flags tell what, besides its syntax, is wrong somewhere inside a value.
type flags uint8

const (
	hasBadText   flags = 1 << iota // invalid UTF-8, half of a surrogate pair
	hasNUL                         // U+0000
	hasBadNumber                   // too many digits
	isTooDeep                      // nested deeper than maxDepth
	hasBadKey                      // a key of the outermost object is empty or too long
)

// value is where a JSON value stands in the body. kind is its first byte, with
// '0' for any number; 0 is an absent value.
type value struct {
	start, end int
	kind       byte
	flags      flags
}

// scanner walks JSON once, without building anything, and checks its syntax.
type scanner struct {
	data  []byte
	pos   int
	valid bool // data is valid UTF-8 as a whole
	stack []byte
	extra int // by how many bytes numbers grow when they are written out
}

func newScanner(data []byte) *scanner { return &scanner{data: data, valid: utf8.Valid(data)} }

// syntaxError says at which byte a body stops being JSON.
type syntaxError struct{ offset int }

func (e syntaxError) Error() string { return fmt.Sprintf("malformed JSON at byte %d", e.offset) }

func (s *scanner) bad() error { return syntaxError{offset: s.pos} }

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek is the next byte that is not white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

// expect passes over c and the white space before it.
func (s *scanner) expect(c byte) error {
	if s.peek() != c || c == 0 {
		return s.bad()
	}
	s.pos++
	return nil
}

// end refuses anything but white space after the value.
func (s *scanner) end() error {
	if s.space(); s.pos != len(s.data) {
		return s.bad()
	}
	return nil
}

// skip passes over one value of any depth. It does not recurse: a body of a
// million brackets costs a million bytes.
func (s *scanner) skip() (value, error) {
	v := value{kind: s.peek(), start: s.pos}
	if v.kind == '-' || v.kind >= '0' && v.kind <= '9' {
		v.kind = '0'
	}
	s.stack = s.stack[:0]
	for {
		opened, err := s.one(&v)
		if err != nil {
			return v, err
		}
		if opened {
			continue
		}
		done, err := s.after(&v)
		if err != nil || done {
			v.end = s.pos
			return v, err
		}
	}
}

// one passes over a scalar, an empty container, or the opening of a container up
// to its first value; in the last case opened is true.
func (s *scanner) one(v *value) (opened bool, err error) {
	switch c := s.peek(); {
	case c == '{' || c == '[':
		s.pos++
		s.stack = append(s.stack, c)
		if len(s.stack) > maxDepth {
			v.flags |= isTooDeep
		}
		if s.peek() == c+2 { // '{' and '}', '[' and ']' are two apart
			s.pos++
			s.stack = s.stack[:len(s.stack)-1]
			return false, nil
		}
		if c == '{' {
			return true, s.key(v)
		}
		return true, nil
	case c == '"':
		_, f, err := s.text()
		v.flags |= f
		return false, err
	case c == '-' || c >= '0' && c <= '9':
		f, err := s.number()
		v.flags |= f
		return false, err
	case c == 't':
		return false, s.word("true")
	case c == 'f':
		return false, s.word("false")
	case c == 'n':
		return false, s.word("null")
	}
	return false, s.bad()
}

// after passes over what follows a value: closings, or the way to the next value.
func (s *scanner) after(v *value) (done bool, err error) {
	for len(s.stack) > 0 {
		top := s.stack[len(s.stack)-1]
		switch s.peek() {
		case ',':
			s.pos++
			if top == '{' {
				return false, s.key(v)
			}
			return false, nil
		case top + 2:
			s.pos++
			s.stack = s.stack[:len(s.stack)-1]
		default:
			return false, s.bad()
		}
	}
	return true, nil
}

func (s *scanner) key(v *value) error {
	if s.peek() != '"' {
		return s.bad()
	}
	raw, f, err := s.text()
	if err != nil {
		return err
	}
	v.flags |= f
	if len(s.stack) == 1 && !keyFits(raw) {
		v.flags |= hasBadKey
	}
	return s.expect(':')
}

// keyFits reports whether the quoted key has 1 to 200 characters.
func keyFits(raw []byte) bool {
	if n := len(raw) - 2; n <= maxPropertyKey {
		return n > 0
	}
	return utf8.RuneCountInString(unquote(raw)) <= maxPropertyKey
}

// text passes over a string and returns it with its quotes.
func (s *scanner) text() (raw []byte, f flags, err error) {
	start := s.pos
	s.pos++
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			raw = s.data[start:s.pos]
			if !s.valid && !utf8.Valid(raw) {
				f |= hasBadText
			}
			return raw, f, nil
		case c == '\\':
			escape, err := s.escape()
			if err != nil {
				return nil, f, err
			}
			f |= escape
		case c < ' ':
			return nil, f, s.bad()
		default:
			s.pos++
		}
	}
	return nil, f, s.bad()
}

// escape passes over one escape sequence, or over both of a surrogate pair.
func (s *scanner) escape() (flags, error) {
	if s.pos+1 >= len(s.data) {
		return 0, s.bad()
	}
	switch s.data[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return 0, nil
	case 'u':
	default:
		return 0, s.bad()
	}
	unit, ok := s.unit()
	if !ok {
		return 0, s.bad()
	}
	s.pos += 6
	switch {
	case unit == 0:
		return hasNUL, nil
	case unit >= 0xdc00 && unit < 0xe000:
		return hasBadText, nil
	case unit >= 0xd800 && unit < 0xdc00:
		if low, ok := s.unit(); ok && low >= 0xdc00 && low < 0xe000 {
			s.pos += 6
			return 0, nil
		}
		return hasBadText, nil
	}
	return 0, nil
}

// unit reads the \uXXXX at the position without passing over it.
func (s *scanner) unit() (n uint16, ok bool) {
	if s.pos+6 > len(s.data) || s.data[s.pos] != '\\' || s.data[s.pos+1] != 'u' {
		return 0, false
	}
	for _, c := range s.data[s.pos+2 : s.pos+6] {
		n <<= 4
		switch {
		case c >= '0' && c <= '9':
			n |= uint16(c - '0')
		case c >= 'a' && c <= 'f':
			n |= uint16(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			n |= uint16(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return n, true
}

func (s *scanner) word(w string) error {
	if !strings.HasPrefix(string(s.data[s.pos:min(len(s.data), s.pos+len(w))]), w) {
		return s.bad()
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

// number passes over a number. One with too many digits is flagged, written out: 1e30 has
// 31 of them.
func (s *scanner) number() (flags, error) {
	start := s.pos
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++ // a digit after it ends the number, and then the body is malformed
	} else if s.digits() == 0 {
		return 0, s.bad()
	}
	if s.at('.') {
		s.pos++
		if s.digits() == 0 {
			return 0, s.bad()
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if s.digits() == 0 {
			return 0, s.bad()
		}
	}
	digits := check.Digits(s.data[start:s.pos])
	if digits > check.MaxDigits {
		return hasBadNumber, nil
	}
	s.extra += max(0, digits+2-(s.pos-start)) // sign and point
	return 0, nil
}

// unquote is the text of a string that was scanned; what is wrong in it becomes U+FFFD.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return "" // unreachable: raw was scanned
		}
		return text
	}
	return string(raw[1 : len(raw)-1])
}

// members passes over an object and calls fn with each key and value. A repeated
// key is passed on every time; whoever keeps the values keeps the last (I-12).
func (s *scanner) members(fn func(key []byte, f flags, v value) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.bad()
		}
		key, f, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		v, err := s.skip()
		if err != nil {
			return err
		}
		if err := fn(key, f, v); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.pos++
			continue
		}
		return s.expect('}')
	}
}

// elements passes over an array and calls fn with each value.
func (s *scanner) elements(fn func(index int, v value) error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for i := 0; ; i++ {
		v, err := s.skip()
		if err != nil {
			return err
		}
		if err := fn(i, v); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.pos++
			continue
		}
		return s.expect(']')
	}
}

// explain reports what is wrong inside a value whose flags are set, each with its path.
// keys asks for the length of the keys of the value itself.
func explain(raw []byte, path string, keys bool, to *problems) {
	e := explainer{to}
	e.walk(raw, path, 1, keys)
}

// explainer walks to what is wrong until there is no room to tell of it.
type explainer struct{ to *problems }

func (e *explainer) text(path string, f flags) {
	if f&hasBadText != 0 {
		e.to.report(path, "must be valid Unicode text")
	}
	if f&hasNUL != 0 {
		e.to.report(path, "must not contain U+0000")
	}
}

// walk is given scanned text, so it meets no syntax error.
func (e *explainer) walk(raw []byte, path string, depth int, keys bool) {
	if e.to.full() {
		return
	}
	s := newScanner(raw)
	c := s.peek()
	if (c == '{' || c == '[') && depth > maxDepth {
		e.to.report(path, "must not be nested deeper than 32")
		return
	}
	switch {
	case c == '{':
		_ = s.members(func(key []byte, f flags, v value) error {
			name := pathKey(key)
			e.text(join(path, name), f)
			if keys && !keyFits(key) {
				e.to.report(join(path, name), "key must have 1 to 200 characters")
			}
			e.walk(raw[v.start:v.end], join(path, name), depth+1, false)
			return nil
		})
	case c == '[':
		_ = s.elements(func(i int, v value) error {
			e.walk(raw[v.start:v.end], join(path, strconv.Itoa(i)), depth+1, false)
			return nil
		})
	case c == '"':
		_, f, _ := s.text()
		e.text(path, f)
	case c == '-' || c >= '0' && c <= '9':
		if f, _ := s.number(); f != 0 {
			e.to.report(path, "must have at most 40 digits, written out")
		}
	}
}

// pathKey is a key as it is printed in a path.
func pathKey(raw []byte) string {
	return clip.First(unquote(raw), maxPropertyKey)
}

// join makes a path that is no longer than what is told of it.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return clip.First(path+"."+name, maxPath)
}
