package app

import (
	"path/filepath"

	"github.com/spf13/cobra"
)

// anyURL stands for where the product is reached, where nothing is served.
const anyURL = "https://hogsend.example"

func (p *program) templatesCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Find in the mails of this program what is seldom meant", Args: cobra.NoArgs,
		Long: `Renders every template with made-up props and with each of its examples, and prints what is
no mistake, but seldom meant: more HTML than Gmail shows, images without alt, links that lead
nowhere or to this machine, text that can hardly be read on its background. Nothing is sent, and
no server is asked. A program warns of the same at its start, and vet finds it.

Exit code 0: nothing was found. 1: something was.`,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if here, err := findInstallation(filepath.Join(p.Dir, defaultData)); err == nil && p.passesOn(here) {
			return p.passOn(cmd.Context(), here.Program)
		}
		found, err := p.lintTemplates()
		if err != nil {
			return err
		}
		if *asJSON {
			if err := p.print(true, map[string]any{"findings": append([]string{}, found...)}, ""); err != nil {
				return err
			}
		} else {
			for _, line := range found {
				printLine(p.Stdout, "%s\n", line)
			}
		}
		if len(found) > 0 {
			return codedError{nil, 1}
		}
		return nil
	}
	return cmd
}

// lintTemplates are the findings of the templates of this program.
func (p *program) lintTemplates() ([]string, error) {
	_, renderer, err := checkRegistry(p.Options)
	if err != nil {
		return nil, err
	}
	return renderer.Warnings(anyURL), nil
}
