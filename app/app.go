// Package app turns a registry into a program: configuration, commands and
// wiring. With cmd and examples it is the only place that knows every package.
package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the program with the process's own arguments and environment and
// exits: 0 when all went well, 1 otherwise, or by the command's own code. A first SIGINT or SIGTERM stops
// gracefully, a second one at once (O-40).
func Main(o Options) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // from here on the default action ends the process
	}()
	os.Exit(Run(ctx, o, IO{Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}

// Run executes one command and returns its exit code.
func Run(ctx context.Context, o Options, stdio IO) int {
	stdio.Stdout, stdio.Stderr = &visible{out: stdio.Stdout}, &visible{out: stdio.Stderr}
	if stdio.Stdin == nil {
		stdio.Stdin = strings.NewReader("")
	}
	p := &program{Options: o, IO: stdio}
	root := p.root()
	err := root.ExecuteContext(ctx)
	var reported reportedError
	var coded codedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		if coded.error != nil {
			fmt.Fprintln(stdio.Stderr, "hogsend:", err)
		}
		return coded.code
	case errors.As(err, &reported):
	default:
		fmt.Fprintln(stdio.Stderr, "hogsend:", err)
	}
	return 1
}

// root is the tree of all commands that this program has.
func (p *program) root() *cobra.Command {
	o, stdio := p.Options, p.IO
	root := &cobra.Command{
		Use:           "hogsend",
		Short:         "Durable lifecycle messaging: events in, journeys and mails out",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(stdio.Args)
	root.SetOut(stdio.Stdout)
	root.SetErr(stdio.Stderr)
	root.AddCommand(p.serveCommand(), p.workerCommand(), p.migrateCommand(), p.keysCommand(), p.adminCommand(), p.auditCommand(),
		p.eventsCommand(), p.mailboxCommand(), p.contactsCommand(), p.whyCommand(), p.campaignsCommand(), p.outboxCommand(), p.lettersCommand(), p.webhooksCommand(), p.statsCommand(), p.templatesCommand(), p.importsCommand(), p.suppressionsCommand(), p.journeysCommand(), p.bucketsCommand(), p.planCommand(), p.doctorCommand(), p.versionCommand())
	root.AddCommand(p.replayCommand(), p.playCommand(), p.initCommand(), p.describeCommand(), p.mcpCommand(), p.flowCommand(), p.healthCommand())
	root.AddCommand(p.alertsCommand())
	if o.Vet != nil {
		root.AddCommand(p.vetCommand())
	}
	if o.Embedded != nil {
		root.AddCommand(p.devCommand(), p.standaloneCommand(), p.temporalCommand())
	}
	root.AddCommand(p.leftOut()...)
	explainArguments(root)
	return root
}

// explainArguments has a group refuse a command that it has not, instead of printing its help
// with exit code 0, and each command that got too few or too many arguments say which it takes.
func explainArguments(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		explainArguments(child)
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w; usage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	if !cmd.HasParent() || !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.DisableFlagsInUseLine, cmd.SuggestionsMinimumDistance = true, 2
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("%s, did you mean %q?", text, near[0])
		}
		var names []string
		for _, child := range cmd.Commands() {
			if child.IsAvailableCommand() {
				names = append(names, child.Name())
			}
		}
		return fmt.Errorf("%s, which has %s", text, strings.Join(names, ", "))
	}
}

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print version and build", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			build := buildID("")
			return p.print(asJSON, map[string]string{"version": Version, "buildId": build}, fmt.Sprintf("hogsend %s (build %s)", Version, build))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
