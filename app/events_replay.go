package app

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) eventsReplayCommand() *cobra.Command {
	var event, user, from, to string
	var limit int
	cmd := &cobra.Command{
		Use: "replay [EVENT-ID]...", Short: "Run stored events again, for journeys and buckets that were wrong or missing",
		Long: `Runs stored events again: exits, waits, buckets and triggers look at them as if they came now,
with the properties and the time that are stored. Nothing is stored once more, internal events
are left out, guards hold, and an event enrolls nobody in a journey that it enrolled in before.

Name events by their ids, or choose them, those that happened first come first:
  hogsend events replay --event order.completed --from 2026-01-05 --to 2026-01-06 --limit 1000`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.Flags().StringVar(&event, "event", "", "events of this name")
	cmd.Flags().StringVar(&user, "user", "", "events of this person")
	cmd.Flags().StringVar(&from, "from", "", "that happened since: a day or an RFC 3339 instant")
	cmd.Flags().StringVar(&to, "to", "", "that happened until: a day or an RFC 3339 instant")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many, 1 to 1000")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		body := map[string]any{"limit": limit}
		if len(args) > 0 {
			body["eventIds"] = args
		}
		filter := map[string]string{}
		for name, value := range map[string]string{"event": event, "userId": user, "from": from, "to": to} {
			if value != "" {
				filter[name] = value
			}
		}
		if len(filter) > 0 {
			body["filter"] = filter
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), "POST", "/v1/admin/events/replay", body, &raw); err != nil {
			return err
		}
		var out struct {
			Replayed, Skipped int
			Errors            []struct{ EventID, Error string }
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		text := fmt.Sprintf("%d ran again, %d internal ones were left out", out.Replayed, out.Skipped)
		for _, e := range out.Errors {
			text += "\n" + e.EventID + ": " + e.Error
		}
		return p.print(*asJSON, raw, text)
	}
	return cmd
}
