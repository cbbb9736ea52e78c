package app

import (
	"cmp"
	"fmt"
	"io"
	"slices"
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
policy for changed criteria (OnChange) would run; and which dates that trigger journeys
are computed anew, as by another DEFAULT_TIMEZONE. It reads DATABASE_URL, as of now, and
changes nothing.`,
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
		journeys, _ := definition.EnabledJourneys(registry, cfg.EnabledJourneys)
		plan, err := rollout.Plan(cmd.Context(), s, rollout.Build{
			Buckets: definitions, Journeys: journeys, Timezone: cmp.Or(cfg.DefaultTimezone, registry.Defaults.Timezone),
		})
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		if *asJSON {
			return p.print(true, map[string]any{
				"buckets": plan.Buckets, "dates": plan.Dates, "timezone": map[string]string{"now": plan.Was, "then": plan.Timezone}, "changed": false,
			}, "")
		}
		return printPlan(p.Stdout, plan)
	}
	return cmd
}

// printPlan writes one line for each bucket, and below it one for each thing that
// would run.
func printPlan(w io.Writer, deployment rollout.Deployment) error {
	plan := deployment.Buckets
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
	printDates(w, &deployment)
	_, err := fmt.Fprintln(w, "Nothing was changed.")
	return err
}

// printDates tells which dates are computed anew, and why.
func printDates(w io.Writer, d *rollout.Deployment) {
	if d.Timezone != d.Was {
		fmt.Fprintf(w, "DEFAULT_TIMEZONE would be %s, it is %s: the days of contacts whose own zone is not known begin elsewhere\n", d.Timezone, d.Was)
	}
	for _, one := range d.Dates {
		switch one.Status {
		case "new":
			fmt.Fprintf(w, "%s: its dates are looked up for every contact; those that passed trigger nobody\n", one.JourneyID)
		case "changed":
			behind := "trigger nobody"
			if !slices.Contains(one.Changes, "date") {
				behind = "are due at once"
			}
			fmt.Fprintf(w, "%s: %d are due now; all are computed anew (%s), those that are behind then %s\n", one.JourneyID, one.Due, strings.Join(one.Changes, ", "), behind)
		case "removed":
			fmt.Fprintf(w, "%s: %d are due now, and are forgotten\n", one.JourneyID, one.Due)
		}
	}
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
