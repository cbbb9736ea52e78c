package postgres_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/standalone/postgres"
)

func start(t *testing.T, dir string) *postgres.Postgres {
	t.Helper()
	p, err := postgres.Start(t.Context(), postgres.Config{DataDir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

// folder is one the server's user can reach, whoever that is.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "postgres")
	t.Cleanup(func() { require.NoError(t, postgres.Reset(dir)) })
	return dir
}

func exec(t *testing.T, p *postgres.Postgres, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func TestAClusterSurvivesStopAndKill(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, dir)
	exec(t, first, "create table kept (n int); insert into kept values (1)")
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "a second stop is harmless")

	second := start(t, dir)
	exec(t, second, "insert into kept values (2)")
	require.NoError(t, second.Kill())

	third := start(t, dir)
	conn, err := pgx.Connect(t.Context(), third.URL())
	require.NoError(t, err)
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from kept").Scan(&n))
	require.Equal(t, 2, n, "what was committed before the kill is there")
	require.NoError(t, conn.Close(t.Context()))
}

func TestAServerLeftBehindIsReplaced(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	left := start(t, dir)
	exec(t, left, "create table kept (n int)")
	second := start(t, dir) // ends the one that still runs on the folder
	exec(t, second, "insert into kept values (1)")
}

func TestATakenPortIsSaid(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	_, err = postgres.Start(t.Context(), postgres.Config{DataDir: folder(t), Port: l.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "is taken")
}
