package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/standalone/postgres"
)

// helperFolder makes this test program start a server there and then wait to be killed.
const helperFolder = "HOGSEND_TEST_POSTGRES_HELPER"

func TestMain(m *testing.M) {
	dir := os.Getenv(helperFolder)
	if dir == "" {
		os.Exit(m.Run())
	}
	p, err := postgres.Start(context.Background(), postgres.Config{DataDir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.URL())
	select {}
}

// start runs a durable server.
func start(t *testing.T, dir string) *postgres.Postgres {
	t.Helper()
	return startWith(t, postgres.Config{DataDir: dir})
}

// startFast is for tests that lose nothing when commits are not durable.
func startFast(t *testing.T, dir string) *postgres.Postgres {
	t.Helper()
	return startWith(t, postgres.Config{DataDir: dir, Unsafe: true})
}

func startWith(t *testing.T, cfg postgres.Config) *postgres.Postgres {
	t.Helper()
	p, err := dbtest.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

// folder is one the server's user can reach, whoever that is.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(passable(t), "postgres")
	t.Cleanup(func() { require.NoError(t, postgres.Reset(context.WithoutCancel(t.Context()), dir)) })
	return dir
}

// passable is a folder of the test's own that every user may pass; what is above the
// one of TempDir is closed to others.
func passable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
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
	left := startFast(t, dir)
	exec(t, left, "create table kept (n int)")
	second := startFast(t, dir) // ends the one that still runs on the folder
	exec(t, second, "insert into kept values (1)")
}

func TestATakenPortIsSaid(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	_, err = postgres.Start(t.Context(), postgres.Config{DataDir: folder(t), Port: l.Addr().(*net.TCPAddr).Port})
	require.ErrorIs(t, err, postgres.ErrPortTaken)
}

// The server has no one left who could stop it, so the kernel must.
func TestTheServerEndsWithAKilledParent(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	parent := osexec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), helperFolder+"="+dir)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), url[:len(url)-1])
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "create table kept (n int); insert into kept values (1)")
	require.NoError(t, err)

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	// Ends with an error as soon as the server is gone, not before.
	_, err = conn.Exec(t.Context(), "select pg_sleep(60)")
	require.Error(t, err)
	require.NoError(t, conn.Close(context.WithoutCancel(t.Context())))

	exec(t, start(t, dir), "insert into kept values (2)")
}

func TestAServerOfAnotherFolderIsLeftAlone(t *testing.T) {
	t.Parallel()
	other := startFast(t, folder(t))
	dir := folder(t)
	mine := startFast(t, dir)
	require.NoError(t, mine.Kill())
	// After a reboot the pid that a kill left in the folder may be any program's.
	file := filepath.Join(dir, "cluster", "postmaster.pid")
	require.NoError(t, os.WriteFile(file, []byte(strconv.Itoa(other.PID())+"\n"+filepath.Join(dir, "cluster")+"\n"), 0o600))

	exec(t, startFast(t, dir), "select 1")
	exec(t, other, "select 1")
}

func TestMissingParentsOfTheFolderAreMadePassable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(passable(t), "not", "there", "postgres")
	t.Cleanup(func() { require.NoError(t, postgres.Reset(context.WithoutCancel(t.Context()), dir)) })
	exec(t, startFast(t, dir), "select 1")
}

// /root in a container: the server's user cannot reach it.
func TestAFolderBelowAClosedOneWorks(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(passable(t), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir := filepath.Join(closed, "postgres")
	t.Cleanup(func() { require.NoError(t, postgres.Reset(context.WithoutCancel(t.Context()), dir)) })
	first := startFast(t, dir)
	exec(t, first, "create table kept (n int)")
	require.NoError(t, first.Stop())
	exec(t, startFast(t, dir), "insert into kept values (1)")
}

func TestWhatKeepsTheServerFromStartingIsSaid(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, startFast(t, dir).Stop())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cluster", "PG_VERSION"), []byte("9.6\n"), 0o600))
	_, err := postgres.Start(t.Context(), postgres.Config{DataDir: dir})
	require.ErrorContains(t, err, "incompatible")
}
