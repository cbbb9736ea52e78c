package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/sender"
	"github.com/hogsend/hogsend/internal/tracing"
	"github.com/hogsend/hogsend/provider"
)

// Options is what a program is made of.
type Options struct {
	// Registry is everything the author defines.
	Registry hogsend.Registry
	// Activities are the author's own, which journeys call with Run.Do.
	Activities []hogsend.Activity
	// Workflows are the author's own, such as children of journeys.
	Workflows []hogsend.Workflow
	// EmailProvider carries the mails, whatever EMAIL_PROVIDER says, in hogsend dev as well; nil
	// leaves the choice to the environment. Package providertest asks of one what is relied on (E-36).
	EmailProvider provider.Provider
	// Embedded runs Temporal inside this process; pass standalone.Embedded{}. nil
	// makes a lean binary without the commands dev, standalone and temporal.
	Embedded Embedded
	// Vet makes the command vet; pass vet.Check. nil leaves it and its libraries out.
	Vet Vet
	// ReadFlow makes the command flow read source; pass vet.Flow. nil leaves its libraries out.
	ReadFlow ReadFlow
	// Flow is what `hogsend flow -o` wrote of the journeys, for Studio to draw: embed it. Without
	// it Studio shows the steps that people came through.
	Flow []byte

	tracing *tracing.Tracing // in place of what the environment asks for
}

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

// Vet checks the source of the packages that the patterns name below dir, writes a line
// for each finding and returns how many there are. It is vet.Check of package vet.
type Vet func(ctx context.Context, dir string, patterns []string, w io.Writer) (findings int, err error)

// ReadFlow reads what the journeys do that packages define, as JSON. It is vet.Flow of
// package vet.
type ReadFlow func(ctx context.Context, dir string, patterns []string) ([]byte, error)

type program struct {
	Options
	IO
	// here is the dev that a command works on instead of what the environment names.
	here *installation
	// dns is asked in tests; nil is that of the machine.
	dns sender.Resolver
}

func (p *program) env(name string) string {
	for _, pair := range p.Environ {
		if len(pair) > len(name) && pair[:len(name)] == name && pair[len(name)] == '=' {
			return pair[len(name)+1:]
		}
	}
	return ""
}

// reportedError makes the exit code 1 without printing anything more.
type reportedError struct{ error }

// installation is a hogsend dev that runs on this machine, as others find it by its data
// folder: what they would else be told by the environment.
type installation struct {
	API         string `json:"api"`
	APIKey      string `json:"apiKey"`
	DatabaseURL string `json:"databaseUrl"`
	Temporal    string `json:"temporal"`
	Secret      string `json:"secret"`
	// Program is what dev --watch has built and runs, "" where dev runs itself. Commands of the
	// stock binary that compare with what a program defines are that program's.
	Program string `json:"program,omitempty"`
	// folder is where it was found, as it was named.
	folder string
}

func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON")
}

// print writes v as one JSON document, or line if that is not asked for.
func (p *program) print(asJSON bool, v any, line string) error {
	if !asJSON {
		_, err := fmt.Fprintln(p.Stdout, line)
		return err
	}
	encoder := json.NewEncoder(p.Stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// IO is how a program meets its surroundings; tests bring their own.
type IO struct {
	Args, Environ  []string
	Stdout, Stderr io.Writer
	// Stdin is read by commands that take a file named -; nil is empty.
	Stdin io.Reader
	// Dir is the folder that relative names count from; "" is the current one.
	Dir string
}
