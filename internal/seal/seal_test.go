package seal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/seal"
)

// O-16: secrets are kept encrypted, and outlive a change of HOGSEND_SECRET.
func TestSealedTextsAreOpenedByTheirKeysOnly(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("a", 32), strings.Repeat("b", 32)
	before, err := seal.New("test", first, nil)
	require.NoError(t, err)
	sealed := before.Seal([]byte("whsec_x"))
	require.NotContains(t, sealed, "whsec")
	require.NotEqual(t, sealed, before.Seal([]byte("whsec_x")))

	rotated, err := seal.New("test", second, []string{first})
	require.NoError(t, err)
	plain, err := rotated.Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "whsec_x", string(plain))
	_, err = before.Open(rotated.Seal(plain))
	require.ErrorIs(t, err, seal.ErrSealed)

	other, err := seal.New("other", first, nil)
	require.NoError(t, err)
	_, err = other.Open(sealed)
	require.ErrorIs(t, err, seal.ErrSealed)
	for _, wrong := range []string{"", ".", sealed[:len(sealed)-1], sealed + "A", strings.Replace(sealed, ".", ".A", 1)} {
		_, err = before.Open(wrong)
		require.Error(t, err, wrong)
	}
	_, err = seal.New("test", "", nil)
	require.Error(t, err)
}
