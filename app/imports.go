package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/encoding"
)

const suppressionsPath = "/v1/admin/suppressions"

// importJob is R-56.
type importJob struct {
	ID            string `json:"id"`
	Status        string `json:"status"`
	TotalRows     *int   `json:"totalRows"`
	ProcessedRows int    `json:"processedRows"`
	FailedRows    int    `json:"failedRows"`
	Errors        []struct {
		Row   int    `json:"row"`
		Error string `json:"error"`
	} `json:"errors"`
}

func (p *program) importsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "imports", Short: "See how far an import has come"}
	show := &cobra.Command{Use: "show ID", Short: "Show an import and the rows that failed", Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(show), jsonFlag(show)
	show.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		return p.showImport(cmd.Context(), c, args[0], *asJSON, false)
	}
	cmd.AddCommand(show)
	return cmd
}

func (p *program) suppressionsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "suppressions", Short: "Bring in addresses that get no mails"}
	cmd.AddCommand(p.importCommand(suppressionsPath, "Suppress the addresses of a file",
		"Suppresses the addresses of a CSV file with a column email, and perhaps reason, or of a JSON array of {email, reason}."))
	return cmd
}

func (p *program) contactsImportCommand() *cobra.Command {
	return p.importCommand(contactsPath, "Write the contacts of a file",
		"Writes the contacts of a CSV file with a column externalId or email, whose other columns are properties, or of a\n"+
			"JSON array of {externalId, email, properties}. No journey is entered by it, and buckets change silently.")
}

// importCommand hands a file over and waits until it is brought in.
func (p *program) importCommand(path, short, long string) *cobra.Command {
	cmd := &cobra.Command{Use: "import FILE", Short: short, Long: long, Args: cobra.ExactArgs(1)}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	wait := cmd.Flags().Bool("wait", true, "wait until the rows are brought in")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(args[0])
		if err != nil {
			return fmt.Errorf("read file: %w", err)
		}
		data, err := encoding.UTF8(raw)
		if err != nil {
			return fmt.Errorf("%s %w", args[0], err)
		}
		format := "csv"
		if strings.EqualFold(filepath.Ext(args[0]), ".json") {
			format = "json"
		}
		var job struct {
			JobID string `json:"jobId"`
		}
		body := map[string]string{"format": format, "data": string(data), "fileName": filepath.Base(args[0])}
		if err := c.do(cmd.Context(), "POST", path+"/import", body, &job); err != nil {
			return err
		}
		return p.showImport(cmd.Context(), c, job.JobID, *asJSON, *wait)
	}
	return cmd
}

// showImport prints an import; wait waits for its end, and fails if that is a failure.
func (p *program) showImport(ctx context.Context, c *apiClient, id string, asJSON, wait bool) error {
	var raw json.RawMessage
	var job importJob
	for {
		if err := c.do(ctx, "GET", contactsPath+"/import/"+url.PathEscape(id), nil, &raw); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &job); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		if !wait || job.Status == "completed" || job.Status == "failed" {
			break
		}
		if err := c.pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	if asJSON {
		return p.print(true, raw, "")
	}
	total := "?"
	if job.TotalRows != nil {
		total = fmt.Sprint(*job.TotalRows)
	}
	printLine(p.Stdout, "import %s is %s: %d of %s rows, %d failed\n", job.ID, job.Status, job.ProcessedRows, total, job.FailedRows)
	for _, e := range job.Errors {
		printLine(p.Stdout, "  row %d: %s\n", e.Row, e.Error)
	}
	if wait && job.Status == "failed" {
		return errors.New("nothing was imported")
	}
	return nil
}

func (p *program) contactsExportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "export FILE", Short: "Write contacts to a file, those made last first", Args: cobra.ExactArgs(1)}
	connect := p.clientFlags(cmd)
	asJSON := cmd.Flags().Bool("json", false, "write JSON instead of CSV")
	search := cmd.Flags().String("search", "", "only whose user id or address contains this")
	limit := cmd.Flags().Int("limit", 100_000, "at most so many")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		c, err := connect()
		if err != nil {
			return err
		}
		format := "csv"
		if *asJSON {
			format = "json"
		}
		query := url.Values{"format": {format}, "search": {*search}, "limit": {fmt.Sprint(*limit)}}
		file, err := os.Create(args[0])
		if err != nil {
			return fmt.Errorf("make file: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		return c.stream(cmd.Context(), contactsPath+"/export?"+query.Encode(), file)
	}
	return cmd
}

// stream copies a reply that may be long. Half of one is not asked for again.
func (c *apiClient) stream(ctx context.Context, path string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("reach server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		refusal := &apiError{Asked: "GET " + c.base + path, Status: res.StatusCode}
		if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(refusal); err != nil || refusal.Message == "" {
			refusal.Message = http.StatusText(res.StatusCode)
		}
		return refusal
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		return fmt.Errorf("read reply: %w", err)
	}
	return nil
}
