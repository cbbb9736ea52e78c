package naming_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/naming"
)

// I-14, J-5
func TestReservedNamesAreThoseBehindAPrefix(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bucket:entered:vip", "journey:completed", "email.opened", "hogsend:x", "email."} {
		require.True(t, naming.Reserved(name), name)
	}
	for _, name := range []string{"", "bucket", "journeys:done", "email", "emailed", "Email.opened", " bucket:x"} {
		require.False(t, naming.Reserved(name), name)
	}
}

func TestTheNearestNameIsSuggested(t *testing.T) {
	t.Parallel()
	known := []string{"welcome", "win-back", "trial-ends"}
	require.Equal(t, `, did you mean "win-back"?`, naming.Suggestion("win-bak", known))
	require.Equal(t, `, did you mean "welcome"?`, naming.Suggestion("Welcome", known))
	require.Empty(t, naming.Suggestion("churn", known), "nothing is near")
	require.Empty(t, naming.Suggestion("welcome", nil))
	require.Equal(t, `, did you mean "a1"?`, naming.Suggestion("ab", []string{"a2", "a1"}), "the first of equals, in every order")
}

func TestTextsThatNothingCanKeepAreRefused(t *testing.T) {
	t.Parallel()
	require.Empty(t, naming.Problem(strings.Repeat("é", 5), 1, 5))
	require.Equal(t, "must have 1 to 5 characters", naming.Problem("", 1, 5))
	require.Equal(t, "must have 1 to 5 characters", naming.Problem("abcdef", 1, 5))
	require.Equal(t, "must be valid UTF-8 without U+0000", naming.Problem("a\x00", 1, 5))
	require.Equal(t, "must be valid UTF-8 without U+0000", naming.Problem("\xff", 1, 5))
}
