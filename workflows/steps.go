package workflows

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// step names the next step of a kind: "<kind>:<name>#<n>", n counted per name in
// execution order, so that a step inserted elsewhere renumbers no other (J-116).
func (r *journeyRun) step(kind, name, node string) contract.Step {
	base := kind + ":" + name
	r.counts[base]++
	r.steps++
	return contract.Step{EnrollmentID: r.enrollmentID, Key: fmt.Sprintf("%s#%d", base, r.counts[base]), Node: node, LongHistory: longHistory(r.root)}
}

// From these on the history of a workflow is long (J-99).
const (
	longHistoryEvents = 10_000
	longHistoryBytes  = 10 << 20
)

// longHistory says how long the history is, "" while it is not long.
func longHistory(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	events, size := info.GetCurrentHistoryLength(), info.GetCurrentHistorySize()
	if events < longHistoryEvents && size < longHistoryBytes {
		return ""
	}
	return fmt.Sprintf("%d events, %d bytes", events, size)
}

// labelOr is the label an author gave, which must fit, or the default, which is made to
// (J-118, J-169).
func labelOr(label, fallback string) (string, error) {
	if label == "" {
		return contract.Fit(fallback), storable("label", fallback)
	}
	return label, short("label", label)
}

// short refuses a text that is too long for a label or that Postgres could not keep:
// a step that can never be written would be retried for ever (J-118).
func short(field, text string) error {
	if utf8.RuneCountInString(text) > contract.MaxLabel {
		return invalid(field, "must have at most %d characters", contract.MaxLabel)
	}
	return storable(field, text)
}

func storable(field, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return invalid(field, "must be valid UTF-8 without U+0000")
	}
	return nil
}

// storableJSON is storable for an encoded value: an escape of U+0000 stands behind
// an even number of backslashes.
func storableJSON(field string, raw []byte) error {
	for rest := raw; ; {
		i := bytes.Index(rest, []byte(`\u0000`))
		if i < 0 {
			return nil
		}
		before := 0
		for before < i && rest[i-1-before] == '\\' {
			before++
		}
		if before%2 == 0 {
			return invalid(field, "must not contain U+0000")
		}
		rest = rest[i+1:]
	}
}

func invalid(field, format string, args ...any) error {
	return &hogsend.ValidationError{Field: field, Message: fmt.Sprintf(format, args...)}
}
