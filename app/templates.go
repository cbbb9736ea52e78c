package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const templatesPath = "/v1/admin/templates"

// listedTemplate is a template as R-83 lists it.
type listedTemplate struct {
	Key            string  `json:"key"`
	DefaultSubject string  `json:"defaultSubject"`
	Category       *string `json:"category"`
}

// renderedTemplate is a preview as R-84 answers it.
type renderedTemplate struct {
	Key      string  `json:"key"`
	Subject  string  `json:"subject"`
	Category *string `json:"category"`
	Preview  *string `json:"preview"`
	HTML     string  `json:"html"`
	Text     string  `json:"text"`
}

func (p *program) templatesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "templates", Short: "List templates, look at them, and send one as a test"}
	cmd.AddCommand(p.templatesListCommand(), p.templatesShowCommand(), p.templatesPreviewCommand(), p.templatesSendTestCommand(), p.templatesCheckCommand())
	return cmd
}

func (p *program) templatesListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the templates that the server knows", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var answer struct {
			Templates []json.RawMessage `json:"templates"`
		}
		if err := c.do(cmd.Context(), http.MethodGet, templatesPath, nil, &answer); err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		for _, raw := range answer.Templates {
			if *asJSON {
				fmt.Fprintf(p.Stdout, "%s\n", raw)
				continue
			}
			var t listedTemplate
			if err := json.Unmarshal(raw, &t); err != nil {
				return fmt.Errorf("read template: %w", err)
			}
			printLine(table, "%s\t%s\t%s\n", t.Key, first(text(t.Category), "-"), t.DefaultSubject)
		}
		return table.Flush()
	}
	return cmd
}

// preview asks for a template rendered with props, JSON or "".
func preview(ctx context.Context, c *apiClient, key, props string) (raw json.RawMessage, t renderedTemplate, err error) {
	query := ""
	if props != "" {
		if !json.Valid([]byte(props)) {
			return nil, t, errors.New("--props: is not JSON")
		}
		query = "?props=" + base64.RawURLEncoding.EncodeToString([]byte(props))
	}
	if err := c.do(ctx, http.MethodGet, templatesPath+"/"+url.PathEscape(key)+"/preview"+query, nil, &raw); err != nil {
		return nil, t, err
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, t, fmt.Errorf("read preview: %w", err)
	}
	return raw, t, nil
}

func (p *program) templatesShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show KEY", Short: "Show a template as people read it", Args: cobra.ExactArgs(1),
		Long: "Shows subject, preview line and text of a template with made-up props, its first example and --props over them.",
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveTemplates)
	props := cmd.Flags().String("props", "", "JSON of props")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		raw, t, err := preview(cmd.Context(), c, args[0], *props)
		if err != nil {
			return err
		}
		if *asJSON {
			fmt.Fprintf(p.Stdout, "%s\n", raw)
			return nil
		}
		printLine(p.Stdout, "Key:      %s\nCategory: %s\nSubject:  %s\nPreview:  %s\n\n", t.Key, first(text(t.Category), "-"), t.Subject, first(text(t.Preview), "-"))
		fmt.Fprintln(p.Stdout, t.Text)
		return nil
	}
	return cmd
}

func (p *program) templatesPreviewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "preview KEY", Short: "Print a template rendered, its HTML or its text", Args: cobra.ExactArgs(1),
		Long: `Prints what a template makes of made-up props, its first example and --props over them.
Nothing is sent.

  hogsend templates preview welcome > welcome.html
  hogsend templates preview welcome --text --props '{"plan":"pro"}'
  hogsend templates preview welcome --screenshot shots

--screenshot writes four pictures, of 360 and 640 pixels in light and dark, with the Chromium or
Chrome of this machine.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveTemplates)
	props := cmd.Flags().String("props", "", "JSON of props")
	asText := cmd.Flags().Bool("text", false, "print the text part")
	folder := cmd.Flags().String("screenshot", "", "write pictures (PNG) into this folder instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		raw, t, err := preview(cmd.Context(), c, args[0], *props)
		switch {
		case err != nil:
			return err
		case *folder != "":
			return p.pictures(cmd.Context(), *folder, t)
		case *asJSON:
			fmt.Fprintf(p.Stdout, "%s\n", raw)
		case *asText:
			fmt.Fprintln(p.Stdout, t.Text)
		default:
			fmt.Fprintln(p.Stdout, t.HTML)
		}
		return nil
	}
	return cmd
}

func (p *program) templatesSendTestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "send-test KEY", Short: "Send a template as a test", Args: cobra.ExactArgs(1),
		Long: `Sends a real, tracked mail. Opt-outs and caps do not apply; a suppressed address gets nothing.

  hogsend templates send-test welcome --to me@example.com --props '{"plan":"pro"}'`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveTemplates)
	to := cmd.Flags().String("to", "", "address that gets it (required)")
	props := cmd.Flags().String("props", "", "JSON of props")
	_ = cmd.MarkFlagRequired("to") // the flag exists
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		body := map[string]any{"to": *to}
		if *props != "" {
			if !json.Valid([]byte(*props)) {
				return errors.New("--props: is not JSON")
			}
			body["props"] = json.RawMessage(*props)
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), http.MethodPost, templatesPath+"/"+url.PathEscape(args[0])+"/send-test", body, &raw); err != nil {
			return err
		}
		var sent struct {
			EmailSendID string  `json:"emailSendId"`
			Status      string  `json:"status"`
			Reason      *string `json:"reason"`
		}
		if err := json.Unmarshal(raw, &sent); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if *asJSON {
			fmt.Fprintf(p.Stdout, "%s\n", raw)
		} else {
			printLine(p.Stdout, "%s  %s  %s\n", sent.EmailSendID, sent.Status, first(text(sent.Reason), "-"))
		}
		if sent.Status != "queued" {
			return fmt.Errorf("the mail does not go: %s", first(text(sent.Reason), "-"))
		}
		return nil
	}
	return cmd
}

// liveTemplates are the keys of the templates that the server knows.
func liveTemplates(ctx context.Context, c *apiClient, _ []string, _ string) []string {
	return listed(ctx, c, templatesPath, url.Values{}, "templates", "key")
}
