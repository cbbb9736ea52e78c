package app_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/vet"
)

// T-28
func TestVetTellsByItsExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, out, errs string
		code               int
	}{
		{pattern: "../examples/..."},
		{pattern: "../vet/testdata/sdk", out: "/sdk.go:28: warning: uses zones.Pause", code: 1},
		{pattern: "./nosuch", errs: "directory not found", code: 2},
	} {
		var out, errs bytes.Buffer
		code := app.Run(t.Context(), app.Options{Registry: saas.Registry(), Vet: vet.Check}, app.IO{Args: []string{"vet", tt.pattern}, Stdout: &out, Stderr: &errs})
		require.Equal(t, tt.code, code, errs.String())
		require.Contains(t, out.String(), tt.out)
		require.Contains(t, errs.String(), tt.errs)
	}
}

func TestAProgramWithoutVetHasNoSuchCommand(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	require.Equal(t, 1, app.Run(t.Context(), app.Options{}, app.IO{Args: []string{"vet"}, Stdout: &out, Stderr: &errs}))
	require.Contains(t, errs.String(), "built without Vet")
}
