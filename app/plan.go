package app

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/rollout"
)

func (p *program) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "plan", Short: "Tell what a deploy of this binary would do to the buckets; nothing is changed", Args: cobra.NoArgs,
		Long: `Compares the buckets of this binary with those in force and tells, for each, who would
join and leave, which dwell reactions are due at once, and how many reactions each
policy for changed criteria (OnChange) would run. It reads DATABASE_URL, as of now,
and changes nothing.`,
	}
	asJSON := jsonFlag(cmd)
	p.onInstallation(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		registry, _, err := checkRegistry(p.Options)
		if err != nil {
			return err
		}
		s, cfg, err := p.database(cmd.Context())
		if err != nil {
			return err
		}
		defer s.Close()
		enabled, _ := definition.EnabledBuckets(registry, cfg.EnabledBuckets)
		definitions, err := bucket.DescribeAll(enabled)
		if err != nil {
			return err
		}
		plan, err := rollout.Plan(cmd.Context(), s, definitions)
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		if *asJSON {
			return p.print(true, map[string]any{"buckets": plan, "changed": false}, "")
		}
		return printPlan(p.Stdout, plan)
	}
	return cmd
}

// printPlan writes one line for each bucket, and below it one for each thing that
// would run.
func printPlan(w io.Writer, plan []rollout.PlannedBucket) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BUCKET\tSTATUS\tMEMBERS\tJOIN\tLEAVE\tHELD\tSETTLING\tCHANGES")
	for i := range plan {
		b := &plan[i]
		printLine(table, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", b.ID, b.Status, b.Members, b.Join, b.Leave, b.Held, settlingWord(b),
			first(strings.Join(b.Changes, ", "), "-"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range plan {
		printRuns(w, &plan[i])
	}
	_, err := fmt.Fprintln(w, "Nothing was changed.")
	return err
}

func settlingWord(b *rollout.PlannedBucket) string {
	if !b.Enabled && b.Status != rollout.PlannedRemoved {
		return "when enabled"
	}
	return first(b.Settling, "-")
}

func printRuns(w io.Writer, b *rollout.PlannedBucket) {
	for _, path := range b.Unbounded {
		fmt.Fprintf(w, "%s: %s has no Within and reads all such events that a contact ever did\n", b.ID, path)
	}
	for _, r := range b.Dwell {
		if r.Count > 0 {
			fmt.Fprintf(w, "%s: %s is due at once for %d\n", b.ID, r.JourneyID, r.Count)
		}
	}
	for _, policy := range []string{"silent", "default", "react"} {
		var runs []string
		for _, r := range b.Runs[policy] {
			runs = append(runs, fmt.Sprintf("%d %s", r.Count, r.JourneyID))
		}
		if len(runs) > 0 {
			fmt.Fprintf(w, "%s: OnChange %s would run %s\n", b.ID, policy, strings.Join(runs, ", "))
		}
	}
}
