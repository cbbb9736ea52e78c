package contract

import (
	"crypto/sha256"
	"encoding/hex"
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
