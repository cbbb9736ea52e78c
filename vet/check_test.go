package vet_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/vet"
)

func check(t *testing.T, dir string, patterns ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	findings, err := vet.Check(t.Context(), dir, patterns, &out)
	require.NoError(t, err)
	return out.String(), findings
}

// T-28
func TestNothingIsFoundInTheExamplesAndTheProduct(t *testing.T) {
	t.Parallel()
	out, findings := check(t, "..", "./examples/...", "./workflows/...")
	require.Empty(t, out)
	require.Zero(t, findings)
}

// T-28: file:line: message, in order.
func TestFindingsAreLinesOfText(t *testing.T) {
	t.Parallel()
	const here = "github.com/hogsend/hogsend/vet/testdata"
	out, findings := check(t, "testdata", "./sdk", "./zones")
	require.Equal(t, strings.Join([]string{
		"sdk/sdk.go:15: warning: compares workflow.Now with a deadline: a wait with Until, or run.SleepUntil, is recorded and shown",
		"sdk/sdk.go:19: warning: compares workflow.Now with a deadline: a wait with Until, or run.SleepUntil, is recorded and shown",
		"sdk/sdk.go:20: warning: calls workflow.Sleep: run.Sleep shows where people stand, and a pause or an exit reaches it",
		"sdk/sdk.go:28: warning: uses zones.Pause, which calls workflow.Sleep (" + here + "/zones/zones.go:44): run.Sleep shows where people stand, and a pause or an exit reaches it",
		"sdk/sdk.go:35: warning: calls workflow.Sleep: run.Sleep shows where people stand, and a pause or an exit reaches it",
		"zones/zones.go:39: calls time.Now: a replay runs at another time; use workflow.Now",
		"",
	}, "\n"), out)
	require.Equal(t, 6, findings)
}

// Packages that were not asked for are read, and not reported on.
func TestOnlyWhatWasAskedForIsReported(t *testing.T) {
	t.Parallel()
	out, _ := check(t, "testdata/sdk")
	require.Contains(t, out, "sdk.go:28: warning: uses zones.Pause")
	require.NotContains(t, out, "zones.go:39: ")
}

func TestWhatCannotBeLoadedIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module example.com/broken\n\ngo 1.26\n")
	write("broken.go", "package broken\n\nfunc f() int { return \"\" }\n")
	for _, tt := range []struct{ pattern, problem string }{
		{".", "broken.go:3:23: cannot use"},
		{"./nosuch", "directory not found"},
		{"fmt", `no package of the module matches ["fmt"]`},
	} {
		var out bytes.Buffer
		findings, err := vet.Check(t.Context(), dir, []string{tt.pattern}, &out)
		require.ErrorContains(t, err, tt.problem)
		require.Zero(t, findings)
		require.Empty(t, out.String())
	}
}

// T-21: what vet leaves to workflowcheck makes that red, with the configuration of task
// lint.
func TestWorkflowcheckFindsAPlantedMapRangeAndTimeNow(t *testing.T) {
	t.Parallel()
	workflowcheck := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/go.mod", "workflowcheck", "-config", "workflowcheck.yaml", "./vet/testdata/planted")
	workflowcheck.Dir = ".."
	out, err := workflowcheck.CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	require.Contains(t, string(out), "planted.ranges is non-deterministic, reason: iterates over map")
	require.Contains(t, string(out), "planted.looksAtTheClock is non-deterministic, reason: calls non-deterministic function time.Now")
}

// T-21, T-28: both look at the product and at the examples, and nothing is left out but
// functions by their full names.
func TestLintLooksAtProductAndExamples(t *testing.T) {
	t.Parallel()
	tasks, err := os.ReadFile("../Taskfile.yml")
	require.NoError(t, err)
	require.Contains(t, string(tasks), "workflowcheck -config workflowcheck.yaml ./workflows/... ./examples/...")
	require.Contains(t, string(tasks), "go run ./cmd/hogsend-vet ./workflows/... ./examples/...")
	config, err := os.ReadFile("../workflowcheck.yaml")
	require.NoError(t, err)
	for line := range strings.Lines(string(config)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || line == "decls:" {
			continue
		}
		require.Regexp(t, `^[\w./]+\.\w+: false$|^\(\*[\w./]+\.\w+\)\.\w+: false$`, line)
	}
	sources, err := filepath.Glob("../workflows/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	examples, err := filepath.Glob("../examples/*/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, file := range append(sources, examples...) {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(source), "//workflowcheck:ignore")
		require.NotContains(t, string(source), "//hogsend:ignore")
	}
}
