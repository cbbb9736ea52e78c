package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// troubles are what may be wrong with people in flight, in the words of the table
// and of the report.
func troubles() [][2]string {
	return [][2]string{
		{"blocked", "blocked"},        // J-95
		{"stranded", "stranded"},      // J-98
		{"history", "long histories"}, // J-99
	}
}

// examineJourneys looks at people in flight: in journeys that nobody defines any more
// (J-14), and in trouble as the reconciler has seen it.
func examineJourneys(ctx context.Context, s *store.Store, index *registry.Index, note func(string, string, error)) {
	orphans, err := s.OrphansList(ctx, index.AllIDs())
	if err == nil {
		var lines []string
		for _, o := range orphans {
			lines = append(lines, fmt.Sprintf("%d in %s", o.Total, o.JourneyID))
		}
		if len(lines) > 0 {
			err = fmt.Errorf("no journey is defined for %s; define it again or run `hogsend journeys retire`", strings.Join(lines, ", "))
		}
	}
	note("orphaned", "none", err)
	detail, err := failedEnrollments(ctx, s, index.AllIDs())
	note("failed", detail, err)
	list, err := s.EnrollmentIssueList(ctx)
	for _, kind := range troubles() {
		note(kind[1], "none", errors.Join(err, troubled(list, kind[0])))
	}
	paused, err := s.AdminJourneyConfigs(ctx)
	paused = slices.DeleteFunc(paused, func(c storedb.JourneyConfig) bool { return c.PausedAt == nil })
	detail = "none"
	for i, c := range paused {
		if i == 0 {
			detail = ""
		} else {
			detail += ", "
		}
		detail += c.JourneyID
	}
	note("paused journeys", detail, err)
}

// recentFailures is how far back a failed enrollment is something to be told of: what
// failed before was seen, or nobody will mend it any more.
const recentFailures = 7 * 24 * time.Hour

// failedEnrollments names the journeys in which enrollments failed lately, with one of
// them and its error; older ones are counted.
func failedEnrollments(ctx context.Context, s *store.Store, journeys []string) (string, error) {
	rows, err := s.FailedList(ctx, recentFailures.Seconds(), journeys)
	if err != nil {
		return "", fmt.Errorf("look for failed enrollments: %w", err)
	}
	var lines []string
	var old int64
	for _, f := range rows {
		old += f.Total - f.Recent
		if f.Recent > 0 {
			lines = append(lines, fmt.Sprintf("%d in %s, last %s: %s", f.Recent, f.JourneyID, f.LastID, clip.First(f.LastError, 200)))
		}
	}
	if len(lines) > 0 {
		return "", fmt.Errorf("within 7 days %s; `hogsend journeys retry` takes one up where it failed", strings.Join(lines, "; "))
	}
	if old > 0 {
		return fmt.Sprintf("none within 7 days, %d before", old), nil
	}
	return "none", nil
}

// troubled names the journeys with a trouble, how many people have it, and one of them.
func troubled(list []storedb.EnrollmentIssueListRow, kind string) error {
	var lines []string
	for _, t := range list {
		if t.Kind == kind {
			line := fmt.Sprintf("%d in %s since %s, first %s", t.Total, t.JourneyID, t.Since.UTC().Format("2006-01-02T15:04:05Z"), t.EnrollmentID)
			if t.Detail != "" {
				line += ": " + t.Detail
			}
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "; "))
}
