package app

import (
	"fmt"

	"github.com/spf13/cobra"
)

// leftOut stand for the commands that this binary was built without, so that whoever asks
// for one hears why it is not there.
func (p *program) leftOut() []*cobra.Command {
	var commands []*cobra.Command
	add := func(name, without, remedy string) {
		commands = append(commands, &cobra.Command{
			Use: name, Short: "Not in this binary, which was built without " + without, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("%s: this binary was built without %s; %s", name, without, remedy)
			},
		})
	}
	if p.Embedded == nil {
		remedy := "give app.Options the line `Embedded: standalone.Embedded{}` and build it again"
		add("dev", "Embedded", remedy+", or use the stock hogsend beside it: `hogsend dev --watch .`")
		add("standalone", "Embedded", remedy+", or run `serve` and `worker` with a Temporal cluster")
		add("temporal", "Embedded", remedy)
	}
	if p.Vet == nil {
		add("vet", "Vet", "give app.Options the line `Vet: vet.Check`, or run `go run "+modulePath+"/cmd/hogsend-vet ./...`")
	}
	return commands
}

const modulePath = "github.com/hogsend/hogsend"
