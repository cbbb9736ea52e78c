package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/decide/steps"
)

const campaignsPath = "/v1/campaigns"

// listedCampaign is what commands show of.
type listedCampaign struct {
	ID              string     `json:"id"`
	Name            string     `json:"name"`
	Status          string     `json:"status"`
	AudienceKind    string     `json:"audienceKind"`
	AudienceID      string     `json:"audienceId"`
	TemplateKey     string     `json:"templateKey"`
	TotalRecipients int        `json:"totalRecipients"`
	SentCount       int        `json:"sentCount"`
	SkippedCount    int        `json:"skippedCount"`
	FailedCount     int        `json:"failedCount"`
	ScheduledAt     *time.Time `json:"scheduledAt"`
	StartedAt       *time.Time `json:"startedAt"`
	CompletedAt     *time.Time `json:"completedAt"`
	PausedAt        *time.Time `json:"pausedAt"`
	SendAtLocal     *string    `json:"sendAtLocal"`
	Error           *string    `json:"error"`
	Outcomes        []struct {
		Status, Reason string
		Count          int
	} `json:"outcomes"`
}

func (p *program) campaignsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "campaigns", Short: "Mail many people at once, and see how it goes"}
	cmd.AddCommand(p.campaignsCreateCommand(), p.campaignsListCommand(), p.campaignsShowCommand())
	for _, c := range [][2]string{
		{"pause", "Hold a campaign; mails that were claimed still go out"},
		{"resume", "Let a paused campaign go on, after a sample with everybody else"},
		{"cancel", "End a campaign; whose mail was not claimed is spared"},
	} {
		cmd.AddCommand(p.campaignsChangeCommand(c[0], c[1]))
	}
	return cmd
}

// notPast refuses a time that is past for everybody, such as one of last year: over HTTP it
// means at once (E-69), which nobody means who types a date. What is no time is the server's.
func notPast(now time.Time, at, local string) error {
	if t, err := time.Parse(time.RFC3339, at); err == nil && t.Before(now.Add(-time.Minute)) {
		return fmt.Errorf("--at: %s is past; without --at it starts at once", at)
	}
	const last = 26 * time.Hour // from the first zone on earth to the last
	if first, err := steps.FirstLocal(local); local != "" && err == nil && first.Add(last).Before(now) {
		return fmt.Errorf("--local: %s is past everywhere; without --local it starts at once", local)
	}
	return nil
}

func (p *program) campaignsCreateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "create TEMPLATE", Short: "Send a template to a list or to the members of a bucket", Args: cobra.ExactArgs(1),
		Long: `Creates a campaign. Its recipients are frozen when it starts; each of them gets at most one mail,
and only if the send gate lets it pass. A time that is past is refused, unless an idempotency
key says that this may be a second try.

  hogsend campaigns create june-news --list newsletter
  hogsend campaigns create june-news --bucket vip --at 2026-06-01T09:00:00Z
  hogsend campaigns create june-news --list newsletter --local 2026-06-01T09:00 --rate 600
  hogsend campaigns create june-news --list newsletter --sample 50`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	f := cmd.Flags()
	list, bucket := f.String("list", "", "the list whose subscribers get it"), f.String("bucket", "", "the bucket whose members get it")
	name, subject := f.String("name", "", "what it is called (default: the template)"), f.String("subject", "", "replaces the template's subject")
	from, props := f.String("from", "", "replaces the sender"), f.String("props", "", "props of the template, as JSON")
	at, local := f.String("at", "", "when it starts, RFC 3339"), f.String("local", "", "a time on each recipient's wall, such as 2026-06-01T09:00")
	rate, sample := f.Int("rate", 0, "at most so many mails a minute"), f.Int("sample", 0, "mail so many first, then pause")
	sampleTo := f.StringSlice("sample-to", nil, "mail these people first, then pause: ids or addresses")
	key := f.String("idempotency-key", "", "a second campaign of this key is the first one")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *key == "" {
			if err := notPast(time.Now(), *at, *local); err != nil {
				return err
			}
		}
		body := map[string]any{"template": args[0]}
		for field, value := range map[string]*string{
			"list": list, "bucket": bucket, "name": name, "subject": subject, "from": from, "sendAt": at, "sendAtLocal": local, "idempotencyKey": key,
		} {
			if *value != "" {
				body[field] = *value
			}
		}
		for field, value := range map[string]*int{"ratePerMinute": rate, "sample": sample} {
			if *value != 0 {
				body[field] = *value
			}
		}
		if len(*sampleTo) > 0 {
			body["sampleTo"] = *sampleTo
		}
		if *props != "" {
			if !json.Valid([]byte(*props)) {
				return errors.New("--props: is not JSON")
			}
			body["props"] = json.RawMessage(*props)
		}
		c, err := connect()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), "POST", campaignsPath, body, &raw); err != nil {
			return err
		}
		var made struct{ CampaignID, Status string }
		if err := json.Unmarshal(raw, &made); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		return p.print(*asJSON, raw, made.CampaignID+" is "+made.Status+"\nwatch it with: hogsend campaigns show "+made.CampaignID+" --watch")
	}
	return cmd
}

