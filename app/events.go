package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/encoding"
)

func (p *program) eventsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "events", Short: "Send events to a running server, and run stored ones again"}
	cmd.AddCommand(p.eventsSendCommand(), p.eventsReplayCommand())
	return cmd
}

func (p *program) eventsSendCommand() *cobra.Command {
	var file, user, email string
	var props []string
	var size int
	cmd := &cobra.Command{
		Use:   "send [NAME]",
		Short: "Send one event, or a file of JSON lines",
		Long: `Send one event:
  hogsend events send user.created --user ada --email ada@example.com --prop plan=free

Or a file with one item of the batch endpoint on each line ("-" reads standard input):
  hogsend events send --file events.jsonl
  {"name": "order.completed", "userId": "ada", "eventProperties": {"amount": 12.5}}

Items are posted in the order of the file. An item without an idempotencyKey gets
one for this run, so that a request repeated after a lost connection stores nothing twice.`,
		Args: cobra.MaximumNArgs(1),
	}
	connect, asJSON := p.clientFlags(cmd), cmd.Flags().Bool("json", false, "print the counts of a file as JSON; the reply to one event always is")
	cmd.Flags().StringVar(&file, "file", "", "JSON lines to send; - for standard input")
	cmd.Flags().IntVar(&size, "batch", 100, "items per request, 1 to 1000")
	cmd.Flags().StringVar(&user, "user", "", "user id of the one event")
	cmd.Flags().StringVar(&email, "email", "", "e-mail address of the one event")
	cmd.Flags().StringArrayVar(&props, "prop", nil, "event property key=value; a JSON value, else text")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		switch {
		case size < 1 || size > 1000:
			return errors.New("--batch: must be from 1 to 1000")
		case file != "" && len(args) == 1:
			return errors.New("--file: give either a file or the name of one event")
		case file == "" && len(args) == 0:
			return errors.New("give the name of an event, or --file")
		case file != "":
			return p.sendFile(cmd.Context(), c, file, size, *asJSON)
		}
		properties, err := parseProperties(props)
		if err != nil {
			return err
		}
		var reply json.RawMessage
		err = c.do(cmd.Context(), "POST", "/v1/events", map[string]any{
			"name": args[0], "userId": user, "email": email, "eventProperties": properties, "idempotencyKey": "cli-" + uuid.NewString(),
		}, &reply)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.Stdout, string(bytes.TrimSpace(reply)))
		return nil
	}
	return cmd
}

func parseProperties(pairs []string) (map[string]json.RawMessage, error) {
	properties := map[string]json.RawMessage{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--prop: %q is not key=value", pair)
		}
		if !json.Valid([]byte(value)) {
			quoted, err := json.Marshal(value)
			if err != nil {
				return nil, fmt.Errorf("--prop %s: %w", key, err)
			}
			value = string(quoted)
		}
		properties[key] = json.RawMessage(value)
	}
	return properties, nil
}

// sent counts what became of the items of a file.
type sent struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	Rejected   int `json:"rejected"`
}

func (p *program) sendFile(ctx context.Context, c *apiClient, file string, size int, asJSON bool) error {
	in := p.Stdin
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the file that the command names
		if err != nil {
			return fmt.Errorf("--file: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := encoding.Reader(file, in)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 64<<10), 2<<20)
	var total sent
	run, number := uuid.NewString(), 0
	var items []map[string]json.RawMessage
	var numbers []int
	flush := func() error {
		if len(items) == 0 {
			return nil
		}
		counts, err := p.sendBatch(ctx, c, items, numbers)
		total.Accepted += counts.Accepted
		total.Duplicates += counts.Duplicates
		total.Rejected += counts.Rejected
		items, numbers = items[:0], numbers[:0]
		return err
	}
	for lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var item map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &item); err != nil || item == nil {
			return fmt.Errorf("line %d: not a JSON object; %d items before it were accepted", number, total.Accepted)
		}
		if _, ok := item["idempotencyKey"]; !ok {
			item["idempotencyKey"] = json.RawMessage(fmt.Sprintf(`"cli-%s-%d"`, run, number))
		}
		items, numbers = append(items, item), append(numbers, number)
		if len(items) == size {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s after line %d: %w", file, number, err)
	}
	if err := flush(); err != nil {
		return err
	}
	if err := p.print(asJSON, total, fmt.Sprintf("accepted %d, duplicates %d, rejected %d", total.Accepted, total.Duplicates, total.Rejected)); err != nil {
		return err
	}
	if total.Rejected > 0 {
		return reportedError{errors.New("some items were rejected")}
	}
	return nil
}

// sendBatch posts one request and prints the items it rejected by their line.
func (p *program) sendBatch(ctx context.Context, c *apiClient, items []map[string]json.RawMessage, numbers []int) (sent, error) {
	var reply struct {
		sent
		Results []struct {
			Index   int
			Status  string
			Error   string
			Details []struct{ Path, Message string }
		}
	}
	err := c.do(ctx, "POST", "/v1/events/batch", map[string]any{"events": items}, &reply)
	var refused *apiError
	if errors.As(err, &refused) && refused.Results != nil {
		if jsonErr := json.Unmarshal(refused.Results, &reply.Results); jsonErr != nil {
			return sent{}, fmt.Errorf("decode results: %w", jsonErr)
		}
		reply.Rejected, err = len(reply.Results), nil
	}
	if err != nil {
		return sent{}, fmt.Errorf("lines %d to %d: %w", numbers[0], numbers[len(numbers)-1], err)
	}
	for _, r := range reply.Results {
		if r.Status != "rejected" || r.Index >= len(numbers) {
			continue
		}
		printLine(p.Stderr, "line %d: %s", numbers[r.Index], r.Error)
		for _, d := range r.Details {
			printLine(p.Stderr, "; %s: %s", d.Path, d.Message)
		}
		fmt.Fprintln(p.Stderr)
	}
	return reply.sent, nil
}
