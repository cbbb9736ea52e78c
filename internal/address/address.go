// Package address says what an e-mail address is, when two are the same and how a
// mailbox with a name is written. Everybody who compares addresses asks it for the key.
package address

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// MaxLength is how many characters an address or a mailbox has at most (I-54, E-81).
const MaxLength = 320

// What the domain name system bears, in octets.
const (
	maxDomain = 253
	maxLabel  = 63
)

// Address is one usable e-mail address in its canonical form (I-54). The zero value is none.
type Address struct {
	local  string // as written but composed (NFC), without quotes that it does not need
	domain string // ASCII, lower case
}

// Why a text is not a usable address.
var (
	ErrLength    = errors.New("is longer than 320 characters")
	ErrCharacter = errors.New("has a character that no address has")
	ErrLocal     = errors.New("has no local part, or one that is not valid")
	ErrDomain    = errors.New("has no domain, or one that is not valid")
)

// Parse reads one plain address, without a name. What stands around it and cannot be
// seen is removed; inside, such characters make it unusable (I-54).
func Parse(s string) (Address, error) {
	s = Trim(s)
	if utf8.RuneCountInString(s) > MaxLength {
		return Address{}, ErrLength
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, forbidden) {
		return Address{}, ErrCharacter
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Address{}, ErrDomain
	}
	local, ok := localPart(s[:at])
	if !ok {
		return Address{}, ErrLocal
	}
	domain, ok := Domain(s[at+1:])
	if !ok {
		return Address{}, ErrDomain
	}
	return Address{local: norm.NFC.String(local), domain: domain}, nil
}

// Key is the key of the address in s, "" if it is not usable (I-55). Two texts name
// one address exactly if their keys are equal.
func Key(s string) string {
	a, err := Parse(s)
	if err != nil {
		return ""
	}
	return a.Key()
}

// String is the address as mail is sent to it: the local part as written, the domain
// in ASCII (E-8).
func (a Address) String() string {
	if a == (Address{}) {
		return ""
	}
	return a.local + "@" + a.domain
}

// Key is what addresses are compared by (I-55). Tags after a plus and dots are kept.
func (a Address) Key() string {
	if a == (Address{}) {
		return ""
	}
	return norm.NFC.String(strings.ToLower(a.local)) + "@" + a.domain
}

// Domain is the part behind the @, in ASCII.
func (a Address) Domain() string { return a.domain }

// Trim removes white space and the characters without width at both ends: an address
// is shown as it was last written, but for those.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || weightless(r) })
}

func weightless(r rune) bool {
	return r == '\ufeff' || r == '\u00ad' || r >= '\u200b' && r <= '\u200f' || r == '\u2060'
}

// forbidden are the characters that make an address look like another one, or that
// have no place in a header: control and format characters, full-width and half-width
// forms and the full stop that IDNA would take for a dot.
func forbidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' ||
		r >= '\uff00' && r <= '\uffef' || r == '\u3002'
}

// localPart is a local part without quotes that hide nothing.
func localPart(s string) (string, bool) {
	if !strings.HasPrefix(s, `"`) {
		return s, s != "" && plain(s)
	}
	inside, ok := unquote(s)
	switch {
	case !ok || inside == "":
		return "", false
	case plain(inside):
		return inside, true
	}
	return quote(inside), true
}

// plain reports whether s is a run of atoms and dots; where the dots are is up to the
// host that has such a mailbox.
func plain(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.':
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), strings.ContainsRune("!#$%&'*+/=?^_`{|}~-.", r):
		default:
			return false
		}
	}
	return true
}

// unquote reads a quoted string that is all of s.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	var b strings.Builder
	inside := s[1 : len(s)-1]
	for i := 0; i < len(inside); i++ {
		switch inside[i] {
		case '"':
			return "", false
		case '\\':
			if i++; i == len(inside) {
				return "", false
			}
		}
		b.WriteByte(inside[i])
	}
	return b.String(), true
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// domains is the profile of lookups, but for the ban of two hyphens in the third and
// fourth place: there are such domains.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true),
	idna.CheckHyphens(false), idna.BidiRule(), idna.VerifyDNSLength(true))

// Domain is a domain in ASCII and lower case, by IDNA as browsers and mail servers
// read it (UTS 46, non-transitional); ok is false if it is none (I-54).
func Domain(s string) (domain string, ok bool) {
	ascii := strings.ToLower(s)
	if !simple(ascii) {
		if strings.ContainsFunc(s, forbidden) {
			return "", false
		}
		var err error
		if ascii, err = domains.ToASCII(norm.NFC.String(s)); err != nil {
			return "", false
		}
	}
	if len(ascii) > maxDomain {
		return "", false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > maxLabel || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return "", false
		}
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return "", false
	}
	return ascii, true
}

// simple reports whether IDNA has nothing to do: nearly always.
func simple(domain string) bool {
	for i := range len(domain) {
		switch c := domain[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.':
		default:
			return false
		}
	}
	return !strings.Contains(domain, "xn--")
}
