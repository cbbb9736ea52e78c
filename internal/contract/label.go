package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/clip"
)

// MaxLabel is how many characters a label or a node has at most (J-118).
const MaxLabel = 200

// Fit is a text as a label that nobody chose, or as a node with its prefix: one that is too
// long is cut, and ends in what tells it from others that begin alike (J-169).
func Fit(text string) string {
	if utf8.RuneCountInString(text) <= MaxLabel {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	tail := "~" + hex.EncodeToString(sum[:8])
	return clip.First(text, MaxLabel-len(tail)) + tail
}

// Summary is a label as it is shown in Temporal, which keeps 400 bytes of one.
func Summary(label string) string { return clip.Stored(label, 400) }

// ShortDuration writes 48h0m0s as 48h and 1h30m0s as 1h30m.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
