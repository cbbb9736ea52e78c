package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/encoding"
)

func (p *program) bucketsPreviewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "preview [ID]", Short: "Tell whom criteria would take; nothing is changed", Args: cobra.MaximumNArgs(1),
		Long: `Counts the contacts that match criteria now and shows some of them. The criteria are
those of a bucket of this binary, else of the one in force, or a JSON tree:
  hogsend buckets preview went-dormant
  echo '{"type":"property","property":"plan","operator":"eq","value":"pro"}' | hogsend buckets preview --criteria -
For a bucket that is in force it also tells who would join and who would leave.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	file := cmd.Flags().String("criteria", "", "a JSON file with the criteria; - for standard input")
	limit := cmd.Flags().Int("limit", 20, "how many contacts to show, at most 100")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && *file == "" {
			return errors.New("give the id of a bucket, or --criteria")
		}
		c, err := connect()
		if err != nil {
			return err
		}
		request, err := p.previewOf(cmd.Context(), c, args, *file)
		if err != nil {
			return err
		}
		request["limit"] = *limit
		var raw json.RawMessage
		if err := c.do(cmd.Context(), http.MethodPost, bucketsPath+"/preview", request, &raw); err != nil {
			return err
		}
		if *asJSON {
			return p.print(true, raw, "")
		}
		return p.printPreview(raw)
	}
	return cmd
}

// previewOf makes the request of a preview. A bucket that was never in force has
// nobody to compare with.
func (p *program) previewOf(ctx context.Context, c *apiClient, args []string, file string) (map[string]any, error) {
	request := map[string]any{}
	if len(args) == 1 {
		var stored struct {
			Bucket struct {
				Criteria json.RawMessage `json:"criteria"`
			} `json:"bucket"`
		}
		err := c.do(ctx, http.MethodGet, bucketPath(args[0]), nil, &stored)
		var refused *apiError
		unknown := errors.As(err, &refused) && refused.Status == http.StatusNotFound
		if err != nil && !unknown {
			return nil, err
		}
		if !unknown {
			request["bucketId"], request["criteria"] = args[0], stored.Bucket.Criteria
		}
		for _, b := range p.Registry.Buckets {
			if b.ID == args[0] {
				if request["criteria"], err = criteria.MarshalTree(b.Criteria); err != nil {
					return nil, err
				}
				unknown = false
			}
		}
		if unknown && file == "" {
			return nil, fmt.Errorf("there is no bucket %s", args[0])
		}
	}
	if file != "" {
		body, err := readInput(file)
		if err != nil {
			return nil, fmt.Errorf("--criteria: %w", err)
		}
		if !json.Valid(body) {
			return nil, errors.New("--criteria: is not JSON")
		}
		request["criteria"] = json.RawMessage(body)
	}
	return request, nil
}

func readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	body, err := os.ReadFile(file) //nolint:gosec // the file that the command names
	if err != nil {
		return nil, err
	}
	if body, err = encoding.UTF8(body); err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	return body, nil
}

func (p *program) printPreview(raw json.RawMessage) error {
	var got struct {
		Count, TotalContacts  int64
		WouldJoin, WouldLeave *int64
		Sample                []struct{ ContactID, UserID, Email string }
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return fmt.Errorf("decode reply: %w", err)
	}
	fmt.Fprintf(p.Stdout, "%d of %d contacts match", got.Count, got.TotalContacts)
	if got.WouldJoin != nil && got.WouldLeave != nil {
		fmt.Fprintf(p.Stdout, "; %d would join, %d would leave", *got.WouldJoin, *got.WouldLeave)
	}
	fmt.Fprintln(p.Stdout, "; nothing was changed")
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for _, s := range got.Sample {
		printLine(table, "%s\t%s\t%s\n", s.UserID, first(s.Email, "-"), s.ContactID)
	}
	return table.Flush()
}
