// Package clip cuts text to a length without halving a character.
package clip

import (
	"strings"
	"unicode/utf8"
)

// Stored is what of s is stored where at most n bytes are kept: without the character
// that Postgres does not take, U+0000, and as valid UTF-8.
func Stored(s string, n int) string {
	var clean strings.Builder
	clean.Grow(min(len(s), n))
	for _, r := range s {
		if r == 0 {
			continue
		}
		if clean.Len()+utf8.RuneLen(r) > n {
			break
		}
		clean.WriteRune(r)
	}
	return clean.String()
}

// First is the first n characters of s, or all of it.
func First(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Short is s if it has no more than n characters, or the first n and an ellipsis.
func Short(s string, n int) string {
	if first := First(s, n); first != s {
		return first + "…"
	}
	return s
}

// Visible shows what would steer the text around it, such as marks that turn its direction,
// as marks that can be seen (U-51). What ends a line is a space.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029':
			return '␦'
		case r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return '⟲'
		}
		return r
	}, s)
}
