package assistant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Bounds of an answer: what an assistant is given is read as a whole and costs by its length.
const (
	maxText  = 500   // characters of one text
	maxParts = 100   // fields or items of one object or list
	maxTotal = 2_000 // texts, numbers and the like in all
)

// bounded is v as JSON, cut where it is long, which it then says. Control characters are
// escapes in JSON, whatever a name has in it.
func bounded(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // as they were written
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	left := maxTotal
	cut, err := json.Marshal(shorten(plain, &left))
	if err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	return string(cut), nil
}

// shorten cuts texts, lists and objects; left is how many values may follow in all.
func shorten(v any, left *int) any {
	switch v := v.(type) {
	case string:
		*left--
		if runes := []rune(v); len(runes) > maxText {
			return string(runes[:maxText]) + fmt.Sprintf("… (%d characters)", len(runes))
		}
		return v
	case []any:
		out := []any{}
		for i, item := range v {
			if i == maxParts || *left <= 0 {
				return append(out, fmt.Sprintf("… and %d more", len(v)-i))
			}
			out = append(out, shorten(item, left))
		}
		return out
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		out := map[string]any{}
		for i, name := range names {
			if i == maxParts || *left <= 0 {
				out["…"] = fmt.Sprintf("and %d more", len(names)-i)
				break
			}
			out[name] = shorten(v[name], left)
		}
		return out
	default:
		*left--
		return v
	}
}
