package naming

import (
	"fmt"
	"slices"
	"strings"
)

// JunkIDs are what broken clients send as the id of everybody (I-57). The zero value
// stands for the words of DefaultJunkIDs.
type JunkIDs struct {
	words []string // in lower case
	given bool
}

// DefaultJunkIDs are undefined, null, NaN and the like.
func DefaultJunkIDs() []string {
	return []string{
		"undefined", "null", "nan", "none", "nil", "0", "-", "true", "false", "anonymous", "guest", "unknown", "[object object]",
		"00000000-0000-0000-0000-000000000000",
	}
}

// ParseJunkIDs reads JUNK_IDS: "" for the default, "off" for none, or a list by commas,
// in which "default" stands for the default ones.
func ParseJunkIDs(list string) JunkIDs {
	switch strings.TrimSpace(list) {
	case "":
		return JunkIDs{}
	case "off":
		return JunkIDs{given: true}
	}
	j := JunkIDs{given: true}
	for word := range strings.SplitSeq(list, ",") {
		switch word = strings.ToLower(strings.TrimSpace(word)); word {
		case "":
		case "default":
			j.words = append(j.words, DefaultJunkIDs()...)
		default:
			j.words = append(j.words, word)
		}
	}
	return j
}

// Has reports whether an id that was given is no id of a person: one of the words, in any
// case, in quotes and blanks or not, or nothing but quotes. It is false for blanks, which
// are no id at all.
func (j JunkIDs) Has(id string) bool {
	if strings.TrimSpace(id) == "" || j.given && len(j.words) == 0 {
		return false
	}
	word := strings.ToLower(bare(id))
	words := j.words
	if !j.given {
		words = DefaultJunkIDs()
	}
	return word == "" || slices.Contains(words, word)
}

// bare is an id without the quotes and blanks around it.
func bare(id string) string {
	for {
		word := strings.TrimSpace(id)
		if len(word) > 1 && word[0] == word[len(word)-1] && strings.IndexByte("\"'`", word[0]) >= 0 {
			word = word[1 : len(word)-1]
		}
		if word == id {
			return word
		}
		id = word
	}
}

// JunkMessage says that an id is none.
func JunkMessage(id string) string {
	if runes := []rune(id); len(runes) > 100 {
		id = string(runes[:100])
	}
	return fmt.Sprintf("junk_id: %q is no id of a person", id)
}
