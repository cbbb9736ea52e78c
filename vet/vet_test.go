package vet_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/hogsend/hogsend/vet"
)

func TestPlantedCasesAreFound(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	analysistest.Run(findings{t}, root, vet.Analyzer,
		"./vet/testdata/zones",    // T-23, through facts
		"./vet/testdata/decided",  // T-23
		"./vet/testdata/sdk",      // T-24
		"./vet/testdata/literals", // T-25
		"./vet/testdata/errs",     // T-26
		"./vet/testdata/names",    // T-27
		"./vet/testdata/calls",    // T-27, J-164
		"./vet/testdata/declared", // T-27, J-170
		"./vet/testdata/ignores",  // T-28
		"./vet/testdata/usage",    // T-46
		"./vet/testdata/mails",    // T-46, through facts
	)
}

// findings expects nothing of facts: what comes of them is expected where it is reported.
type findings struct{ *testing.T }

func (f findings) Errorf(format string, args ...any) {
	if len(args) == 3 && args[1] == "fact" {
		return
	}
	f.Helper()
	f.T.Errorf(format, args...)
}
