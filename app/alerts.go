package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

const rulesPath = "/v1/admin/alerts/rules"

func (p *program) alertsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "alerts", Short: "Be told of what goes wrong: rules, their channels and what they fired"}
	cmd.AddCommand(p.alertsListCommand(), p.alertsAddCommand(), p.alertsSwitchCommand("enable", true), p.alertsSwitchCommand("disable", false), p.alertsTestCommand(),
		p.actCommand("remove ID", "Remove a rule with its history", "DELETE", rulesPath, "", "is removed"), p.alertsHistoryCommand())
	return cmd
}

// alertRule is a rule as R-105 shows it.
type alertRule struct {
	ID, Name, Type, Channel  string
	Threshold, ChannelConfig map[string]any
	Enabled                  bool
	CooldownMinutes          int
	LastFiredAt              *time.Time
}

func (p *program) alertsListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the rules", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		head := "ID\tNAME\tTYPE\tTHRESHOLD\tCHANNEL\tLEADS TO\tENABLED\tCOOLDOWN\tLAST FIRED"
		return p.table(cmd, c, listing{rulesPath, url.Values{}, "rules", 0, *asJSON, head}, func(table *tabwriter.Writer, item json.RawMessage) error {
			var r alertRule
			if err := json.Unmarshal(item, &r); err != nil {
				return fmt.Errorf("decode rule: %w", err)
			}
			leads := ""
			for _, name := range []string{"url", "webhookUrl", "to"} {
				if to, ok := r.ChannelConfig[name].(string); ok {
					leads = to
				}
			}
			printLine(table, "%s\t%s\t%s\t%s\t%s\t%s\t%t\t%d min\t%s\n", r.ID, r.Name, r.Type, numbers(r.Threshold), r.Channel, leads, r.Enabled, r.CooldownMinutes, moment(r.LastFiredAt))
			return nil
		})
	}
	return cmd
}

