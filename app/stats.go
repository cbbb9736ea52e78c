package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// statistics is what the command prints.
type statistics struct {
	Overview json.RawMessage `json:"overview"`
	Journeys json.RawMessage `json:"journeys"`
	Buckets  json.RawMessage `json:"buckets"`
}

func (p *program) statsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "stats", Short: "Print figures of contacts, mails, journeys and buckets", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var all statistics
		var journeys, buckets map[string]json.RawMessage
		if err := errors.Join(
			c.do(cmd.Context(), "GET", "/v1/admin/metrics/overview", nil, &all.Overview),
			c.do(cmd.Context(), "GET", "/v1/admin/metrics/journeys", nil, &journeys),
			c.do(cmd.Context(), "GET", "/v1/admin/metrics/buckets", nil, &buckets),
		); err != nil {
			return err
		}
		all.Journeys, all.Buckets = journeys["journeys"], buckets["buckets"]
		if *asJSON {
			return p.print(true, all, "")
		}
		return p.printStats(all)
	}
	return cmd
}

func (p *program) printStats(all statistics) error {
	var o struct {
		TotalContacts, ActiveJourneys, ActiveBuckets, BucketMembers int64
		EmailsSent24h, EmailsSent7d, EmailsSent30d                  int64
		BounceRate30d, UnsubscribeRate                              float64
	}
	var journeys []struct {
		JourneyID                                   string
		Enrolled, Active, Completed, Failed, Exited int64
		CompletionRate                              float64
		AvgDurationSecs                             *float64
	}
	var buckets []struct {
		BucketID            string
		Size, Entered, Left int64
		AvgDwellSecs        *float64
	}
	if err := errors.Join(json.Unmarshal(all.Overview, &o), json.Unmarshal(all.Journeys, &journeys), json.Unmarshal(all.Buckets, &buckets)); err != nil {
		return fmt.Errorf("decode reply: %w", err)
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	printLine(table, "contacts\t%d\t%s unsubscribed\n", o.TotalContacts, percent(o.UnsubscribeRate))
	printLine(table, "mails\t%d in 24 h, %d in 7 days, %d in 30 days\t%s bounced\n", o.EmailsSent24h, o.EmailsSent7d, o.EmailsSent30d, percent(o.BounceRate30d))
	printLine(table, "in journeys\t%d\t\n", o.ActiveJourneys)
	printLine(table, "in buckets\t%d\t%d buckets\n", o.BucketMembers, o.ActiveBuckets)
	fmt.Fprintln(table, "\nJOURNEY\tENROLLED\tACTIVE\tCOMPLETED\tFAILED\tEXITED\tRATE\tTAKES")
	for _, j := range journeys {
		printLine(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", j.JourneyID, j.Enrolled, j.Active, j.Completed, j.Failed, j.Exited, percent(j.CompletionRate), took(j.AvgDurationSecs))
	}
	fmt.Fprintln(table, "\nBUCKET\tMEMBERS\tENTERED\tLEFT\tSTAY")
	for _, b := range buckets {
		printLine(table, "%s\t%d\t%d\t%d\t%s\n", b.BucketID, b.Size, b.Entered, b.Left, took(b.AvgDwellSecs))
	}
	return table.Flush()
}

func percent(rate float64) string { return fmt.Sprintf("%.1f%%", 100*rate) }

// took is a mean in seconds as a duration.
func took(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return time.Duration(*seconds * float64(time.Second)).Round(time.Second).String()
}
