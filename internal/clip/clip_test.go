package clip_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend/internal/clip"
)

func TestWhatIsStoredFitsAndHasNoHalfCharacter(t *testing.T) {
	t.Parallel() // J-94
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"abc", 0, ""},
		{"äöü", 4, "äö"},
		{"äöü", 5, "äö"},
		{"a€", 3, "a"},
		{"a€", 4, "a€"},
		{"a\x00b", 2, "ab"},
		{"\x00\x00", 1, ""},
		{"a\xffb", 5, "a\uFFFDb"},
		{"a\xffb", 3, "a"},
	} {
		require.Equal(t, tt.want, clip.Stored(tt.s, tt.n), "%q to %d", tt.s, tt.n)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, n := string(rapid.SliceOf(rapid.Byte()).Draw(t, "s")), rapid.IntRange(0, 20).Draw(t, "n")
		got := clip.Stored(s, n)
		require.LessOrEqual(t, len(got), n)
		require.True(t, utf8.ValidString(got))
		require.True(t, strings.HasPrefix(clip.Stored(s, 1000), got), "a longer one goes on where a shorter one ends")
	})
}

func TestTheFirstCharacters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		s            string
		n            int
		first, short string
	}{
		{"", 0, "", ""},
		{"abc", 3, "abc", "abc"},
		{"abc", 9, "abc", "abc"},
		{"abc", 2, "ab", "ab…"},
		{"abc", 0, "", "…"},
		{"äöü", 2, "äö", "äö…"},
		{"äöü", 3, "äöü", "äöü"},
		{"🎉🎉", 1, "🎉", "🎉…"},
	} {
		require.Equal(t, tt.first, clip.First(tt.s, tt.n))
		require.Equal(t, tt.short, clip.Short(tt.s, tt.n))
	}
}
