package naming

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNoIdOfAPerson(t *testing.T) { // I-57
	t.Parallel()
	var j JunkIDs
	for _, id := range append(DefaultJunkIDs(),
		"Undefined", " null ", `"undefined"`, `'NULL'`, "`nan`", "NaN", "NONE", "[object Object]", `" null "`, `""`, `''`, `"'nil'"`, "Guest", "TRUE") {
		require.True(t, j.Has(id), "%q", id)
		require.False(t, ParseJunkIDs("off").Has(id), "%q", id)
		require.Contains(t, JunkMessage(id), "is no id of a person")
	}
	for _, id := range []string{"", " ", "\t\n", "0123", "nullable", "guest-7", "00", "undefined1", "u", "--", `"`, "42", "00000000-0000-0000-0000-000000000001", "anonymous-user"} {
		require.False(t, j.Has(id), "%q", id)
	}
	own := ParseJunkIDs("n/a, TEST")
	require.True(t, own.Has("N/A"))
	require.True(t, own.Has("test"))
	require.False(t, own.Has("undefined"))
	both := ParseJunkIDs("default,n/a")
	require.True(t, both.Has("n/a"))
	require.True(t, both.Has("undefined"))
	require.Equal(t, `junk_id: "undefined" is no id of a person`, JunkMessage("undefined"))
}
