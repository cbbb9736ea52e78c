package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) bucketsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "buckets", Short: "List, show, switch, preview, simulate and retire buckets"}
	cmd.AddCommand(p.bucketsListCommand(), p.bucketsShowCommand(), p.bucketsMembersCommand(), p.bucketsSwitchCommand("enable", true),
		p.bucketsSwitchCommand("disable", false), p.bucketsPreviewCommand(), p.bucketsSimulateCommand(), p.bucketsRetireCommand())
	return cmd
}

// listedBucket is a BucketItem as the API answers it.
type listedBucket struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Enabled    bool             `json:"enabled"`
	Registered bool             `json:"registered"`
	EntryLimit string           `json:"entryLimit"`
	Counts     map[string]int64 `json:"counts"`
	Backfill   *struct {
		Status    string  `json:"status"`
		Percent   float64 `json:"percent"`
		PerSecond float64 `json:"perSecond"`
	} `json:"backfill"`
}

func (b *listedBucket) state() string {
	switch {
	case !b.Registered:
		return "not registered"
	case !b.Enabled:
		return "disabled"
	}
	return "enabled"
}

// backfill is how far a backfill has come, and how fast.
func (b *listedBucket) backfill() string {
	if b.Backfill == nil {
		return "-"
	}
	return fmt.Sprintf("%s, %.1f%% at %.0f/s", b.Backfill.Status, b.Backfill.Percent, b.Backfill.PerSecond)
}

func (p *program) bucketsListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List buckets with their members and the backfills under way", Args: cobra.NoArgs,
		Long: "Lists the buckets in force, then those that no build defines any more but that have\nmembers still. A backfill shows how much of all contacts is settled, and how fast.",
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		if !*asJSON {
			fmt.Fprintln(table, "ID\tSTATE\tMEMBERS\tLEFT\tENTRY LIMIT\tBACKFILL")
		}
		for _, registered := range []string{"true", "false"} {
			err := pages(cmd.Context(), c, bucketsPath, url.Values{"registered": {registered}}, "buckets", func(item json.RawMessage) (bool, error) {
				if *asJSON {
					return true, p.print(true, item, "")
				}
				var b listedBucket
				if err := json.Unmarshal(item, &b); err != nil {
					return false, fmt.Errorf("decode bucket: %w", err)
				}
				printLine(table, "%s\t%s\t%d\t%d\t%s\t%s\n", b.ID, b.state(), b.Counts["active"], b.Counts["left"], b.EntryLimit, b.backfill())
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return table.Flush()
	}
	return cmd
}

// shownBucket is the reply of R-71.
type shownBucket struct {
	listedBucket
	Description    string          `json:"description"`
	Criteria       json.RawMessage `json:"criteria"`
	EntryPeriod    json.RawMessage `json:"entryPeriod"`
	MinDwell       json.RawMessage `json:"minDwell"`
	MaxDwell       json.RawMessage `json:"maxDwell"`
	ReconcileJoins *bool           `json:"reconcileJoins"`
	SyncToPostHog  bool            `json:"syncToPostHog"`
	FeedsJourneys  []struct {
		ID      string `json:"id"`
		Trigger string `json:"trigger"`
		Owned   bool   `json:"owned"`
	} `json:"feedsJourneys"`
}

func (p *program) bucketsShowCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Show a bucket: criteria, limits and the journeys that it feeds", Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveBuckets)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var got struct {
			Bucket json.RawMessage `json:"bucket"`
		}
		if err := c.do(cmd.Context(), http.MethodGet, bucketPath(args[0]), nil, &got); err != nil {
			return err
		}
		if *asJSON {
			return p.print(true, got.Bucket, "")
		}
		var b shownBucket
		if err := json.Unmarshal(got.Bucket, &b); err != nil {
			return fmt.Errorf("decode bucket: %w", err)
		}
		return b.print(p.Stdout)
	}
	return cmd
}

