package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/encoding"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/simulate"
	"github.com/hogsend/hogsend/server"
)

// simulateFlags are what `buckets simulate` is asked for.
type simulateFlags struct {
	from, to, bucket, criteria, events, out string
}

func (p *program) bucketsSimulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use: "simulate", Short: "Tell what buckets would have done in the past; nothing is changed", Args: cobra.NoArgs,
		Long: `Lets the buckets of this binary run over history with exact time and writes what each
would have done to each contact, one JSON object for each transition, in order of instant:
  {"at":"2026-03-02T09:00:00.000001Z","bucket":"went-dormant","contact":"ada","transition":"entered",
   "epoch":1,"label":"","ordinal":0,"reason":"","muted":false}
transition is entered, left or dwell; epoch counts the stays of the contact from 1; label and
ordinal are those of a dwell; reason is criteria or maxDwell for left; muted is a join that
the entry limit does not tell of. Who matches at --from is a member silently, and what is due
at --to still happens. No reaction runs.

  hogsend buckets simulate --from 2026-01-01 --to 2026-07-01 --out transitions.jsonl
  hogsend buckets simulate --from 2026-01-01 --to 2026-07-01 --bucket went-dormant --out -
  hogsend buckets simulate --from 2026-01-01 --to 2026-07-01 --criteria idea.json --out idea.jsonl

The history is what DATABASE_URL stores: events by the time they occurred, mails by theirs.
Of contact properties only today's values are known; the report says so when criteria look
at them. With --events it is a file with one item of the batch endpoint on each line, each
with a timestamp; their contactProperties take effect as they come.

It works in a schema of its own in the same database, named hogsend_simulation_…, which is
dropped at the end; one that a killed simulation left behind is dropped by the next.
Counts by bucket and by day follow at the end, as text or with --json.`,
	}
	cmd.Flags().StringVar(&f.from, "from", "", "where it begins: an RFC 3339 time, or a day in UTC (required)")
	cmd.Flags().StringVar(&f.to, "to", "", "where it ends (required)")
	cmd.Flags().StringVar(&f.bucket, "bucket", "", "only this bucket of the binary")
	cmd.Flags().StringVar(&f.criteria, "criteria", "", "instead of a bucket: a JSON file with criteria; - for standard input")
	cmd.Flags().StringVar(&f.events, "events", "", "instead of what is stored: JSON lines; - for standard input")
	cmd.Flags().StringVar(&f.out, "out", "", "where transitions are written; - for standard output, the report then goes to standard error (required)")
	asJSON := jsonFlag(cmd)
	p.onInstallation(cmd)
	for _, name := range []string{"from", "to", "out"} {
		_ = cmd.MarkFlagRequired(name) // the flag exists
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		report, err := p.simulate(cmd.Context(), &f)
		if err != nil {
			return err
		}
		w := p.Stdout
		if f.out == "-" {
			w = p.Stderr
		}
		for _, warning := range report.Warnings {
			fmt.Fprintln(p.Stderr, "warning:", warning)
		}
		if *asJSON {
			return json.NewEncoder(w).Encode(report)
		}
		return report.print(w)
	}
	return cmd
}

// simulate runs the simulation and writes its transitions.
func (p *program) simulate(ctx context.Context, f *simulateFlags) (*simulateReport, error) {
	var m simulate.Params
	var err error
	if m.From, err = parseInstant("--from", f.from); err != nil {
		return nil, err
	}
	if m.To, err = parseInstant("--to", f.to); err != nil {
		return nil, err
	}
	if !m.From.Before(m.To) {
		return nil, errors.New("--to: must be after --from")
	}
	s, cfg, err := p.database(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if m.Definitions, err = p.simulated(f, cfg.EnabledBuckets); err != nil {
		return nil, err
	}
	if f.events != "" {
		if m.Events, err = p.readEvents(f.events); err != nil {
			return nil, fmt.Errorf("--events: %w", err)
		}
	}
	if err := checkOut(f.out); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	m.Progress = p.simulationProgress()
	got, err := simulate.Run(ctx, s, m)
	if err != nil {
		return nil, err
	}
	if err := p.writeTransitions(f.out, got.Transitions); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return newSimulateReport(&m, got), nil
}

// parseInstant reads a time or a day of a flag.
func parseInstant(flag, text string) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%s: %q is neither an RFC 3339 time nor a day such as 2026-01-31", flag, text)
	}
	return at.UTC().Truncate(time.Microsecond), nil
}

// simulated are the buckets that are to run.
func (p *program) simulated(f *simulateFlags, enabled string) ([]bucket.Definition, error) {
	registry, _, err := checkRegistry(p.Options)
	if err != nil {
		return nil, err
	}
	buckets, _ := definition.EnabledBuckets(registry, enabled)
	switch {
	case f.bucket != "" && f.criteria != "":
		return nil, errors.New("--criteria: give either a bucket or criteria")
	case f.bucket != "":
		buckets = slices.DeleteFunc(slices.Clone(registry.Buckets), func(b hogsend.Bucket) bool { return b.ID != f.bucket })
		if len(buckets) == 0 {
			return nil, fmt.Errorf("--bucket: this binary has no bucket %s", f.bucket)
		}
	case f.criteria != "":
		tree, err := readCriteria(f.criteria, registry.Templates)
		if err != nil {
			return nil, fmt.Errorf("--criteria: %w", err)
		}
		buckets = []hogsend.Bucket{{ID: "criteria", Name: "criteria", Criteria: tree}}
	}
	if len(buckets) == 0 {
		return nil, errors.New("this binary has no buckets; give --criteria")
	}
	return bucket.DescribeAll(buckets)
}

