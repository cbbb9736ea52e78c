package browser

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// waits are the checks of STUDIO.md for whose pages this package has no test yet, and why.
func waits() map[int]string {
	return map[int]string{
		9:  "time travel",
		14: "the numbers of each node; the server's tests hold the picture to its source",
		15: "the lane of earlier versions; the server's tests have it",
		23: "criteria in words; the tests of the words have the fixtures",
		24: "what-if", 25: "simulation", 26: "Copy as Go",
		40: "certificates of erasure",
	}
}

// Each of the 40 browser checks is a test of this package, or waits for its page.
func TestEveryCheckIsATest(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	tested := map[int]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`\.check\("(\d+) `).FindAllStringSubmatch(string(text), -1) {
			n, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			tested[n] = true
		}
		for _, m := range regexp.MustCompile(`// Checks? (\d+)(?:(?:, (\d+))* (to|and) (\d+))?`).FindAllStringSubmatch(string(text), -1) {
			first, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			last := first
			for _, other := range []string{m[2], m[4]} {
				if n, err := strconv.Atoi(other); err == nil {
					tested[n] = true
					if m[3] == "to" && other == m[4] {
						last = n
					}
				}
			}
			for n := first; n <= last; n++ {
				tested[n] = true
			}
		}
	}
	for n := 1; n <= 40; n++ {
		why, waiting := waits()[n]
		require.True(t, tested[n] != waiting, "check %d is tested: %t, and waits: %q", n, tested[n], why)
	}
}
