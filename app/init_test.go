package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// O-52: a new project has what it needs, formatted, and go mod tidy has nothing to say of
// what it names.
func TestInitMakesAProject(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	code, out := call(t, IO{Dir: dir}, "init", "My-Shop", "--no-tidy", "--replace", root, "--module", "example.com/shop/mails")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "hogsend dev --watch ./cmd/myshop")
	made := filepath.Join(dir, "My-Shop")
	for file := range scaffolded("myshop") {
		require.FileExists(t, filepath.Join(made, file))
	}
	for file, part := range map[string]string{
		"go.mod": "module example.com/shop/mails\n", "registry.go": `Pages:  hogsend.Pages{Name: "myshop", Color`, "cmd/myshop/main.go": "myshop.Registry()", "welcome_test.go": `"example.com/shop/mails"`,
		".gitignore": ".hogsend/", "Taskfile.yml": "go run ./cmd/myshop play {{.CLI_ARGS}}", "templates/layout.html": `<mail-page name="myshop"`,
	} {
		body, err := os.ReadFile(filepath.Join(made, file))
		require.NoError(t, err)
		require.Contains(t, string(body), part, file)
		require.NotContains(t, string(body), "<<", file)
	}
	here, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(here), "\ngo "+goVersion+"\n", "else go mod tidy changes it")
	unformatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", made).Output()
	require.NoError(t, err)
	require.Empty(t, string(unformatted))

	code, out = call(t, IO{Dir: dir}, "init", "My-Shop", "--no-tidy")
	require.Equal(t, 1, code)
	require.Contains(t, out, "My-Shop is not empty: it has ")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "cloned", ".git"), 0o755))
	code, out = call(t, IO{Dir: dir}, "init", "cloned", "--no-tidy")
	require.Equal(t, 0, code, out)
}

// O-52
func TestInitRefusesWhatWouldNotBuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"123"}, "no letters to name a package by"},
		{[]string{"shop", "--module", "Shop \"x\""}, "--module: "},
		{[]string{"shop", "--module", modulePath}, "--module: "},
		{[]string{"shop", "--replace", dir}, "is no checkout of hogsend"},
		{nil, "accepts 1 arg(s), received 0; usage: hogsend init DIR [flags]"},
	} {
		code, out := call(t, IO{Dir: dir}, append([]string{"init"}, c.args...)...)
		require.Equal(t, 1, code)
		require.Contains(t, out, c.want)
	}
	for name, want := range map[string]string{"shop": "shop", "My-Shop2": "myshop2", "2nd": "nd", "go": "gomail", "main": "mainmail", "münchen": "mnchen"} {
		require.Equal(t, want, identifier(name), name)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing was made")
}
