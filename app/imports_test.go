package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/imports"
)

// I-60.
func TestFilesByCommand(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t)
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	line := d.lines("contacts", "import", "--wait=false", file("people.csv", "\ufeffexternalId,plan\nada,pro\nnull,\n"))[0]
	require.Contains(t, line, "is pending: 0 of ? rows, 0 failed")
	id := strings.Fields(line)[1]
	importer := imports.Importer{Engine: d.ingester.Engine()}
	require.NoError(t, importer.Run(t.Context(), uuid.MustParse(id)))
	require.Equal(t, []string{"import " + id + " is completed: 2 of 2 rows, 1 failed", `row 2: junk_id: "null" is no id of a person`}, d.lines("imports", "show", id))
	require.Contains(t, d.lines("suppressions", "import", "--wait=false", file("bad.json", `[{"email":"a@x.io"}]`))[0], "is pending")
	code, out := d.run("contacts", "import", file("utf16.csv", "e\x00m\x00a\x00"))
	require.Equal(t, 1, code)
	require.Contains(t, out, "is UTF-16; send UTF-8")
	code, out = d.run("contacts", "import", file("none.csv", "plan\nx\n"))
	require.Equal(t, 1, code)
	require.Contains(t, out, "header needs a column externalId or email")

	target := filepath.Join(folder, "out")
	for flag, part := range map[string]string{"--json=false": "firstSeenAt,lastSeenAt\r\n", "--json": `"externalId":"ada"`} {
		code, out = d.run("contacts", "export", flag, target)
		require.Equal(t, 0, code, out)
		body, err := os.ReadFile(target)
		require.NoError(t, err)
		require.Contains(t, string(body), part)
	}
	code, out = d.run("contacts", "export", "--limit", "0", target)
	require.Equal(t, 1, code)
	require.Contains(t, out, "limit: must be an integer from 1 to 100000")
}
