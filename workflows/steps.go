package workflows

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
)

const maxLabel = 200 // characters (J-118)

// step names the next step of a kind: "<kind>:<name>#<n>", n counted per name in
// execution order, so that a step inserted elsewhere renumbers no other (J-116).
func (r *journeyRun) step(kind, name, node string) activities.Step {
	base := kind + ":" + name
	r.counts[base]++
	r.steps++
	return activities.Step{EnrollmentID: r.enrollmentID, Key: fmt.Sprintf("%s#%d", base, r.counts[base]), Node: node}
}

// labelOr is the label an author gave, or the default.
func labelOr(label, fallback string) (string, error) {
	if label == "" {
		label = fallback
	}
	if utf8.RuneCountInString(label) > maxLabel {
		return "", invalid("label", "must have at most %d characters", maxLabel)
	}
	return label, nil
}

func invalid(field, format string, args ...any) error {
	return &hogsend.ValidationError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// shortDuration writes 48h0m0s as 48h and 1h30m0s as 1h30m.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
