package app

import (
	"fmt"
	"strings"

	"github.com/hogsend/hogsend/internal/replay"
)

// gateReport is what the replay command prints as JSON.
type gateReport struct {
	Strata []replay.Stratum `json:"strata"`
	Totals replay.Totals    `json:"totals"`
}

// line says it in one.
func (r gateReport) line() string {
	if r.Totals.Open == 0 {
		return "nobody is under way"
	}
	var lines []string
	for _, s := range r.Strata {
		switch {
		case s.Broken > 0:
			lines = append(lines, fmt.Sprintf("%d of %s at %s cannot go on (run.Version keeps them, --reset forgets them)", s.Open, s.Journey, s.Node))
		case s.Changed > 0:
			lines = append(lines, fmt.Sprintf("%d of %s at %s go on, past a step that is another now", s.Open, s.Journey, s.Node))
		case s.Unreadable > 0:
			lines = append(lines, fmt.Sprintf("%d of %s at %s could not be looked at", s.Open, s.Journey, s.Node))
		}
	}
	if lines == nil {
		return fmt.Sprintf("%d under way can go on", r.Totals.Open)
	}
	return strings.Join(lines, "; ")
}