// numbers prints a threshold.
func numbers(threshold map[string]any) string {
	var parts []string
	for _, name := range []string{"rate", "minDeliveryRate", "count", "seconds", "windowMinutes"} {
		if v, ok := threshold[name].(float64); ok {
			parts = append(parts, name+"="+strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
	return strings.Join(parts, " ")
}

func (p *program) alertsAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a rule", Args: cobra.ExactArgs(1),
		Long: `Adds a rule, which is evaluated every minute and tells at most once in its cooldown.

  hogsend alerts add "Bounces" --type bounce_rate_exceeded --email ops@example.com
  hogsend alerts add "Failures" --type journey_failure_spike --count 20 --slack https://hooks.slack.com/services/…
  hogsend alerts add "Dead letters" --type dead_letters --webhook https://ops.example.com/hook --secret whsec_…

Types: bounce_rate_exceeded, high_complaint_rate, delivery_issue, journey_failure_spike,
stranded_waits, outbox_lag, dead_letters.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	kind := cmd.Flags().String("type", "", "what to look at")
	mail := cmd.Flags().String("email", "", "tell this address")
	hook := cmd.Flags().String("webhook", "", "tell this URL")
	secret := cmd.Flags().String("secret", "", "with --webhook: sign with this secret, whsec_ and base64")
	slack := cmd.Flags().String("slack", "", "tell this incoming webhook of Slack")
	rate := cmd.Flags().Float64("rate", 0, "fire at a rate above this, or for delivery_issue below it")
	count := cmd.Flags().Int("count", 0, "fire at so many")
	late := cmd.Flags().Duration("lag", 0, "fire when the outbox is later than this")
	window := cmd.Flags().Duration("window", time.Hour, "look so far back")
	cooldown := cmd.Flags().Duration("cooldown", time.Hour, "tell at most once in this time")
	_ = cmd.MarkFlagRequired("type") // the flag exists
	cmd.MarkFlagsOneRequired("email", "webhook", "slack")
	cmd.MarkFlagsMutuallyExclusive("email", "webhook", "slack")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		threshold := map[string]any{}
		if cmd.Flags().Changed("rate") {
			threshold["rate"], threshold["minDeliveryRate"] = *rate, *rate
		}
		if cmd.Flags().Changed("count") {
			threshold["count"] = *count
		}
		if cmd.Flags().Changed("lag") {
			threshold["seconds"] = int(late.Seconds())
		}
		if cmd.Flags().Changed("window") {
			threshold["windowMinutes"] = int(window.Minutes())
		}
		channel, to := "email", map[string]any{"to": *mail}
		switch {
		case *hook != "":
			channel, to = "webhook", map[string]any{"url": *hook, "secret": *secret}
		case *slack != "":
			channel, to = "slack", map[string]any{"webhookUrl": *slack}
		}
		c, err := connect()
		if err != nil {
			return err
		}
		body := map[string]any{"name": args[0], "type": *kind, "threshold": threshold, "channel": channel, "channelConfig": to, "cooldownMinutes": int(cooldown.Minutes())}
		var out struct{ Rule json.RawMessage }
		// Once: a repetition would make a second rule.
		if _, err := c.once(cmd.Context(), "POST", rulesPath, encoded(body), &out); err != nil {
			return err
		}
		var made struct{ ID string }
		if err := json.Unmarshal(out.Rule, &made); err != nil {
			return fmt.Errorf("decode rule: %w", err)
		}
		return p.print(*asJSON, out.Rule, "added "+made.ID+"; try it: hogsend alerts test "+made.ID)
	}
	return cmd
}

func encoded(body map[string]any) []byte {
	data, err := json.Marshal(body)
	if err != nil {
		return nil // unreachable: texts and numbers are marshaled
	}
	return data
}

func (p *program) alertsSwitchCommand(verb string, on bool) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " ID", Short: strings.ToUpper(verb[:1]) + verb[1:] + " a rule", Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var out struct{ Rule json.RawMessage }
		if err := c.do(cmd.Context(), "PATCH", rulesPath+"/"+url.PathEscape(args[0]), map[string]any{"enabled": on}, &out); err != nil {
			return err
		}
		return p.print(*asJSON, out.Rule, args[0]+" is "+verb+"d")
	}
	return cmd
}

func (p *program) alertsTestCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "test ID", Short: "Tell a test over the channel of a rule, now", Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var out struct {
			Delivered bool    `json:"delivered"`
			Error     *string `json:"error"`
		}
		if err := c.do(cmd.Context(), "POST", rulesPath+"/"+url.PathEscape(args[0])+"/test", map[string]any{}, &out); err != nil {
			return err
		}
		if err := p.print(*asJSON, out, map[bool]string{true: "delivered", false: "not delivered"}[out.Delivered]); err != nil || out.Delivered {
			return err
		}
		return errors.New("the channel could not be told: " + text(out.Error))
	}
	return cmd
}

func (p *program) alertsHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "history", Short: "List what rules fired, the newest first", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	rule := cmd.Flags().String("rule", "", "only of this rule")
	limit := cmd.Flags().Int("limit", 100, "at most so many; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		l := listing{"/v1/admin/alerts/history", url.Values{"ruleId": {*rule}}, "history", *limit, *asJSON, "AT\tRULE\tTYPE\tVALUE\tTHRESHOLD\tDELIVERY\tERROR"}
		return p.table(cmd, c, l, func(table *tabwriter.Writer, item json.RawMessage) error {
			var f struct {
				DeliveryStatus string
				Error          *string
				CreatedAt      *time.Time
				Payload        struct {
					Rule, Type       string
					Value, Threshold float64
				}
			}
			if err := json.Unmarshal(item, &f); err != nil {
				return fmt.Errorf("decode firing: %w", err)
			}
			printLine(table, "%s\t%s\t%s\t%g\t%g\t%s\t%s\n", moment(f.CreatedAt), f.Payload.Rule, f.Payload.Type, f.Payload.Value, f.Payload.Threshold, f.DeliveryStatus, first(text(f.Error), "-"))
			return nil
		})
	}
	return cmd
}