func (p *program) campaignsListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List campaigns, newest first", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	status := cmd.Flags().String("status", "", "only of these, with commas: scheduled, queued, sending, sent, failed, canceled, expired")
	limit := cmd.Flags().Int("limit", 50, "at most so many; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		n := 0
		err = pages(cmd.Context(), c, campaignsPath, url.Values{"status": {*status}}, "campaigns", func(item json.RawMessage) (bool, error) {
			var one listedCampaign
			if err := json.Unmarshal(item, &one); err != nil {
				return false, fmt.Errorf("decode campaign: %w", err)
			}
			if n++; n == 1 && !*asJSON {
				_, _ = fmt.Fprintln(table, "ID\tNAME\tAUDIENCE\tSTATUS\tPROGRESS") // its error is that of Flush
			}
			if *asJSON {
				return n != *limit, p.print(true, item, "")
			}
			_, _ = fmt.Fprintln(table, strings.Join([]string{one.ID, escapeControls(one.Name, ""), one.AudienceKind + " " + one.AudienceID, one.state(), one.progress()}, "\t")) // likewise
			return n != *limit, nil
		})
		if err != nil {
			return err
		}
		if n == 0 && !*asJSON {
			_, err := fmt.Fprintln(p.Stdout, "no campaigns")
			return err
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("print campaigns: %w", err)
		}
		return nil
	}
	return cmd
}

// state is the status in a word, of a paused one that it is.
func (c listedCampaign) state() string {
	switch {
	case c.PausedAt != nil && !c.over():
		return c.Status + ", paused"
	case c.Status == "scheduled" && c.SendAtLocal != nil:
		return "scheduled for " + *c.SendAtLocal + " of each"
	case c.Status == "scheduled" && c.ScheduledAt != nil:
		return "scheduled for " + c.ScheduledAt.UTC().Format(time.RFC3339)
	}
	return c.Status
}

func (c listedCampaign) over() bool {
	return c.Status != "scheduled" && c.Status != "queued" && c.Status != "sending"
}

func (c listedCampaign) progress() string {
	if c.StartedAt == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d: %d sent, %d skipped, %d failed", c.SentCount+c.SkippedCount+c.FailedCount, c.TotalRecipients, c.SentCount, c.SkippedCount, c.FailedCount)
}

func (p *program) campaignsShowCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Show a campaign, its progress and why who got no mail", Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	watch := cmd.Flags().Bool("watch", false, "show it again until it is over or paused")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		for last := ""; ; {
			one, raw, err := campaignNamed(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			if line := one.state() + ", " + one.progress(); *watch && !one.over() && one.PausedAt == nil {
				if line != last && !*asJSON {
					if _, err := fmt.Fprintln(p.Stdout, line); err != nil {
						return fmt.Errorf("print progress: %w", err)
					}
				}
				last = line
				if err := c.pause(cmd.Context(), time.Second); err != nil {
					return err
				}
				continue
			}
			return p.print(*asJSON, raw, one.text())
		}
	}
	return cmd
}

// campaignNamed reads a campaign with what became of its recipients.
func campaignNamed(ctx context.Context, c *apiClient, id string) (one listedCampaign, raw json.RawMessage, err error) {
	err = c.do(ctx, "GET", campaignsPath+"/"+url.PathEscape(id)+"?outcomes=true", nil, &raw)
	if missingThere(err, "Campaign not found") {
		return one, nil, fmt.Errorf("there is no campaign %s (hogsend campaigns list)", id)
	}
	if err == nil {
		if err = json.Unmarshal(raw, &one); err != nil {
			err = fmt.Errorf("decode campaign: %w", err)
		}
	}
	return one, raw, err
}

func (c listedCampaign) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s (%s to %s %s) is %s\n%s", escapeControls(c.Name, ""), c.TemplateKey, c.AudienceKind, c.AudienceID, c.state(), c.progress())
	if c.Error != nil {
		out.WriteString("\n" + escapeControls(*c.Error, ""))
	}
	for _, o := range c.Outcomes {
		reason := ""
		if o.Reason != "" {
			reason = ", " + escapeControls(o.Reason, "")
		}
		fmt.Fprintf(&out, "\n  %d %s%s", o.Count, o.Status, reason)
	}
	return out.String()
}

// campaignsChangeCommand is one of those that take the id of a campaign and change it.
func (p *program) campaignsChangeCommand(verb, short string) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		err = c.do(cmd.Context(), "POST", campaignsPath+"/"+url.PathEscape(args[0])+"/"+verb, struct{}{}, &raw)
		if missingThere(err, "Campaign not found") {
			return fmt.Errorf("there is no campaign %s (hogsend campaigns list)", args[0])
		}
		if err != nil {
			return err
		}
		var one listedCampaign
		if err := json.Unmarshal(raw, &one); err != nil {
			return fmt.Errorf("decode campaign: %w", err)
		}
		return p.print(*asJSON, raw, one.text())
	}
	return cmd
}
