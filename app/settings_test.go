package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a process runs with is shown, and no secret of it.
func TestSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	given := map[string]string{
		"HOGSEND_SECRET": "a secret of thirty-two characters", "DATABASE_URL": "postgres://u:pass@db/x", "SMTP_URL": "smtps://u:pass@mail", "RESEND_API_KEY": "re_123", "PUBLIC_URL": "https://mail.example.com", "PORT": "3002",
		"RESEND_BASE_URL": "https://u:pass@proxy.example.com",
	}
	shown := map[string]string{}
	for _, g := range settings(func(name string) (string, bool) { v, ok := given[name]; return v, ok }) {
		require.NotEmpty(t, g.Title)
		for _, one := range g.Settings {
			shown[one.Name] = one.Value
			require.NotContains(t, one.Value, "pass@")
			require.Equal(t, given[one.Name] != "", one.Given, one.Name)
		}
	}
	require.Equal(t, "https://mail.example.com", shown["PUBLIC_URL"])
	require.Equal(t, "3002", shown["PORT"])
	for _, name := range []string{"HOGSEND_SECRET", "DATABASE_URL", "RESEND_API_KEY", "RESEND_BASE_URL"} {
		require.Equal(t, "set", shown[name], name)
	}
	require.Equal(t, "20", shown["DB_MAX_CONNS"], "the default")
	require.Equal(t, "not set", shown["HOGSEND_SECRET_PREVIOUS"])
}
