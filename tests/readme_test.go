package tests

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// O-45: the README shows both spellings of what one asks Temporal, and what a cancel or a
// terminate from there does.
func TestReadmeHasBothSpellingsOfTemporal(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	readme := string(body)
	for _, pair := range [][2]string{
		{"temporal workflow list --query", "tctl     workflow list --query"},
		{"temporal workflow show --workflow-id", "tctl     workflow show --workflow_id"},
		{"temporal workflow query --workflow-id", "tctl     workflow query --workflow_id"},
		{"--type state", "--query_type state"},
		{"temporal workflow cancel --workflow-id", "tctl     workflow cancel --workflow_id"},
		{"temporal workflow terminate --workflow-id", "tctl     workflow terminate --workflow_id"},
	} {
		at := strings.Index(readme, pair[0])
		require.Positive(t, at, pair[0])
		require.Contains(t, readme[at:min(at+400, len(readme))], pair[1], "beside it")
	}
	for _, word := range []string{"successor of `tctl`", "`canceled`", "`workflow lost: terminated`"} {
		require.Contains(t, readme, word)
	}
}
