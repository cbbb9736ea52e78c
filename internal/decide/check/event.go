// Package check tells what of an event breaks the rules for all events, wherever it comes
// from: HTTP, a journey or a script. Like package decide it does no I/O and reads no clock.
package check

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/decide"
)

// Messages of the two problems that clients are told by themselves (I-11, I-14).
const (
	ReservedMessage = "Reserved event name"
	IdentityMessage = "email or userId required"
)

// The limits of I-10 to I-13, in characters unless said otherwise.
const (
	maxName     = 200
	maxUserID   = 512
	maxEmail    = 320
	maxProperty = 200
	maxKey      = 255
	maxNesting  = 32 // levels, the property map itself is the first
	maxAhead    = time.Hour
)

// Reserved reports whether only hogsend itself may use the event name (I-14).
func Reserved(name string) bool {
	return strings.HasPrefix(name, "bucket:") || strings.HasPrefix(name, "journey:") ||
		strings.HasPrefix(name, "email.") || strings.HasPrefix(name, "hogsend:")
}

// Problem is one breach of the limits of I-10 to I-14. Path is in dotted form
// below the event, for example "contactProperties.plan".
type Problem struct {
	Path    string
	Message string
}

// Event lists what of the event breaks I-10 to I-14, by path; none means it may be
// ingested.
func Event(e *decide.Event, now time.Time) []Problem {
	var p problems
	p.text("name", e.Name, maxName, true)
	if Reserved(e.Name) {
		p.add("name", ReservedMessage)
	}
	if e.UserID == "" && address.Trim(e.Email) == "" && e.AnonymousID == "" {
		p.add("userId", IdentityMessage)
	}
	p.text("userId", e.UserID, maxUserID, false)
	p.text("anonymousId", e.AnonymousID, maxUserID, false)
	p.text("idempotencyKey", e.Key, maxKey, false)
	p.email(address.Trim(e.Email))
	if e.Properties != nil {
		p.properties("eventProperties", e.Properties)
	}
	for key, value := range e.ContactProperties {
		p.propertyKey("contactProperties", key)
		p.json("contactProperties."+key, value, maxNesting-1)
	}
	if e.Currency != "" && !isCurrency(e.Currency) {
		p.add("currency", "must be 3 letters")
	}
	if t := e.Timestamp; t != nil {
		at := t.Truncate(time.Microsecond)
		if at.Before(time.Unix(0, 0)) {
			p.add("timestamp", "must not be before 1970-01-01T00:00:00Z")
		}
		if at.After(now.Truncate(time.Microsecond).Add(maxAhead)) {
			p.add("timestamp", "must be at most 1 hour ahead")
		}
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return p
}

type problems []Problem

// maxProblems is how many are told: an error has no room for more (H-12).
const maxProblems = 100

func (p *problems) add(path, message string) {
	if len(*p) < maxProblems {
		*p = append(*p, Problem{Path: path, Message: message})
	}
}

func (p *problems) text(path, s string, limit int, required bool) {
	switch {
	case s == "" && !required:
	case strings.TrimSpace(s) == "":
		p.add(path, "must not be empty")
	case !utf8.ValidString(s):
		p.add(path, "must be valid UTF-8")
	case strings.ContainsRune(s, 0):
		p.add(path, "must not contain U+0000")
	case utf8.RuneCountInString(s) > limit:
		p.add(path, "must have at most "+strconv.Itoa(limit)+" characters")
	}
}

func (p *problems) email(s string) {
	if s == "" {
		return
	}
	before := len(*p)
	if p.text("email", s, maxEmail, false); len(*p) > before {
		return
	}
	if _, err := address.Parse(s); err != nil {
		p.add("email", "must be an e-mail address")
	}
}

func isCurrency(s string) bool {
	return len(s) == 3 && strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func (p *problems) propertyKey(path, key string) {
	switch n := utf8.RuneCountInString(key); {
	case n == 0:
		p.add(path, "property names must not be empty")
	case n > maxProperty:
		p.add(path, "property names must have at most "+strconv.Itoa(maxProperty)+" characters")
	case !utf8.ValidString(key):
		p.add(path, "property names must be valid UTF-8")
	case strings.ContainsRune(key, 0):
		p.add(path, "property names must not contain U+0000")
	}
}

func (p *problems) properties(path string, raw json.RawMessage) {
	i := 0
	for i < len(raw) && isSpace(raw[i]) {
		i++
	}
	if i == len(raw) || raw[i] != '{' {
		p.add(path, "must be an object")
		return
	}
	p.json(path, raw, maxNesting)
}

// json checks a value for what Postgres would refuse or cut.
func (p *problems) json(path string, raw json.RawMessage, levels int) {
	if !utf8.Valid(raw) {
		p.add(path, "must be valid UTF-8")
		return
	}
	if !json.Valid(raw) {
		p.add(path, "must be JSON")
		return
	}
	s := scanner{raw: raw, top: levels == maxNesting}
	s.run(levels)
	for _, key := range s.keys {
		p.propertyKey(path, key)
	}
	for _, message := range s.found {
		p.add(path, message)
	}
}

// scanner walks JSON that is known to be valid.
type scanner struct {
	raw   []byte
	top   bool // the value is a property map: its keys are checked
	keys  []string
	found []string
}

func (s *scanner) run(levels int) {
	depth, deep := 0, false
	for i := 0; i < len(s.raw); {
		switch c := s.raw[i]; {
		case c == '{' || c == '[':
			depth++
			deep = deep || depth > levels
			i++
		case c == '}' || c == ']':
			depth--
			i++
		case c == '"':
			end, plain := s.text(i)
			if s.top && depth == 1 && s.isKey(end) {
				s.key(s.raw[i:end], plain)
			}
			i = end
		case c == '-' || c >= '0' && c <= '9':
			i = s.number(i)
		default:
			i++
		}
	}
	if deep {
		s.found = append(s.found, "must not be nested deeper than "+strconv.Itoa(maxNesting)+" levels")
	}
}

// text returns where the string that starts at i ends, and whether it has no escapes.
func (s *scanner) text(i int) (end int, plain bool) {
	plain = true
	for i++; s.raw[i] != '"'; i++ {
		if s.raw[i] != '\\' {
			continue
		}
		plain = false
		i++
		if s.raw[i] != 'u' {
			continue
		}
		code := s.hex(i + 1)
		i += 4
		switch {
		case code == 0:
			s.found = append(s.found, "must not contain U+0000")
		case code >= 0xDC00 && code <= 0xDFFF:
			s.found = append(s.found, "must be valid Unicode")
		case code >= 0xD800 && code <= 0xDBFF:
			if low := s.raw[i+1:]; len(low) < 6 || low[0] != '\\' || low[1] != 'u' || s.hex(i+3) < 0xDC00 || s.hex(i+3) > 0xDFFF {
				s.found = append(s.found, "must be valid Unicode")
				continue
			}
			i += 6
		}
	}
	return i + 1, plain
}

func (s *scanner) hex(i int) uint64 {
	code, _ := strconv.ParseUint(string(s.raw[i:i+4]), 16, 32) // the JSON is valid: four hex digits
	return code
}

func (s *scanner) isKey(i int) bool {
	for i < len(s.raw) && isSpace(s.raw[i]) {
		i++
	}
	return i < len(s.raw) && s.raw[i] == ':'
}

// key keeps the keys that may break a limit.
func (s *scanner) key(quoted []byte, plain bool) {
	if plain && len(quoted) > 2 && len(quoted) <= maxProperty {
		return
	}
	var key string
	if json.Unmarshal(quoted, &key) == nil && (key == "" || utf8.RuneCountInString(key) > maxProperty) {
		s.keys = append(s.keys, key)
	}
}

// number returns where the number that starts at i ends.
func (s *scanner) number(i int) int {
	start := i
	for i < len(s.raw) && strings.IndexByte("+-.0123456789eE", s.raw[i]) >= 0 {
		i++
	}
	if Digits(s.raw[start:i]) > MaxDigits {
		s.found = append(s.found, "numbers must have at most 40 digits, written out")
	}
	return i
}

// MaxDigits bounds a number as it is written out, without an exponent: that is how
// Postgres stores it, and how it is read back (H-12).
const MaxDigits = 40

// Digits is how many digits a number of JSON has when it is written out: 1e30 has 31 of
// them, 1e-2 has 3.
func Digits(literal []byte) int {
	literal = bytes.TrimPrefix(literal, []byte("-"))
	mantissa, power := literal, []byte(nil)
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		mantissa, power = literal[:i], literal[i+1:]
	}
	whole, decimals, _ := bytes.Cut(mantissa, []byte("."))
	exponent := 0
	if power != nil {
		n, err := strconv.Atoi(string(power[:min(len(power), 12)]))
		if err != nil || n > 1e6 || n < -1e6 || len(power) > 12 {
			return 1e6 // more than any bound
		}
		exponent = n
	}
	if string(whole) == "0" {
		whole = nil
	}
	return max(len(whole)+exponent, 1) + max(len(decimals)-exponent, 0)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
