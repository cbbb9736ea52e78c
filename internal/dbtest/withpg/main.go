// Command withpg runs a command with a Postgres for its tests: one server for all
// test processes, faster than one each. Usage: withpg COMMAND [ARG...].
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/standalone/postgres"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) == 0 {
		return fail(errors.New("usage: withpg COMMAND [ARG...]"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("/var/tmp", "hogsend-test-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user must reach its folder
		return fail(err)
	}
	server, err := postgres.Start(ctx, postgres.Config{DataDir: filepath.Join(dir, "postgres"), Unsafe: true, Progress: func(line string) { fmt.Fprintln(os.Stderr, line) }})
	if err != nil {
		return fail(err)
	}
	defer server.Stop()                                   //nolint:errcheck // the tests are over
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // a development tool runs what it is told
	cmd.Env = append(os.Environ(), dbtest.URLVariable+"="+server.URL())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// The command ends its own children; it is killed only if it does not.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "withpg:", err)
	return 1
}
