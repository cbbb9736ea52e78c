package app

import (
	"errors"
	"net/url"

	"github.com/spf13/cobra"
)

func (p *program) contactsEraseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "erase PERSON", Short: "Erase all that is known of a person; there is no way back", Args: cobra.ExactArgs(1),
		Long: `Ends the person's journeys and removes from the database what is known of it: ids, address,
properties, events, mails and what they said, where they were opened, decisions, buckets. That
there were mails and enrollments stays, without whom they were of. If the address was not to be
written to, it still is not: a hash of it is kept. There is no way back.

Deleted people are erased too. Prints the id of the erasure, which the audit log names. What
Temporal has in its histories ends with their retention, and backups with theirs.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	reason := cmd.Flags().String("reason", "", "why, for the audit log; no personal data")
	sure := cmd.Flags().Bool("yes", false, "really erase")
	completes(cmd, connect, livePeople)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !*sure {
			return errors.New("what is erased does not come back: say --yes to erase " + args[0])
		}
		c, err := connect()
		if err != nil {
			return err
		}
		var out struct {
			Erased          bool   `json:"erased"`
			ErasureID       string `json:"erasureId"`
			SuppressionKept bool   `json:"suppressionKept"`
		}
		if err := c.do(cmd.Context(), "DELETE", contactsPath+"/"+url.PathEscape(args[0])+"/erase", map[string]string{"reason": *reason}, &out); err != nil {
			return unknownPerson(err, args[0])
		}
		kept := ""
		if out.SuppressionKept {
			kept = "; the address still gets no mail"
		}
		return p.print(*asJSON, out, "erased (erasure "+out.ErasureID+")"+kept)
	}
	return cmd
}
