package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const webhooksPath = "/v1/admin/webhooks"

func (p *program) webhooksCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhooks", Short: "Look at the systems that tell us and those that we tell"}
	cmd.AddCommand(p.webhooksListCommand(), p.actCommand("test ID", "Send a message that says nothing to a destination", "POST", webhooksPath, "/test", "is sent a message of type hogsend.test"))
	return cmd
}

// webhooks is the reply of R-121.
type webhooks struct {
	Sources []struct {
		ID, Auth, Variable, URL string
		Configured              bool
	}
	Destinations []struct {
		ID             string
		URL, LastError *string
		Events         []string
		Pending        int
	}
}

func (p *program) webhooksListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the sources and destinations that are registered", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), "GET", webhooksPath, nil, &raw); err != nil {
			return err
		}
		if *asJSON {
			return p.print(true, raw, "")
		}
		var got webhooks
		if err := json.Unmarshal(raw, &got); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		printLine(table, "SOURCE\tAUTH\tSECRET\tADDRESS\n")
		for _, s := range got.Sources {
			variable := s.Variable
			if !s.Configured {
				variable += " is not set: refuses everything"
			}
			printLine(table, "%s\t%s\t%s\t%s\n", s.ID, s.Auth, variable, s.URL)
		}
		printLine(table, "\nDESTINATION\tADDRESS\tPENDING\tLAST ERROR\tEVENTS\n")
		for _, d := range got.Destinations {
			printLine(table, "%s\t%s\t%d\t%s\t%s\n", d.ID, first(text(d.URL), "-"), d.Pending, first(text(d.LastError), "-"), strings.Join(d.Events, " "))
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
	return cmd
}
