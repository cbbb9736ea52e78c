package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

// Embedded starts the servers that can run inside this process. Package
// standalone implements it; a binary built without it does not contain them.
type Embedded interface {
	// Temporal starts a Temporal server on 127.0.0.1:port (0: any free port). store
	// is the path of a SQLite file or a postgres:// URL. It is ready, with its
	// namespace and search attributes, when Temporal returns.
	Temporal(ctx context.Context, store string, port int, log *slog.Logger) (address string, stop func() error, err error)
	// TemporalUI starts Temporal's Web UI on 127.0.0.1:port.
	TemporalUI(ctx context.Context, temporalAddress string, port int, log *slog.Logger) (stop func() error, err error)
}

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