func (b *shownBucket) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { printLine(table, "%s\t%v\n", name, value) }
	line("id", b.ID)
	line("name", b.Name)
	if b.Description != "" {
		line("description", b.Description)
	}
	line("state", b.state())
	line("members", fmt.Sprintf("%d, %d left", b.Counts["active"], b.Counts["left"]))
	line("backfill", b.backfill())
	line("entry limit", b.EntryLimit)
	for _, limit := range []struct {
		name string
		dur  json.RawMessage
	}{{"entry period", b.EntryPeriod}, {"min dwell", b.MinDwell}, {"max dwell", b.MaxDwell}} {
		if text := durText(limit.dur); text != "" {
			line(limit.name, text)
		}
	}
	for i, f := range b.FeedsJourneys {
		name := ""
		if i == 0 {
			name = "feeds"
		}
		printLine(table, "%s\t%s\t%s\n", name, f.ID, f.Trigger)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var tree bytes.Buffer
	if err := json.Indent(&tree, b.Criteria, "", "  "); err != nil {
		return fmt.Errorf("decode criteria: %w", err)
	}
	_, err := fmt.Fprintf(w, "criteria\n%s\n", tree.Bytes())
	return err
}

// durText is a Dur of the API as Go writes it; "" for null.
func durText(raw json.RawMessage) string {
	var d *struct{ Hours, Minutes, Seconds float64 }
	if json.Unmarshal(raw, &d) != nil || d == nil {
		return ""
	}
	return time.Duration(d.Hours*float64(time.Hour) + d.Minutes*float64(time.Minute) + d.Seconds*float64(time.Second)).String()
}

func (p *program) bucketsMembersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "members ID", Short: "List who is in a bucket, or was, entered last first", Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveBuckets)
	status := cmd.Flags().String("status", "active", "active or left")
	user := cmd.Flags().String("user", "", "only this person")
	completesFlag(cmd, "user", connect, livePeople)
	limit := cmd.Flags().Int("limit", 50, "how many at most; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		if !*asJSON {
			fmt.Fprintln(table, "USER\tEMAIL\tENTERED\tENTRY\tEXPIRES\tLEFT\tREASON")
		}
		shown := 0
		err = pages(cmd.Context(), c, bucketPath(args[0])+"/members", url.Values{"status": {*status}, "userId": {*user}}, "members", func(item json.RawMessage) (bool, error) {
			shown++
			more := *limit == 0 || shown < *limit
			if *asJSON {
				return more, p.print(true, item, "")
			}
			var m struct {
				UserID, UserEmail, LeftReason string
				EnteredAt                     time.Time
				ExpiresAt, LeftAt             *time.Time
				EntryCount                    int
			}
			if err := json.Unmarshal(item, &m); err != nil {
				return false, fmt.Errorf("decode member: %w", err)
			}
			printLine(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", m.UserID, first(m.UserEmail, "-"), m.EnteredAt.Format(time.RFC3339), m.EntryCount,
				wakeText(m.ExpiresAt), wakeText(m.LeftAt), first(m.LeftReason, "-"))
			return more, nil
		})
		return errors.Join(err, table.Flush())
	}
	return cmd
}

func (p *program) bucketsSwitchCommand(verb string, enabled bool) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " ID", Short: "Freeze a bucket: nobody enters, leaves or dwells", Args: cobra.ExactArgs(1)}
	if enabled {
		cmd.Short = "Let a bucket go on: all contacts are settled, silently"
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveBuckets)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var got json.RawMessage
		if err := c.do(cmd.Context(), http.MethodPatch, bucketPath(args[0]), map[string]bool{"enabled": enabled}, &got); err != nil {
			return err
		}
		return p.print(*asJSON, got, args[0]+" is "+verb+"d")
	}
	return cmd
}

func (p *program) bucketsRetireCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retire ID", Short: "Make all members of a bucket that no build defines any more leave, silently", Args: cobra.ExactArgs(1),
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveBuckets)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), http.MethodPost, bucketPath(args[0])+"/retire", struct{}{}, &raw); err != nil {
			return err
		}
		var got struct{ Leaving int64 }
		if err := json.Unmarshal(raw, &got); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		return p.print(*asJSON, raw, fmt.Sprintf("%d members leave %s", got.Leaving, args[0]))
	}
	return cmd
}
