package relay_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The code of docs/providers.md is that of this folder, which compiles and is tested.
func TestThePageShowsThisCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/providers.md")
	require.NoError(t, err)
	var all string
	for _, file := range []string{"relay.go", "relay_test.go", "example_test.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		all += string(source)
	}
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 4)
	for _, block := range blocks {
		require.Contains(t, flat(all), flat(block[1]))
	}
}
