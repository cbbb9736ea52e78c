package traceparent

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// O-54: a context keeps a traceparent and nothing else.
func TestAContextCarriesATraceparent(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := With(t.Context(), parent)
	require.Equal(t, parent, Of(ctx))
	require.Equal(t, parent, *Column(ctx))
	for _, none := range []string{"", "00", strings.Repeat("a", 56)} {
		require.Empty(t, Of(With(t.Context(), none)))
		require.Equal(t, parent, Of(With(ctx, none)))
		require.Nil(t, Column(With(t.Context(), none)))
	}
}
