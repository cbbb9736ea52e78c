// Package naming has the rules for the names and texts that authors and clients
// choose.
package naming

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem says why a text cannot be used where low to high characters are asked for;
// "" if it can.
func Problem(text string, low, high int) string {
	if n := utf8.RuneCountInString(text); n < low || n > high {
		return fmt.Sprintf("must have %d to %d characters", low, high)
	}
	if !Storable(text) {
		return "must be valid UTF-8 without U+0000"
	}
	return ""
}

// Storable reports whether Postgres can keep the text: what it cannot keep, no event
// has, and a decision or a wait that names it could not be written.
func Storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// Reserved reports whether an event's name is behind a prefix that only hogsend's own
// events have; clients and journeys are refused it (I-14).
func Reserved(event string) bool {
	for _, prefix := range []string{"bucket:", "journey:", "email.", "hogsend:"} {
		if strings.HasPrefix(event, prefix) {
			return true
		}
	}
	return false
}

// Suggestion is `, did you mean "x"?` for the nearest of the known names, or "" if
// none is near.
func Suggestion(name string, known []string) string {
	if best := Nearest(name, known); best != "" {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	return ""
}

// Nearest is the known name that differs least, or "" if none is near.
func Nearest(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := Distance(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// Distance counts the insertions, deletions and replacements between two names.
func Distance(a, b string) int {
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, previous[j+1]+1, previous[j]+cost)
		}
		previous = row
	}
	return previous[len(b)]
}