func readCriteria(file string, templates []hogsend.Template) (hogsend.Condition, error) {
	body, err := readInput(file)
	if err != nil {
		return nil, err
	}
	tree, problems, err := criteria.ParseTree(body, func(key string) bool {
		return slices.ContainsFunc(templates, func(t hogsend.Template) bool { return t.Key == key })
	})
	for _, problem := range problems {
		err = errors.Join(err, fmt.Errorf("%s: %s", problem.Path, problem.Message))
	}
	return tree, err
}

// readEvents reads items of the batch endpoint. A bad one refuses the file: a history
// with holes would be another one.
func (p *program) readEvents(file string) ([]ingest.Event, error) {
	var in io.Reader = os.Stdin
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the file that the command names
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := encoding.Reader(file, in)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 64<<10), 2<<20)
	events := []ingest.Event{}
	var bad []string
	for number := 1; lines.Scan(); number++ {
		raw := bytes.TrimSpace(lines.Bytes())
		if len(raw) == 0 {
			continue
		}
		event, problems := server.DecodeItem(bytes.Clone(raw))
		if len(problems) == 0 && event.Timestamp == nil {
			problems = append(problems, ingest.Problem{Path: "timestamp", Message: "must not be empty"})
		}
		for _, problem := range problems {
			where := strings.TrimSuffix(fmt.Sprintf("line %d: %s", number, problem.Path), ": ")
			bad = append(bad, where+": "+problem.Message)
		}
		events = append(events, event)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(bad) > 0 {
		shown := bad[:min(len(bad), 10)]
		return nil, fmt.Errorf("%d problems\n%s", len(bad), strings.Join(shown, "\n"))
	}
	return events, nil
}

// checkOut finds out before the work whether the file can be written. What it holds
// stays until there is something to write.
func checkOut(file string) error {
	if file == "-" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // a report for people
	if err != nil {
		return err
	}
	return f.Close()
}

func (p *program) writeTransitions(file string, all []simulate.Transition) (err error) {
	out := p.Stdout
	if file != "-" {
		f, err := os.Create(file) //nolint:gosec // the file that the command names
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	w := bufio.NewWriter(out)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for i := range all {
		if err := encoder.Encode(&all[i]); err != nil {
			return err
		}
	}
	return w.Flush()
}

// simulationProgress tells on standard error how far it has come, once a second.
func (p *program) simulationProgress() func(done, total int) {
	var last time.Time
	return func(done, total int) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		if total < done {
			fmt.Fprintf(p.Stderr, "%d people\n", done)
			return
		}
		fmt.Fprintf(p.Stderr, "%d of about %d people\n", done, total)
	}
}

// simulateReport is what a simulation ends with.
type simulateReport struct {
	From        time.Time         `json:"from"`
	To          time.Time         `json:"to"`
	People      int               `json:"people"`
	Transitions int               `json:"transitions"`
	Buckets     []*simulateCounts `json:"buckets"`
	Days        []*simulateCounts `json:"days"`
	Warnings    []string          `json:"warnings"`
	Changed     bool              `json:"changed"`
}

// simulateCounts are the transitions of one bucket, all of them or those of one day.
type simulateCounts struct {
	Day     string `json:"day,omitempty"`
	Bucket  string `json:"bucket"`
	Entered int    `json:"entered"`
	// Muted are those of the joins that the entry limit does not tell of.
	Muted int `json:"muted"`
	Left  int `json:"left"`
	Dwell int `json:"dwell"`
}

func (c *simulateCounts) add(t *simulate.Transition) {
	switch t.Transition {
	case "entered":
		c.Entered++
	case "left":
		c.Left++
	case "dwell":
		c.Dwell++
	}
	if t.Muted {
		c.Muted++
	}
}

func newSimulateReport(m *simulate.Params, got *simulate.Result) *simulateReport {
	r := &simulateReport{
		From: m.From, To: m.To, People: got.People, Transitions: len(got.Transitions), Warnings: append([]string{}, got.Warnings...),
		Days: []*simulateCounts{},
	}
	totals := map[string]*simulateCounts{}
	for i := range m.Definitions {
		c := &simulateCounts{Bucket: m.Definitions[i].ID}
		totals[c.Bucket] = c
		r.Buckets = append(r.Buckets, c)
	}
	days := map[[2]string]*simulateCounts{}
	for i := range got.Transitions {
		t := &got.Transitions[i]
		totals[t.Bucket].add(t)
		key := [2]string{t.At.UTC().Format(time.DateOnly), t.Bucket}
		c := days[key]
		if c == nil {
			c = &simulateCounts{Day: key[0], Bucket: t.Bucket}
			days[key] = c
			r.Days = append(r.Days, c)
		}
		c.add(t)
	}
	slices.SortFunc(r.Days, func(a, b *simulateCounts) int { return strings.Compare(a.Day+a.Bucket, b.Day+b.Bucket) })
	return r
}

func (r *simulateReport) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DAY\tBUCKET\tENTERED\tMUTED\tLEFT\tDWELL")
	line := func(day string, c *simulateCounts) {
		printLine(table, "%s\t%s\t%d\t%d\t%d\t%d\n", day, c.Bucket, c.Entered, c.Muted, c.Left, c.Dwell)
	}
	for _, c := range r.Days {
		line(c.Day, c)
	}
	for _, c := range r.Buckets {
		line("all", c)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d transitions of %d people; nothing was changed.\n", r.Transitions, r.People)
	return err
}
