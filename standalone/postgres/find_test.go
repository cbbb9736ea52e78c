package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheProgramsOfTheClustersVersionAreChosen(t *testing.T) {
	t.Parallel()
	old, recent, inPath := "/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/17/bin", "/opt/homebrew/opt/postgresql@15/bin"
	for _, c := range []struct {
		name           string
		found          []string
		want           int
		firstPreferred bool
		chosen         string
	}{
		{"none", nil, 0, false, ""},
		{"the newest by number, not by spelling", []string{old, recent}, 0, false, recent},
		{"the one in PATH before a newer one", []string{inPath, recent}, 0, true, inPath},
		{"the cluster's before the one in PATH", []string{inPath, recent, old}, 9, true, old},
		{"another if the cluster's is not there", []string{old, recent}, 16, false, recent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.chosen, choose(c.found, c.want, c.firstPreferred))
		})
	}
}
