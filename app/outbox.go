package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

const (
	outboxPath  = "/v1/admin/outbox"
	lettersPath = "/v1/admin/dlq"
)

func (p *program) outboxCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "outbox", Short: "Look at what Temporal and other systems are still to be told"}
	cmd.AddCommand(p.outboxListCommand(), p.showCommand("show ID", "Show one row of the outbox with its payload", outboxPath, "row"),
		p.actCommand("retry ID", "Deliver a row now", "POST", outboxPath, "/retry", "is due now"))
	return cmd
}

func (p *program) outboxListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List rows of the outbox, the oldest first", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	status := cmd.Flags().String("status", "pending", "pending, delivering, delivered or dead")
	kind := cmd.Flags().String("kind", "", "only of this kind, such as start")
	user := cmd.Flags().String("user", "", "only of this person")
	limit := cmd.Flags().Int("limit", 100, "at most so many; 0 for all")
	completesFlag(cmd, "user", connect, livePeople)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		query := url.Values{"status": {*status}, "kind": {*kind}, "contact": {*user}}
		return p.table(cmd, c, listing{outboxPath, query, "rows", *limit, *asJSON, "ID\tKIND\tSTATUS\tATTEMPTS\tNEXT\tCREATED\tERROR"}, func(table *tabwriter.Writer, item json.RawMessage) error {
			var row struct {
				ID, Kind, Status         string
				Attempts                 int
				LastError                *string
				NextAttemptAt, CreatedAt *time.Time
			}
			if err := json.Unmarshal(item, &row); err != nil {
				return fmt.Errorf("decode row: %w", err)
			}
			printLine(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", row.ID, row.Kind, row.Status, row.Attempts, moment(row.NextAttemptAt), moment(row.CreatedAt), first(text(row.LastError), "-"))
			return nil
		})
	}
	return cmd
}

func (p *program) lettersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dlq", Short: "Decide of what could not be delivered: try again, or give up"}
	cmd.AddCommand(p.lettersListCommand(), p.showCommand("show ID", "Show one dead letter with its payload", lettersPath, "entry"), p.lettersRetryCommand(),
		p.actCommand("discard ID", "Give a dead letter up for good", "DELETE", lettersPath, "", "is discarded"))
	return cmd
}

func (p *program) lettersListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List dead letters, the newest first", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	status := cmd.Flags().String("status", "pending", "pending, retried, discarded, or \"\" for all")
	source := cmd.Flags().String("source", "", "only of this source, such as outbox.start")
	limit := cmd.Flags().Int("limit", 100, "at most so many; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		query := url.Values{"status": {*status}, "source": {*source}}
		return p.table(cmd, c, listing{lettersPath, query, "entries", *limit, *asJSON, "ID\tSOURCE\tSTATUS\tRETRIES\tCREATED\tERROR"}, func(table *tabwriter.Writer, item json.RawMessage) error {
			var d struct {
				ID, Source, Status, Error string
				RetryCount                int
				CreatedAt                 time.Time
			}
			if err := json.Unmarshal(item, &d); err != nil {
				return fmt.Errorf("decode dead letter: %w", err)
			}
			printLine(table, "%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, d.Source, d.Status, d.RetryCount, moment(&d.CreatedAt), d.Error)
			return nil
		})
	}
	return cmd
}

func (p *program) lettersRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retry [ID ...]", Short: "Deliver dead letters again", Args: cobra.ArbitraryArgs,
		Long: "Delivers dead letters again, under their original keys: what had worked before has no second effect.\n\n  hogsend dlq retry --source outbox.start",
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	source := cmd.Flags().String("source", "", "all of this source, instead of ids")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (*source == "") == (len(args) == 0) {
			return errors.New("name dead letters, or --source")
		}
		c, err := connect()
		if err != nil {
			return err
		}
		body := map[string]any{"ids": args}
		if *source != "" {
			body = map[string]any{"source": *source}
		}
		var out struct{ Retried, Skipped int }
		if err := c.do(cmd.Context(), "POST", lettersPath+"/retry", body, &out); err != nil {
			return err
		}
		return p.print(*asJSON, map[string]int{"retried": out.Retried, "skipped": out.Skipped}, fmt.Sprintf("%d retried, %d skipped", out.Retried, out.Skipped))
	}
	return cmd
}

// listing is a paged list that a command prints.
type listing struct {
	path   string
	query  url.Values
	key    string // of the reply that holds the items
	limit  int    // 0 for all
	asJSON bool
	head   string
}

// table prints a list, an item at a time: as JSON, or by row under the head.
func (p *program) table(cmd *cobra.Command, c *apiClient, l listing, row func(*tabwriter.Writer, json.RawMessage) error) error {
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	if !l.asJSON {
		fmt.Fprintln(table, l.head)
	}
	n := 0
	err := pages(cmd.Context(), c, l.path, l.query, l.key, func(item json.RawMessage) (bool, error) {
		n++
		if l.asJSON {
			return n != l.limit, p.print(true, item, "")
		}
		return n != l.limit, row(table, item)
	})
	return errors.Join(err, table.Flush())
}

// showCommand prints one object with all its fields.
func (p *program) showCommand(use, short, path, key string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var got map[string]json.RawMessage
		if err := c.do(cmd.Context(), "GET", path+"/"+url.PathEscape(args[0]), nil, &got); err != nil {
			return err
		}
		var lines bytes.Buffer // for people the same, a field a line
		if err := json.Indent(&lines, got[key], "", "  "); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		return p.print(*asJSON, got[key], lines.String())
	}
	return cmd
}

// actCommand does one thing to one object, and says what holds then.
func (p *program) actCommand(use, short, method, path, action, done string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var body any
		if method == "POST" {
			body = map[string]any{}
		}
		var got json.RawMessage
		if err := c.do(cmd.Context(), method, path+"/"+url.PathEscape(args[0])+action, body, &got); err != nil {
			return err
		}
		return p.print(*asJSON, got, args[0]+" "+done)
	}
	return cmd
}
