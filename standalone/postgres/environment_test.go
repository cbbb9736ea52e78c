package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPostgresGetsNoSecretsOfItsStarter(t *testing.T) {
	t.Parallel()
	got := environment([]string{"PATH=/bin", "HOGSEND_SECRET=s", "ADMIN_API_KEY=k", "RESEND_API_KEY=r", "DATABASE_URL=u", "HOME=/root", "TZ=Mars", "LC_ALL=de_DE", "PATHS=x", "AWS_SECRET_ACCESS_KEY=a"})
	require.Equal(t, []string{"TZ=UTC", "LC_ALL=C", "PATH=/bin", "HOME=/root"}, got)
}
