package address

import (
	"errors"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mailbox is an address with the name that mail programs show for it (E-81).
type Mailbox struct {
	Name    string // "" is none
	Address Address
}

// Why a text is not one mailbox.
var (
	ErrControl = errors.New("has a line end or another control character")
	ErrSeveral = errors.New("must be one address, not several")
	ErrMailbox = errors.New(`must be an address, or a name and an address as in "Acme <hello@acme.com>"`)
)

// ParseMailbox reads an address, or a name followed by an address in angle brackets. A
// name may be quoted, or encoded for the wire; one that is neither may hold any special
// character but brackets (E-81).
func ParseMailbox(s string) (Mailbox, error) {
	s = Trim(s)
	switch {
	case strings.ContainsFunc(s, control):
		return Mailbox{}, ErrControl
	case utf8.RuneCountInString(s) > MaxLength:
		return Mailbox{}, ErrLength
	}
	open := strings.LastIndexByte(s, '<')
	if open < 0 || !strings.HasSuffix(s, ">") {
		return bare(s)
	}
	name, err := displayName(s[:open])
	if err != nil {
		return Mailbox{}, err
	}
	a, err := Parse(s[open+1 : len(s)-1])
	if err != nil {
		return Mailbox{}, err
	}
	return Mailbox{Name: name, Address: a}, nil
}

func control(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// bare reads a mailbox without a name, and says what is wrong with one that is not.
func bare(s string) (Mailbox, error) {
	a, err := Parse(s)
	switch {
	case err == nil:
		return Mailbox{Address: a}, nil
	case several(s):
		return Mailbox{}, ErrSeveral
	case strings.ContainsAny(s, "<>"):
		return Mailbox{}, ErrMailbox
	}
	return Mailbox{}, err
}

// several reports whether an address stands before a comma or semicolon.
func several(s string) bool {
	parts := strings.Split(strings.ReplaceAll(s, ";", ","), ",")
	for _, part := range parts[:len(parts)-1] {
		if _, err := Parse(part); err == nil || strings.HasSuffix(strings.TrimSpace(part), ">") {
			return true
		}
	}
	return false
}

func displayName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if inside, ok := unquote(s); ok {
		return strings.TrimSpace(inside), nil
	}
	switch {
	case several(s):
		return "", ErrSeveral
	case strings.ContainsAny(s, `<>"`):
		return "", ErrMailbox
	}
	if strings.Contains(s, "=?") {
		decoded, err := new(mime.WordDecoder).DecodeHeader(s)
		if err != nil || strings.ContainsFunc(decoded, control) {
			return "", ErrMailbox
		}
		s = strings.TrimSpace(decoded)
	}
	return s, nil
}

// String is the mailbox as people read it: its name in quotes if it needs them.
func (m Mailbox) String() string { return m.format(m.Name) }

// Wire is the mailbox as it stands in a header: a name that is not ASCII is encoded.
func (m Mailbox) Wire() string {
	if strings.ContainsFunc(m.Name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return mime.QEncoding.Encode("utf-8", m.Name) + " <" + m.Address.String() + ">"
	}
	return m.format(m.Name)
}

func (m Mailbox) format(name string) string {
	switch {
	case name == "":
		return m.Address.String()
	case strings.ContainsFunc(name, special):
		name = quote(name)
	}
	return name + " <" + m.Address.String() + ">"
}

// special are the characters that a name has in quotes only (RFC 5322).
func special(r rune) bool { return strings.ContainsRune(`()<>[]:;@\,."`, r) }
