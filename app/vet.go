package app

import (
	"github.com/spf13/cobra"
)

func (p *program) vetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "vet [packages]", Short: "Find in the source of journeys what a replay, a deploy or a send would find later",
		Long: `Checks journeys and all that they call in the module, as in hogsend vet ./...

  what a replay may decide otherwise: chance, the environment, package variables that
  are changed, clocks, timers, goroutines, maps in their order, input and output
  calls of Temporal where Run has its own; function literals as journeys and in Once
  errors of Run that nobody reads, and run.Exit that is not returned
  templates, buckets and journeys that do not exist, and events where they are declared;
  one change of Version used twice
  mails of this program that Gmail cuts off, with links that lead nowhere, images without alt,
  text that can hardly be read (as in hogsend templates check)

A line ending in //hogsend:ignore and a reason is left out. It needs the go command.

Exit code 0: nothing was found. 1: something was. 2: it could not be found out.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			findings, err := p.Vet(cmd.Context(), ".", args, p.Stdout)
			if err != nil {
				return codedError{err, notPossible}
			}
			mails, err := p.lintTemplates()
			for _, line := range mails {
				printLine(p.Stdout, "%s\n", line)
			}
			switch {
			case err != nil:
				return codedError{err, notPossible}
			case findings+len(mails) > 0:
				return codedError{nil, 1}
			}
			return nil
		},
	}
}
