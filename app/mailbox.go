package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
)

// mail is one mail as the mailbox route answers it.
type mail struct {
	ID        string    `json:"id"`
	To        string    `json:"to"`
	From      string    `json:"from"`
	Template  string    `json:"template"`
	Subject   string    `json:"subject"`
	At        time.Time `json:"at"`
	JourneyID string    `json:"journeyId"`
	HTML      string    `json:"html"`
	Text      string    `json:"text"`
	Files     []struct {
		Name string `json:"name"`
		Size int    `json:"size"`
	} `json:"files,omitempty"`
}

func (p *program) mailboxCommand() *cobra.Command {
	var asJSON bool
	var to string
	cmd := &cobra.Command{
		Use:   "mailbox [ID]",
		Short: "List the mails of the mailbox provider, or show one",
		Args:  cobra.MaximumNArgs(1),
	}
	connect := p.clientFlags(cmd)
	completes(cmd, connect, liveMails)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per mail, oldest first")
	cmd.Flags().StringVar(&to, "to", "", "only mails to this address")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		encoder := json.NewEncoder(p.Stdout)
		encoder.SetEscapeHTML(false)
		found := 0
		for after := ""; ; {
			var page struct {
				Mails []mail `json:"mails"`
				Next  string `json:"next"`
			}
			query := url.Values{"limit": {"100"}, "after": {after}, "to": {to}}
			if err := c.do(cmd.Context(), "GET", "/v1/admin/mailbox?"+query.Encode(), nil, &page); err != nil {
				return err
			}
			for _, m := range page.Mails {
				if len(args) == 1 && m.ID != args[0] {
					continue
				}
				found++
				switch {
				case asJSON:
					err = encoder.Encode(m)
				case len(args) == 1:
					printLine(p.Stdout, "From:    %s\nTo:      %s\nDate:    %s\nSubject: %s\n", m.From, m.To, m.At.Format(time.RFC3339), m.Subject)
					for _, f := range m.Files {
						printLine(p.Stdout, "File:    %s, %d bytes\n", f.Name, f.Size)
					}
					printLine(p.Stdout, "\n")
					_, err = fmt.Fprintln(p.Stdout, m.Text)
				default:
					printLine(table, "%s\t%s\t%s\t%s\t%s\n", m.At.Format(time.DateTime), m.To, m.Template, m.Subject, m.ID)
				}
				if err != nil {
					return err
				}
			}
			if after = page.Next; after == "" {
				break
			}
		}
		switch {
		case found > 0:
		case len(args) == 1:
			return fmt.Errorf("no mail %s in the mailbox", args[0])
		case !asJSON:
			p.progress("no mail is in the mailbox")
		}
		return table.Flush()
	}
	return cmd
}

// shownBox keeps mails and shows a line for each, to whoever sits before dev.
type shownBox struct {
	mailbox.Box
	out io.Writer
}

// AcceptMail implements mailbox.Box.
func (b shownBox) AcceptMail(ctx context.Context, key, id string, digest []byte, message json.RawMessage) (string, []byte, error) {
	storedID, stored, err := b.Box.AcceptMail(ctx, key, id, digest, message)
	var m email.Message
	if err == nil && json.Unmarshal(message, &m) == nil {
		printLine(b.out, "mail  %s to %s: %s  (hogsend mailbox %s)\n", m.Tags["template"], m.To, m.Subject, storedID)
	}
	return storedID, stored, err
}
