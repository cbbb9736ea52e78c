package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/naming"
)

func (p *program) flowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "flow [JOURNEY | packages]", Short: "Show what a journey does, step by step, as its code says",
		Long: `Prints the way through a journey, or through all of them: mails, waits, questions and where
each of their answers leads, read from the source of its function.

  hogsend flow activation-welcome
  hogsend flow -o hogsend_flow.json ./...           for Studio, which draws it with its people
  hogsend flow --check hogsend_flow.json ./...      exit code 1 if it is not that of the source

Studio draws what a program was given as app.Options.Flow: embed the file,
  //go:embed hogsend_flow.json
and write it again when journeys change, as by
  //go:generate hogsend flow -o hogsend_flow.json ./...
Without it Studio shows the steps that people came through.`,
	}
	out := cmd.Flags().StringP("out", "o", "", "file to write, as JSON, of the packages named")
	check := cmd.Flags().String("check", "", "file to compare with what the packages say")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *out != "" || *check != "" {
			return p.keepFlow(cmd.Context(), *out, *check, args)
		}
		return p.printFlow(cmd.Context(), args, *asJSON)
	}
	return cmd
}

// keepFlow writes the file of the packages, or compares with it.
func (p *program) keepFlow(ctx context.Context, out, check string, packages []string) error {
	data, err := p.readFlow(ctx, packages)
	if err != nil {
		return codedError{err, notPossible}
	}
	if check != "" {
		kept, err := os.ReadFile(filepath.Join(p.Dir, check)) //nolint:gosec // the file that the command names
		if err != nil {
			return codedError{fmt.Errorf("--check: %w", err), notPossible}
		}
		if !bytes.Equal(kept, data) {
			fmt.Fprintln(p.Stdout, check+" is not what the source says: run hogsend flow -o "+check+" "+strings.Join(packages, " "))
			return codedError{nil, 1}
		}
	}
	if out == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(p.Dir, out), data, 0o644); err != nil { //nolint:gosec // it is source, for everybody
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

func (p *program) readFlow(ctx context.Context, packages []string) ([]byte, error) {
	if p.ReadFlow == nil {
		return nil, errors.New("flow: this binary was built without ReadFlow; give app.Options the line `ReadFlow: vet.Flow`, or run `go run " + modulePath + "/cmd/hogsend flow ./...`")
	}
	return p.ReadFlow(ctx, first(p.Dir, "."), packages)
}

// printFlow prints one journey, or all of them.
func (p *program) printFlow(ctx context.Context, args []string, asJSON bool) error {
	journeys := slices.Concat(p.Registry.Journeys, definition.Reactions(p.Registry))
	at := func(id string) int {
		return slices.IndexFunc(journeys, func(j hogsend.Journey) bool { return j.ID == id })
	}
	var packages []string
	if len(args) == 1 && !strings.ContainsAny(args[0], "./") {
		i := at(args[0])
		if i < 0 {
			var ids []string
			for _, j := range journeys {
				ids = append(ids, j.ID)
			}
			return fmt.Errorf("this binary has no journey %s%s", args[0], naming.Suggestion(args[0], ids))
		}
		journeys = journeys[i : i+1]
	} else {
		packages = args
	}
	data := p.Flow
	if len(data) == 0 || packages != nil {
		var err error
		if data, err = p.readFlow(ctx, packages); err != nil {
			return codedError{err, notPossible}
		}
	}
	file, err := flow.Parse(data)
	if err != nil {
		return err
	}
	if asJSON {
		return p.print(true, file, "")
	}
	shown := 0
	for _, j := range journeys {
		f, found := file.Of(j)
		if !found {
			continue
		}
		if shown++; shown > 1 {
			fmt.Fprintln(p.Stdout)
		}
		p.printSteps(fmt.Sprintf("%s  %s", j.ID, j.Name), f, "starts with "+j.Trigger.Event)
	}
	if shown == 0 && len(packages) > 0 { // those of another program, such as a project beside the stock binary
		for _, name := range slices.Sorted(maps.Keys(file.Functions)) {
			if shown++; shown > 1 {
				fmt.Fprintln(p.Stdout)
			}
			p.printSteps(path.Base(name), file.Functions[name])
		}
	}
	if shown == 0 {
		return errors.New("the source of no such journey was read: name its packages, as in \"hogsend flow ./...\"")
	}
	return nil
}

// printSteps prints what a function does, below its name and place.
func (p *program) printSteps(title string, f flow.Function, more ...string) {
	printLine(p.Stdout, "%s  (%s)\n", title, f.Place)
	for _, line := range more {
		printLine(p.Stdout, "%s\n", line)
	}
	fmt.Fprint(p.Stdout, escapeControls(f.Root.Text(func(*flow.Node) string { return "" }), "\n"))
}
