package cookbook_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the code of the recipes into the page anew")

// block is a place on the page: which file, and its code.
var block = regexp.MustCompile("(?s)<!-- ([a-z]+\\.go) -->\n```go\n(.*?)```\n")

// The page shows the code that the tests run.
func TestThePageShowsTheRecipesAsTheyAreTested(t *testing.T) {
	t.Parallel()
	const file = "../../docs/cookbook.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	if *update {
		page = block.ReplaceAllFunc(page, func(old []byte) []byte {
			name := string(block.FindSubmatch(old)[1])
			return []byte("<!-- " + name + " -->\n```go\n" + recipe(t, name) + "```\n")
		})
		require.NoError(t, os.WriteFile(file, page, 0o600))
	}
	shown := map[string]bool{}
	for _, match := range block.FindAllStringSubmatch(string(page), -1) {
		require.Equal(t, recipe(t, match[1]), match[2], "go test ./examples/cookbook -run Page -update writes %s anew", match[1])
		shown[match[1]] = true
	}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if name := f.Name(); !strings.HasSuffix(name, "_test.go") && name != "registry.go" {
			require.True(t, shown[name], "%s is on the page", name)
			source, err := os.ReadFile(name)
			require.NoError(t, err)
			require.LessOrEqual(t, strings.Count(string(source), "\n"), 70, "%s is a recipe of at most 70 lines", name)
		}
	}
}

// recipe is the code of a file below its imports.
func recipe(t *testing.T, name string) string {
	t.Helper()
	source, err := os.ReadFile(name)
	require.NoError(t, err)
	_, code, found := strings.Cut(string(source), "\n)\n\n")
	require.True(t, found, "%s has imports", name)
	return code
}
