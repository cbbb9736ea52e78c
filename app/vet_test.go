package app_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/cookbook"
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

// E-91: what is seldom meant in mails is found by vet, and by a command that needs no source.
func TestMailsAreChecked(t *testing.T) {
	t.Parallel()
	doubtful := hogsend.Registry{Templates: []hogsend.Template{{Key: "a", Subject: "s", HTML: `<p style="color:#999">faint</p><a href="http://localhost/x">x</a>`}}}
	const want = "template a: a link to this machine: http://localhost/x\ntemplate a: contrast 2.8 of #999999 on #ffffff, below 4.5: faint\n"
	run := func(registry hogsend.Registry, args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := app.Run(t.Context(), app.Options{Registry: registry, Vet: vet.Check}, app.IO{Args: args, Stdout: &out, Stderr: &errs, Dir: t.TempDir()})
		require.Empty(t, errs.String())
		return code, out.String()
	}
	code, out := run(doubtful, "templates", "check")
	require.Equal(t, 1, code)
	require.Equal(t, want, out)
	code, out = run(doubtful, "vet", "../examples/cookbook")
	require.Equal(t, 1, code)
	require.Equal(t, want, out)
	code, out = run(doubtful, "templates", "check", "--json")
	require.Equal(t, 1, code)
	require.Contains(t, out, `{"findings":["template a: a link`)
	for _, fine := range []hogsend.Registry{saas.Registry(), cookbook.Registry()} {
		code, out = run(fine, "templates", "check")
		require.Equal(t, 0, code, out)
		require.Empty(t, out)
	}
}

func TestAProgramWithoutVetHasNoSuchCommand(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	require.Equal(t, 1, app.Run(t.Context(), app.Options{}, app.IO{Args: []string{"vet"}, Stdout: &out, Stderr: &errs}))
	require.Contains(t, errs.String(), "built without Vet")
}

// U-46: a program shows its own journeys; of packages that have none of them, all functions.
func TestFlowOfAnotherProgram(t *testing.T) {
	t.Parallel()
	flow := func(registry hogsend.Registry, args ...string) (int, string) {
		var out bytes.Buffer
		code := app.Run(t.Context(), app.Options{Registry: registry, ReadFlow: vet.Flow}, app.IO{Args: append([]string{"flow"}, args...), Stdout: &out, Stderr: &out})
		return code, out.String()
	}
	code, out := flow(hogsend.Registry{}, "../examples/saas")
	require.Equal(t, 0, code, out)
	require.Regexp(t, `(?m)^saas\.welcome  \(journeys\.go\)\n├─ Mail welcome\n`, out)
	require.Contains(t, out, "\n\nsaas.")
	code, out = flow(saas.Registry(), "../examples/saas")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "activation-welcome  Activation: welcome  (journeys.go)\nstarts with user.created\n├─ Mail welcome\n")
	require.NotContains(t, out, "saas.welcome")
	code, out = flow(hogsend.Registry{}, "../internal/naming")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the source of no such journey was read")
}
