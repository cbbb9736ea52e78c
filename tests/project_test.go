package tests

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// project is a folder that init made, with the dev that watches it.
type project struct {
	t     *testing.T
	dir   string
	port  string // of the API
	dev   *exec.Cmd
	lines chan string
}

// newProject makes one that uses this checkout.
func newProject(t *testing.T) *project {
	t.Helper()
	parent, err := os.MkdirTemp("/var/tmp", "hogsend-project-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(parent, 0o755)) // Postgres' own user must reach its folder
	t.Cleanup(func() { os.RemoveAll(parent) })
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	p := &project{t: t, dir: filepath.Join(parent, "shop")}
	cmd := exec.CommandContext(t.Context(), binary, "init", p.dir, "--replace", root)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return p
}

// command is one that is typed in the folder, with nothing in the shell but what go needs.
func (p *project) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), name, args...)
	cmd.Dir = p.dir
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "HOGSEND_") && !strings.HasPrefix(pair, "DATABASE_URL=") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

func (p *project) run(name string, args ...string) string {
	p.t.Helper()
	out, err := p.command(name, args...).CombinedOutput()
	require.NoError(p.t, err, "%s", out)
	return string(out)
}

func (p *project) watch() {
	p.t.Helper()
	port := func() string { return strconv.Itoa(freePort(p.t)) }
	p.port = port()
	p.dev = p.command(binary, "dev", "--watch", "./cmd/shop", "--port", p.port, "--temporal-port", port(), "--ui-port", port())
	p.dev.Cancel = func() error { return p.dev.Process.Signal(os.Interrupt) }
	out, in, err := os.Pipe()
	require.NoError(p.t, err)
	p.dev.Stdout, p.dev.Stderr = in, in
	require.NoError(p.t, p.dev.Start())
	require.NoError(p.t, in.Close())
	p.lines = make(chan string, 10_000)
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
}

// says waits until dev prints a line with a part, and returns it.
func (p *project) says(part string) string {
	p.t.Helper()
	var before []string
	for line := range p.lines {
		if strings.Contains(line, part) {
			return line
		}
		before = append(before, line)
	}
	require.Fail(p.t, "dev ended without saying "+part, strings.Join(before, "\n"))
	return ""
}

func (p *project) save(file, old, replacement string) {
	p.t.Helper()
	path := filepath.Join(p.dir, file)
	body, err := os.ReadFile(path)
	require.NoError(p.t, err)
	require.Contains(p.t, string(body), old)
	require.NoError(p.t, os.WriteFile(path, []byte(strings.Replace(string(body), old, replacement, 1)), 0o600))
}

// O-50, O-52: three commands from an empty folder to the first mail; then each save is
// built and run, and said in a line.
func TestAProjectOfOnesOwnFromNothingToTheFirstMail(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.run("go", "mod", "tidy", "-diff")
	require.Contains(t, p.run("go", "run", "./cmd/shop", "play", "welcome", "--quick"), "sent send:nudge")

	p.watch()
	require.Contains(t, p.says("running after"), "journeys 1, buckets 0, templates 2  gate: nobody is under way")
	p.says("Save a file of ./cmd/shop")
	p.run(binary, "events", "send", "user.created", "--user", "ada", "--email", "ada@example.com", "--prop", "plan=free")
	p.says("mail  welcome to ada@example.com: Welcome")
	require.Eventually(t, func() bool { // the mail is told before the journey goes on
		return strings.Contains(p.run(binary, "contacts", "show", "ada"), "wait-event:feature.used")
	}, time.Minute, 100*time.Millisecond)
	// What compares with definitions is the program that runs, not the stock one.
	require.Contains(t, p.run(binary, "doctor"), "1 journeys, 2 templates")
	require.Contains(t, p.run(binary, "play", "welcome", "--quick"), "sent send:nudge")

	p.save("welcome.go", "EntryLimit: hogsend.Once", "EntryLimit: hogsend.Unlimited")
	require.Contains(t, p.says("running after"), "journeys ~welcome  gate: 1 under way can go on")
	p.save("welcome.go", "	used, err := run.WaitForEvent", "	if _, err := run.Send(ctx, hogsend.Email{Template: TemplateNudge}); err != nil {\n		return err\n	}\n	used, err := run.WaitForEvent")
	require.Contains(t, p.says("running after"), "definitions as before  gate: 1 of welcome at wait-event:feature.used cannot go on")

	// What is no good leaves the program from before running.
	p.save("welcome.go", "ID: \"welcome\"", "ID: \"Wel come\"")
	p.says("would not start; the program from before goes on")
	p.save("welcome.go", "package shop", "package shop // (")
	p.save("welcome.go", "func welcome(", "func welcome((")
	p.says("does not build; the program from before goes on")
	p.run(binary, "events", "send", "user.created", "--user", "bob", "--email", "bob@example.com")
	p.says("mail  welcome to bob@example.com")

	// The program ends with dev, however that ends.
	require.NoError(t, p.dev.Process.Kill())
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+p.port)
		if err != nil {
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			break
		}
		require.NoError(t, conn.Close())
		require.NoError(t, tick(t.Context()))
	}
}
