package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/reference/commands.md anew")

const referencePage = "../docs/reference/commands.md"

// full is a program with every command there is.
func full() *program {
	return &program{
		Options: Options{Embedded: struct{ Embedded }{}, Vet: func(context.Context, string, []string, io.Writer) (int, error) { return 0, nil }},
		IO:      IO{Stdout: io.Discard, Stderr: io.Discard},
	}
}

// O-53: the page of commands is what the commands say of themselves; `task gen` writes it.
func TestThePageOfCommandsIsWhatTheySay(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Generated from app by `task gen`. -->\n\nEvery program of `app.Main` has them, with its own registry; `dev`, `standalone` and `temporal` where it was built with `Embedded`, `vet` with `Vet`.\n" +
		"The stock `hogsend` has them all. The exit code is 0 when all went well and 1 otherwise, unless the command says more.\n")
	commands := 0
	each(full().root(), func(cmd *cobra.Command) {
		commands++
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n", cmd.CommandPath(), cmd.Short)
		fmt.Fprintf(&b, "\n```\n%s\n", cmd.UseLine())
		if long := strings.TrimSpace(cmd.Long); long != "" {
			fmt.Fprintf(&b, "\n%s\n", long)
		}
		if flags := strings.TrimRight(cmd.LocalFlags().FlagUsages(), "\n"); flags != "" {
			fmt.Fprintf(&b, "\n%s\n", flags)
		}
		b.WriteString("```\n")
	})
	require.Greater(t, commands, 25)
	if *update {
		require.NoError(t, os.WriteFile(referencePage, []byte(b.String()), 0o600))
	}
	page, err := os.ReadFile(referencePage)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(page), "write it anew with task gen")
}

// each visits the commands that do something, in the order of their names.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	for _, child := range cmd.Commands() {
		if child.Hidden || child.Name() == "help" || child.Name() == "completion" {
			continue
		}
		if child.HasSubCommands() {
			each(child, visit)
		} else {
			visit(child)
		}
	}
}

// What a newcomer reads: each command says what it does in a line, without a full stop, and
// each flag too; whoever prints a list or a result prints JSON as well.
func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	// They run until they are stopped, make files, print lines for an editor, or answer by their exit code.
	plain := []string{"serve", "worker", "dev", "standalone", "temporal", "init", "vet", "mcp", "health"}
	each(full().root(), func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.False(t, strings.HasSuffix(cmd.Short, "."), cmd.CommandPath())
		for line := range strings.Lines(cmd.Long) {
			require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 120, "%s: %s", cmd.CommandPath(), line)
		}
		if !slices.Contains(plain, cmd.Name()) {
			require.NotNil(t, cmd.Flags().Lookup("json"), "%s has no --json", cmd.CommandPath())
		}
	})
}

// A group refuses what it has not; whoever got too few arguments says which it takes.
func TestAWrongCommandIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"journeys", "lst"}, 1, "hogsend: unknown command \"lst\" for \"hogsend journeys\", did you mean \"list\"?\n"},
		{[]string{"suppressions", "zzz"}, 1, "hogsend: unknown command \"zzz\" for \"hogsend suppressions\", which has import\n"},
		{[]string{"events", "tail", "--follow"}, 1, "unknown flag: --follow"},
		{[]string{"alerts"}, 0, "Available Commands:"},
		{[]string{"alerts", "--help"}, 0, "hogsend alerts [command]"},
		{[]string{"contacts", "show"}, 1, "hogsend: accepts 1 arg(s), received 0; usage: hogsend contacts show PERSON [flags]\n"},
		{[]string{"journeys", "cancel", "a", "b", "c"}, 1, "; usage: hogsend journeys cancel "},
		{[]string{"stats", "now"}, 1, "unknown command \"now\" for \"hogsend stats\"; usage: hogsend stats"},
	} {
		code, out := call(t, IO{}, c.args...)
		require.Equal(t, c.code, code, out)
		require.Contains(t, out, c.want)
	}
}
