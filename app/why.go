package app

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) whyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "why PERSON THING", Short: "Say whether and why a person got a mail or is in a journey or a bucket, and why not", Args: cobra.ExactArgs(2),
		Long: `Answers in a sentence what became of a person and a mail, a journey or a bucket:
  hogsend why ada welcome
  hogsend why ada@example.com power-users

A person is a user id, an e-mail address, an anonymous id or the id of a contact. A thing is
a template, a journey or a bucket by its id; what has the same name is answered for each,
unless --kind says which. Instants are in UTC.

Exit code 0: there is an answer, whatever it says. 1: nobody or nothing is called so.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	kind := cmd.Flags().String("kind", "", "only a template, journey or bucket of the name")
	completes(cmd, connect, livePeople, liveJourneys)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		query := url.Values{"about": {args[1]}}
		if *kind != "" {
			query.Set("kind", *kind)
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), "GET", contactsPath+"/"+url.PathEscape(args[0])+"/why?"+query.Encode(), nil, &raw); err != nil {
			return unknownPerson(err, args[0])
		}
		if *asJSON {
			return p.print(true, raw, "")
		}
		var out struct {
			Answers []struct {
				Kind, ID, Question, Verdict, Sentence string
				Facts                                 []struct {
					Text string
					At   *time.Time
					Kind *string
					ID   *string
				}
			}
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return fmt.Errorf("decode answers: %w", err)
		}
		for i, a := range out.Answers {
			if i > 0 {
				fmt.Fprintln(p.Stdout)
			}
			printLine(p.Stdout, "%s\n%s\n", a.Question, a.Sentence)
			for _, f := range a.Facts {
				line := "  " + f.Text
				if f.At != nil {
					line += ", " + moment(f.At)
				}
				if f.Kind != nil && f.ID != nil {
					line += " (" + *f.Kind + " " + *f.ID + ")"
				}
				printLine(p.Stdout, "%s\n", line)
			}
		}
		return nil
	}
	return cmd
}
