package replay

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Stratum is a group of people in flight who stand at the same place of the same code
// (T-29), or of stored histories.
type Stratum struct {
	Journey string `json:"journey"`
	Version string `json:"version"`
	Node    string `json:"node"`
	// Open counts all of them, Sampled those whose history was looked at; each of these
	// is counted once more below.
	Open       int64 `json:"open"`
	Sampled    int64 `json:"sampled"`
	OK         int64 `json:"ok"`
	Broken     int64 `json:"broken"`
	Changed    int64 `json:"changed"`
	Unreadable int64 `json:"unreadable"`
	Skipped    int64 `json:"skipped"`
	Pinned     int64 `json:"pinned"`
	// Findings are those that are not ok, at most maxFindings of them.
	Findings []Finding `json:"findings"`
}

// Finding is what was found about one history.
type Finding struct {
	// ID is the workflow's id, or the name of a file.
	ID      string  `json:"id"`
	Verdict Verdict `json:"verdict"`
	// Event is the first event that differs, 0 if that is not known.
	Event      int64  `json:"event,omitempty"`
	Difference string `json:"difference"`
}

// maxFindings bounds a report over all people in flight.
const maxFindings = 20

// Totals are the sums over all strata.
type Totals struct {
	Open       int64 `json:"open"`
	Sampled    int64 `json:"sampled"`
	OK         int64 `json:"ok"`
	Broken     int64 `json:"broken"`
	Changed    int64 `json:"changed"`
	Unreadable int64 `json:"unreadable"`
	Skipped    int64 `json:"skipped"`
	Pinned     int64 `json:"pinned"`
	// BrokenStrata have a broken sample, BlindStrata only unreadable ones.
	BrokenStrata int64 `json:"brokenStrata"`
	BlindStrata  int64 `json:"blindStrata"`
	// People are all who stand in a broken stratum.
	People int64 `json:"people"`
}

// Report is what the gate found (T-31). The zero value is an empty one; it is not safe
// for concurrent use.
type Report struct {
	strata map[[3]string]*Stratum
}

// Stratum is the one with that name, made when it is first asked for.
func (r *Report) Stratum(journey, version, node string) *Stratum {
	key := [3]string{journey, version, node}
	if r.strata == nil {
		r.strata = map[[3]string]*Stratum{}
	}
	if r.strata[key] == nil {
		r.strata[key] = &Stratum{Journey: journey, Version: version, Node: node, Findings: []Finding{}}
	}
	return r.strata[key]
}

// Add counts the outcome of a sample.
func (s *Stratum) Add(id string, out Outcome) {
	s.Sampled++
	switch out.Verdict {
	case OK:
		s.OK++
		return
	case Skipped: // it ended, or has not begun: there is nothing to tell
		s.Skipped++
		return
	case Pinned: // this binary will not run it
		s.Pinned++
		return
	case Broken:
		s.Broken++
	case Changed:
		s.Changed++
	case Unreadable:
		s.Unreadable++
	}
	if len(s.Findings) < maxFindings {
		s.Findings = append(s.Findings, Finding{ID: id, Verdict: out.Verdict, Event: out.EventID, Difference: out.Difference})
	}
}

// Strata are all, in order.
func (r *Report) Strata() []Stratum {
	all := []Stratum{}
	for _, s := range r.strata {
		found := *s
		found.Findings = slices.Clone(s.Findings)
		slices.SortFunc(found.Findings, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
		all = append(all, found)
	}
	slices.SortFunc(all, func(a, b Stratum) int {
		return cmp.Or(cmp.Compare(a.Journey, b.Journey), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Node, b.Node))
	})
	return all
}

// Totals sums up.
func (r *Report) Totals() Totals {
	var t Totals
	for _, s := range r.strata {
		t.Open += s.Open
		t.Sampled += s.Sampled
		t.OK += s.OK
		t.Broken += s.Broken
		t.Changed += s.Changed
		t.Unreadable += s.Unreadable
		t.Skipped += s.Skipped
		t.Pinned += s.Pinned
		if s.Broken > 0 {
			t.BrokenStrata++
			t.People += s.Open
		}
		if s.Unreadable > 0 && s.Unreadable+s.Skipped+s.Pinned == s.Sampled {
			t.BlindStrata++
		}
	}
	return t
}

// Sentence says it in one line.
func (t Totals) Sentence() string {
	if t.Open == 0 {
		return "nothing is in flight"
	}
	text := fmt.Sprintf("%d open, %d sampled, ", t.Open, t.Sampled)
	switch {
	case t.BrokenStrata > 0:
		text += fmt.Sprintf("%s broken: %s", count(t.BrokenStrata, "stratum", "strata"), count(t.People, "person", "people"))
	case t.BlindStrata > 0:
		text += fmt.Sprintf("%s unreadable", count(t.BlindStrata, "stratum", "strata"))
	case t.Changed > 0:
		text += fmt.Sprintf("all replay, %d changed", t.Changed)
	default:
		text += "all replay"
	}
	if t.Pinned > 0 {
		text += fmt.Sprintf(", %d pinned to their build", t.Pinned)
	}
	return text
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Write writes the report for people.
func (r *Report) Write(w io.Writer) error {
	strata := r.Strata()
	if len(strata) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "JOURNEY\tVERSION\tNODE\tOPEN\tSAMPLED\tOK\tBROKEN\tCHANGED\tUNREADABLE")
		for _, s := range strata {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n",
				s.Journey, cmp.Or(s.Version, "-"), cmp.Or(s.Node, "-"), s.Open, s.Sampled, s.OK, s.Broken, s.Changed, s.Unreadable)
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	for _, s := range strata {
		for _, f := range s.Findings {
			at := ""
			if f.Event > 0 {
				at = fmt.Sprintf("event %d: ", f.Event)
			}
			fmt.Fprintf(w, "%s %s: %s%s\n", f.Verdict, f.ID, at, f.Difference)
		}
	}
	_, err := fmt.Fprintln(w, r.Totals().Sentence())
	return err
}
