package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// T-22: go vet -vettool runs it, and what one package does is known in the next.
func TestGoVetRunsIt(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "hogsend-vet")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	goVet := exec.CommandContext(t.Context(), "go", "vet", "-vettool="+tool, "./vet/testdata/sdk", "./vet/testdata/names")
	goVet.Dir = "../.."
	out, err = goVet.CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 1, failed.ExitCode())
	require.Contains(t, string(out), "sdk.go:28:18: warning: uses zones.Pause, which calls workflow.Sleep")
	require.Contains(t, string(out), `names.go:21:9: there is no template "helo", did you mean "hello"?`)

	// T-28: by itself it exits 1 on findings, 0 without, and 2 if it could not look.
	for pattern, code := range map[string]int{"./vet/testdata/sdk": 1, "./examples/...": 0, "./nosuch": 2} {
		alone := exec.CommandContext(t.Context(), tool, pattern)
		alone.Dir = "../.."
		err := alone.Run()
		require.Equal(t, code, alone.ProcessState.ExitCode(), "%s: %v", pattern, err)
	}
}
