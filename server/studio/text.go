package studio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

func visible(s string) string { return clip.Visible(s) }

func nameOf(c storedb.Contact) string { return ask.Name(c) }

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

func number(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// gap is the time between two stations.
func gap(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < time.Second:
		return "at once"
	case d < time.Minute:
		return "after " + plural(int64(d/time.Second), "second", "seconds")
	case d < time.Hour:
		return "after " + plural(int64(d/time.Minute), "minute", "minutes")
	case d < 24*time.Hour:
		return "after " + plural(int64(d/time.Hour), "hour", "hours")
	}
	return "after " + plural(int64(d/(24*time.Hour)), "day", "days")
}

// capped is a number that was not counted to its end.
func capped(n int64) string {
	if n > most {
		return number(most) + "+"
	}
	return number(n)
}

// ahead is a length of time in its largest unit.
func ahead(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	return strings.TrimPrefix(gap(d), "after ")
}

// troubleWords say what is wrong with somebody's enrollment.
func troubleWords(kind string) string {
	switch kind {
	case "blocked":
		return "blocked: their history differs from the code"
	case "stranded":
		return "stranded: nothing will wake them"
	case "history":
		return "have a long history"
	}
	return kind
}

// reasonWords are a reason as words, where it stands without its sentence.
func reasonWords(reason string) string {
	if reason == "" {
		return "no reason given"
	}
	return strings.ReplaceAll(visible(reason), "_", " ")
}

// sentStates are those of a mail that was handed over.
func sentStates() []string {
	return []string{
		string(contract.SendSent), string(contract.SendDelivered), string(contract.SendOpened), string(contract.SendClicked), string(contract.SendComplained),
	}
}

// nodeWords is a node for people: what stands before the colon says what it is.
func nodeWords(node string) string {
	kind, what, found := strings.Cut(visible(node), ":")
	if !found {
		if node == "" || node == "start" {
			return "the beginning"
		}
		return visible(node)
	}
	switch kind {
	case "send":
		return "Mail " + what
	case "wait":
		return "Waits " + what
	case "wait-event":
		return "Waits for " + what
	case "digest":
		return "Collects " + what
	case "paused":
		return nodeWords(what) + ", held by the pause"
	case "defer":
		return nodeWords(what) + ", waits for its time"
	}
	return visible(node)
}

// most is what is counted at most; more is "10,000+" (U-5).
const most = 10_000
