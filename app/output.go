package app

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// visible keeps what comes from outside, such as a name or a subject, from steering the
// terminal that it is printed on: control characters and those that turn the direction
// of text are written as escapes, whoever prints them (O-44). Line ends and tabs are
// the layout's own; [printLine] escapes those of values.
type visible struct {
	out io.Writer
	mu  sync.Mutex
	// rest is the beginning of a character whose end the next write brings.
	rest []byte
}

func (v *visible) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text := append(v.rest, p...)
	end := len(text)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			end = i
			break
		}
	}
	v.rest = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(v.out, escapeControls(string(text[:end]), "\n\t")); err != nil {
		return 0, fmt.Errorf("print: %w", err)
	}
	return len(p), nil
}

// printLine is fmt.Fprintf for one line or one row of a table: texts among the values
// end neither the line nor the cell.
func printLine(w io.Writer, format string, values ...any) {
	for i, value := range values {
		switch v := value.(type) {
		case string:
			values[i] = escapeControls(v, "")
		case error:
			values[i] = escapeControls(v.Error(), "")
		case fmt.Stringer:
			values[i] = escapeControls(v.String(), "")
		}
	}
	fmt.Fprintf(w, format, values...) // as everywhere here: a table tells when it is flushed
}

// escapeControls writes control characters as escapes, but those to keep. What JSON has
// left as it is gets an escape that JSON knows.
func escapeControls(s, keep string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return isControl(r) && !strings.ContainsRune(keep, r) }) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strings.ContainsRune(keep, r) || !isControl(r):
			b.WriteRune(r)
		case r < ' ':
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// isControl reports the controls of C0 and C1, DEL, the line ends of Unicode and what
// turns the direction of text.
func isControl(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f, r == '\u2028', r == '\u2029':
		return true
	}
	return r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
