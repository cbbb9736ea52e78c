package app

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/users"
)

// O-9, O-11: users are made, changed and removed by commands, which are in the log.
func TestAdminCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	refused := func(words string, args ...string) {
		code, out := d.run(args...)
		require.Equal(t, 1, code)
		require.Contains(t, out, words)
	}
	link := regexp.MustCompile(`/studio/invitation\?token=([\w-]{43})$`)
	out := d.lines("admin", "create", "eve@example.com", "--name", "Eve")
	require.Equal(t, "eve@example.com chooses a password here, once and within a day:", out[0])
	token := link.FindStringSubmatch(out[1])
	require.Len(t, token, 2, out)
	_, _, err := users.New(d.store, nil).Accept(t.Context(), token[1], "Eve", "correct horse battery", users.From{})
	require.NoError(t, err)
	refused("Role must be admin, operator or viewer", "admin", "create", "bob@example.com", "--role", "boss")
	d.lines("admin", "create", "bob@example.com", "--role", "viewer")
	refused("exists already", "admin", "create", "BOB@example.com")
	require.Equal(t, []string{"bob@example.com is operator"}, d.lines("admin", "role", "bob@example.com", "operator"))
	require.Equal(t, []string{"EMAIL NAME ROLE STATE SESSIONS", "bob@example.com bob operator invited 0", "eve@example.com Eve admin active 1"}, d.lines("users", "list"))
	refused("last admin", "admin", "remove", "eve@example.com")
	require.Regexp(t, link, d.lines("admin", "password", "eve@example.com")[1])
	require.Equal(t, []string{"bob@example.com is removed"}, d.lines("admin", "remove", "bob@example.com"))
	refused("bob@example.com: no such user", "admin", "remove", "bob@example.com")
	out = d.lines("audit", "--resource", "users", "--limit", "2")
	require.Len(t, out, 3)
	require.Equal(t, "AT BY ACTION OF CHANGE", out[0])
	require.Regexp(t, `^\S+ \S+ cli users.remove \S{36}$`, out[1])
	require.Regexp(t, `^\S+ \S+ cli users.invite \S{36}$`, out[2])
}
