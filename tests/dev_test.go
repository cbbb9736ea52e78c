package tests

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// devRig is a running `hogsend dev` with a folder of its own.
type devRig struct {
	t       *testing.T
	process *process
	data    string
	url     string
}

func newDevRig(t *testing.T) *devRig {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "hogsend-dev-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) // Postgres' own user must reach its folder
	t.Cleanup(func() { os.RemoveAll(dir) })
	port := strconv.Itoa(freePort(t))
	d := &devRig{t: t, data: filepath.Join(dir, "data"), url: "http://127.0.0.1:" + port, process: &process{name: "dev", ready: "ready in", args: []string{
		"dev", "--data", filepath.Join(dir, "data"), "--port", port, "--temporal-port", strconv.Itoa(freePort(t)),
		"--ui-port", strconv.Itoa(freePort(t)), "--api-key", apiKey,
	}}}
	require.NoError(t, d.process.start())
	t.Cleanup(func() { require.NoError(t, d.process.kill()) })
	return d
}

func (d *devRig) run(args ...string) string {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "HOGSEND_API_URL="+d.url, "HOGSEND_API_KEY="+apiKey)
	out, err := cmd.CombinedOutput()
	require.NoError(d.t, err, "%s", out)
	return string(out)
}

// here runs a command in an empty environment, on the folder of the dev.
func (d *devRig) here(args ...string) (string, error) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), binary, append(args, "--data", d.data)...)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// postgresPort is what dev keeps as the port of its Postgres.
func (d *devRig) postgresPort() string {
	d.t.Helper()
	port, err := os.ReadFile(filepath.Join(d.data, "postgres-port"))
	require.NoError(d.t, err)
	return string(port)
}

// mails are what `hogsend mailbox --json` prints, looked at until there are n.
func (d *devRig) mails(n int) []map[string]any {
	d.t.Helper()
	for {
		var mails []map[string]any
		for line := range strings.Lines(d.run("mailbox", "--json")) {
			var mail map[string]any
			require.NoError(d.t, json.Unmarshal([]byte(line), &mail))
			mails = append(mails, mail)
		}
		if len(mails) >= n {
			return mails
		}
		require.NoError(d.t, tick(d.t.Context()))
	}
}

// The first command of the README: everything in one process, the mail at once, the
// state kept over a stop and over a kill.
func TestDevKeepsItsStateOverStopAndKill(t *testing.T) {
	t.Parallel()
	d := newDevRig(t)
	d.run("events", "send", "user.created", "--user", "ada", "--email", "ada@example.com")
	mail := d.mails(1)[0]
	require.Equal(t, "ada@example.com", mail["to"])
	require.Equal(t, "welcome", mail["template"])
	require.Equal(t, "activation-welcome", mail["journeyId"])
	for _, field := range []string{"subject", "at", "html", "text"} {
		require.NotEmpty(t, mail[field], field)
	}

	port := d.postgresPort()
	require.NoError(t, d.process.stop())
	require.NoError(t, d.process.start())
	d.run("events", "send", "payment.failed", "--user", "ada", "--prop", "amount=49", "--prop", "invoiceId=I-1")
	d.mails(2)
	require.NoError(t, d.process.kill())
	require.NoError(t, d.process.start())
	require.Contains(t, d.run("events", "send", "payment.succeeded", "--user", "ada", "--prop", "invoiceId=I-1"), `"exited":true`, "the journey was still there")
	require.Len(t, d.mails(2), 2)
	require.Equal(t, port, d.postgresPort(), "what was pointed at its Postgres finds it again") // O-49

	// Without key, address and environment the other commands find it by its folder (O-48).
	for _, args := range [][]string{{"mailbox"}, {"plan"}, {"replay"}, {"doctor"}} {
		out, err := d.here(args...)
		require.NoError(t, err, out)
	}

	// A second dev on the same ports says which one is taken.
	second := exec.CommandContext(t.Context(), binary, d.process.args...)
	out, err := second.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "--port: port ")

	require.NoError(t, d.process.stop())
	d.process.args = append(d.process.args, "--reset")
	require.NoError(t, d.process.start())
	require.Empty(t, strings.TrimSpace(d.run("mailbox", "--json")), "--reset forgets everything")
}
