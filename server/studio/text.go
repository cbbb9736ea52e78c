package studio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// visible shows what would steer the text around it, such as marks that turn its direction,
// as marks that can be seen (U-51).
func visible(s string) string {
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

// nameOf is what a contact is called: the address, else the id of the product, else ours.
func nameOf(c storedb.Contact) string {
	switch {
	case c.Email != nil && *c.Email != "":
		return visible(*c.Email)
	case c.ExternalID != nil:
		return visible(*c.ExternalID)
	case c.AnonymousID != nil:
		return "anonymous " + visible(*c.AnonymousID)
	}
	return short(c.ID)
}

func contactURL(id uuid.UUID) string { return "/studio/contacts/" + id.String() }

func contactLink(c storedb.Contact) view.Link {
	return view.Link{Text: nameOf(c), URL: contactURL(c.ID)}
}

// short is an id as tables show it.
func short(id uuid.UUID) string { return id.String()[:8] }

// fieldsOf are the properties of a JSON object by name.
func fieldsOf(raw json.RawMessage) []view.Field {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	var fields []view.Field
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, mono := valueOf(all[name])
		fields = append(fields, view.Field{Name: visible(name), Value: value, Mono: mono})
	}
	return fields
}

// valueOf is a JSON value for people: a text without quotes, everything else as it is.
func valueOf(raw json.RawMessage) (value string, mono bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"' {
		return cut(visible(text), 2000), false
	}
	return cut(visible(string(raw)), 2000), true
}

// summary are the first scalars of an object, in a line.
func summary(raw json.RawMessage) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if v := all[name]; len(v) > 0 && v[0] != '{' && v[0] != '[' {
			value, _ := valueOf(v)
			parts = append(parts, visible(name)+"="+cut(value, 40))
		}
		if len(parts) == 3 {
			break
		}
	}
	return strings.Join(parts, "  ")
}

// indented is JSON over lines.
func indented(raw json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return string(raw)
	}
	return cut(out.String(), 100_000)
}

// cut ends a text that is too long by dots.
func cut(s string, runes int) string {
	n := 0
	for i := range s {
		if n++; n > runes {
			return s[:i] + "…"
		}
	}
	return s
}

// plural counts something in words.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
