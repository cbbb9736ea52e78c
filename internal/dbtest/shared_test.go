package dbtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// userVariable makes this test program a user of the folder's server, that prints the
// URL and leaves when its input ends; withoutMainVariable one that does not call Main.
const (
	userVariable        = "HOGSEND_TEST_USER_OF"
	withoutMainVariable = "HOGSEND_TEST_WITHOUT_MAIN"
)

func use(f folder) int {
	url, leave, err := f.join(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer leave()
	fmt.Println(url)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return 1
	}
	return 0
}

// passable is a folder of the test's own that the server's user can reach.
func passable(t *testing.T) folder {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return folder(filepath.Join(dir, "shared"))
}

// user is a test process and the shell that ran it, as the go command would.
type user struct {
	t        *testing.T
	cmd      *exec.Cmd
	pid, url string
	stdin    io.Closer
}

// run starts a user. Its parent ends with it, or stays until leave if asked to.
func run(t *testing.T, f folder, then string) *user {
	t.Helper()
	u := &user{t: t}
	u.cmd = exec.CommandContext(t.Context(), "sh", "-c", `exec 3<&0; "$0" <&3 & echo $!; wait $!; `+then, os.Args[0])
	u.cmd.Env = append(os.Environ(), userVariable+"="+string(f))
	stdin, err := u.cmd.StdinPipe()
	require.NoError(t, err)
	u.stdin = stdin
	out, err := u.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, u.cmd.Start())
	lines := bufio.NewReader(out)
	for _, to := range []*string{&u.pid, &u.url} {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		*to = strings.TrimSpace(line)
	}
	require.Contains(t, u.url, "postgres://")
	return u
}

func (u *user) leave() {
	u.t.Helper()
	require.NoError(u.t, u.stdin.Close())
	require.NoError(u.t, u.cmd.Wait())
}

func (u *user) kill() {
	u.t.Helper()
	pid, err := strconv.Atoi(u.pid)
	require.NoError(u.t, err)
	require.NoError(u.t, syscall.Kill(pid, syscall.SIGKILL))
	require.NoError(u.t, u.cmd.Wait(), "the shell")
}

// postmaster is the server's process id.
func (f folder) postmaster(t *testing.T) int {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(string(f), "postgres", "cluster", "postmaster.pid"))
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(body), "\n")
	pid, err := strconv.Atoi(line)
	require.NoError(t, err)
	return pid
}

// requireEnd waits until the keeper has ended and wants nothing left of it.
func (f folder) requireEnd(t *testing.T, postmaster int) {
	t.Helper()
	keeper, err := f.lock("keeper", syscall.LOCK_SH) // free once it has ended
	require.NoError(t, err)
	require.NoError(t, keeper.Close())
	require.NoFileExists(t, filepath.Join(string(f), "url"))
	require.NoDirExists(t, filepath.Join(string(f), "postgres"))
	require.ErrorIs(t, syscall.Kill(postmaster, 0), syscall.ESRCH)
}

func TestTestProcessesThatComeAtOnceShareOneServer(t *testing.T) {
	t.Parallel()
	f := passable(t)
	users := make([]*user, 5)
	var group sync.WaitGroup
	for i := range users {
		group.Go(func() { users[i] = run(t, f, "true") })
	}
	group.Wait()
	for _, u := range users {
		require.Equal(t, users[0].url, u.url)
	}
	postmaster := f.postmaster(t)

	// Whoever started it may crash.
	for _, u := range users[1:] {
		u.kill()
	}
	require.NoError(t, connect(t, users[0].url).Close(t.Context()))
	require.Equal(t, postmaster, f.postmaster(t))
	users[0].leave()
	f.requireEnd(t, postmaster)
}

func TestTheServerStaysBetweenThePackagesOfOneGoCommand(t *testing.T) {
	t.Parallel()
	f := passable(t)
	first := run(t, f, "read -r line") // the shell reads on when its user has been killed
	pid, err := strconv.Atoi(first.pid)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))

	second := run(t, f, "true")
	require.Equal(t, first.url, second.url)
	second.kill()
	postmaster := f.postmaster(t)
	require.NoError(t, first.stdin.Close())
	require.Error(t, first.cmd.Wait(), "read at the end of the input")
	f.requireEnd(t, postmaster)
}

func TestAKilledKeeperIsReplaced(t *testing.T) {
	t.Parallel()
	f := passable(t)
	first := run(t, f, "true")
	connection := connect(t, first.url)
	body, err := os.ReadFile(filepath.Join(string(f), "keeper"))
	require.NoError(t, err)
	keeper, err := strconv.Atoi(string(body))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(keeper, syscall.SIGKILL))
	_, err = connection.Exec(t.Context(), "select pg_sleep(60)") // until the server has gone
	require.Error(t, err)

	second := run(t, f, "true")
	require.NotEqual(t, first.url, second.url)
	require.NoError(t, connect(t, second.url).Close(t.Context()))
	postmaster := f.postmaster(t)
	first.leave()
	second.leave()
	f.requireEnd(t, postmaster)
}

func TestAServerThatDiesIsReplaced(t *testing.T) {
	t.Parallel()
	f := passable(t)
	first := run(t, f, "true")
	require.NoError(t, syscall.Kill(f.postmaster(t), syscall.SIGKILL))
	second := run(t, f, "true")
	require.NoError(t, connect(t, second.url).Close(t.Context()))
	postmaster := f.postmaster(t)
	first.leave()
	second.leave()
	f.requireEnd(t, postmaster)
}

func TestAFolderOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	f := passable(t)
	require.NoError(t, os.Symlink(t.TempDir(), string(f)))
	_, _, err := f.join(t.Context())
	require.ErrorContains(t, err, "not a folder of this user")
}

func TestAPackageWithoutMainIsTold(t *testing.T) {
	t.Parallel()
	f := passable(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), userVariable+"="+string(f), withoutMainVariable+"=yes")
	out, err := cmd.Output()
	require.Error(t, err)
	require.Contains(t, string(out), "calls dbtest.Main from TestMain")
}

func TestOneProcessIsOneUser(t *testing.T) {
	t.Parallel()
	if os.Getenv(URLVariable) != "" {
		_, err := pgx.Connect(t.Context(), os.Getenv(URLVariable))
		require.NoError(t, err)
		return
	}
	first, err := shared()
	require.NoError(t, err)
	second, err := shared()
	require.NoError(t, err)
	require.Equal(t, first, second)
}

// A process is a user until it ends, also after a garbage collection.
func TestAUserStaysOneAfterAGarbageCollection(t *testing.T) {
	t.Parallel()
	f := passable(t)
	url := f.forGood()
	first, err := url()
	require.NoError(t, err)
	for range 3 {
		runtime.GC() // what nobody refers to is closed by a goroutine of the runtime
		_, err = f.lock("users", syscall.LOCK_EX|syscall.LOCK_NB)
		require.ErrorIs(t, err, syscall.EWOULDBLOCK)
	}
	second, err := url()
	require.NoError(t, err)
	require.Equal(t, first, second)
	postmaster := f.postmaster(t)
	body, err := os.ReadFile(filepath.Join(string(f), "keeper"))
	require.NoError(t, err)
	keeper, err := strconv.Atoi(string(body))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(keeper, syscall.SIGTERM))
	f.requireEnd(t, postmaster)
}
