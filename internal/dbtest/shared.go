package dbtest

import (
	"context"
	"errors"
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
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/standalone/postgres"
)

// One server serves all test processes of a user, because `go test ./...` runs many
// and a cluster takes seconds to make. The first process that needs it starts a
// keeper (keeper.go), a process that runs the server, survives whoever started it
// and ends when nobody is left. Its folder has
//
//	users     every test process holds a shared lock on it while it lives; the
//	          keeper takes it alone before it ends, so that nobody comes meanwhile
//	start     held by the one process that looks for the keeper or starts it
//	keeper    held by the keeper while it lives; has its process id
//	url       where the server is
//	parents/  a file for the parent of each user, in general the go command
//	log       what the keeper had to say
//	postgres/ the cluster
//
// The locks are the kernel's: they end with their holder, however that ends.
type folder string

// keeperVariable names the folder to a test binary that is to be its keeper.
const keeperVariable = "HOGSEND_TEST_KEEPER"

// InstallVariable allows the machine's package manager to be asked for Postgres first.
const InstallVariable = "HOGSEND_INSTALL_POSTGRES"

// Main runs a package's tests. Every package that uses this one calls it from
// TestMain, because any of them may be the one whose binary keeps the server.
func Main(m *testing.M) {
	Keep()
	os.Exit(m.Run())
}

// Keep does not return in the process that keeps the server. A TestMain that does more
// than run tests calls it first, because that process has neither their folder nor
// their time.
func Keep() {
	if path := os.Getenv(keeperVariable); path != "" {
		const ready = 3            // the first of ExtraFiles
		syscall.CloseOnExec(ready) // or the server would hold it open
		os.Exit(keep(folder(path), os.NewFile(ready, "ready")))
	}
}

// shared is the URL of the shared server, which stays at least as long as this process.
var shared = folder(filepath.Join("/var/tmp", "hogsend-test-"+strconv.Itoa(os.Getuid()))).forGood()

// forGood joins when first called. It holds on to what leaves again: the lock of a user
// ends with its file, which the garbage collector closes when nobody refers to it.
func (f folder) forGood() func() (string, error) {
	var leave func()
	join := sync.OnceValues(func() (url string, err error) {
		url, leave, err = f.join(context.Background())
		return url, err
	})
	return func() (string, error) {
		defer runtime.KeepAlive(&leave)
		return join()
	}
}

// Start runs a server of the test's own. As a last resort, where none is installed or
// can be fetched, root's package manager is asked for one.
func Start(ctx context.Context, cfg postgres.Config) (*postgres.Postgres, error) {
	cfg.Install = os.Getenv(InstallVariable) == "true"
	server, err := postgres.Start(ctx, cfg)
	if errors.Is(err, postgres.ErrNoPrograms) && !cfg.Install && os.Getuid() == 0 {
		cfg.Install = true
		return postgres.Start(ctx, cfg)
	}
	return server, err
}

// join makes this process a user of the folder's server until leave is called or the
// process ends, and returns its URL.
func (f folder) join(ctx context.Context) (url string, leave func(), err error) {
	if err := f.make(); err != nil {
		return "", nil, err
	}
	users, err := f.lock("users", syscall.LOCK_SH)
	if err != nil {
		return "", nil, err
	}
	leave = func() { users.Close() }
	defer func() {
		if err != nil {
			leave()
		}
	}()
	if err := os.WriteFile(filepath.Join(string(f), "parents", strconv.Itoa(os.Getppid())), nil, 0o600); err != nil {
		return "", nil, fmt.Errorf("name parent process: %w", err)
	}
	start, err := f.lock("start", syscall.LOCK_EX)
	if err != nil {
		return "", nil, err
	}
	defer start.Close()
	url, err = f.find(ctx)
	if err == nil && url == "" {
		url, err = f.startKeeper()
	}
	return url, leave, err
}

// make makes the folder. It lies where everybody may write, so one that another user
// put there is refused.
func (f folder) make() error {
	if err := os.Mkdir(string(f), 0o755); err != nil && !errors.Is(err, os.ErrExist) { // the server's user must pass
		return fmt.Errorf("make test folder: %w", err)
	}
	info, err := os.Lstat(string(f))
	if err != nil {
		return fmt.Errorf("look at test folder: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of this user", f)
	}
	if err := os.MkdirAll(filepath.Join(string(f), "parents"), 0o700); err != nil {
		return fmt.Errorf("make test folder: %w", err)
	}
	return nil
}

// lock waits for a lock on a file of the folder, which lasts until the file is closed.
func (f folder) lock(name string, how int) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(string(f), name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for {
		switch err := syscall.Flock(int(file.Fd()), how); {
		case err == nil:
			return file, nil
		case !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", file.Name(), err), file.Close())
		}
	}
}

// find is the URL of a server that answers, "" if there is no keeper.
func (f folder) find(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		keeper, err := f.lock("keeper", syscall.LOCK_SH|syscall.LOCK_NB)
		if err == nil {
			return "", keeper.Close()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return "", err
		}
		// It runs. Unless it is about to die, the server answers.
		url, err := os.ReadFile(filepath.Join(string(f), "url"))
		if err == nil {
			var connection *pgx.Conn
			if connection, err = pgx.Connect(ctx, string(url)); err == nil {
				return string(url), connection.Close(ctx)
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the test server does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// startKeeper starts the keeper and waits until its server answers.
func (f folder) startKeeper() (url string, err error) {
	binary, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find test binary: %w", err)
	}
	log, err := os.Create(filepath.Join(string(f), "log"))
	if err != nil {
		return "", fmt.Errorf("make keeper's log: %w", err)
	}
	defer log.Close()
	said, ready, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("start keeper: %w", err)
	}
	defer said.Close()
	// A binary whose TestMain does not call Main runs no test, and says nothing.
	cmd := exec.Command(binary, "-test.run=^$") // this very binary; it outlives this process
	cmd.Env = append(os.Environ(), keeperVariable+"="+string(f))
	cmd.Dir = string(f)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{ready}
	// A Ctrl-C is meant for the tests: the keeper goes when they are gone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), ready.Close()); err != nil {
		return "", fmt.Errorf("start keeper: %w", err)
	}
	answer, err := io.ReadAll(said)
	if err != nil {
		return "", fmt.Errorf("wait for keeper: %w", err)
	}
	if url, ok := strings.CutPrefix(string(answer), "ready "); ok {
		// Nobody waits for it; init reaps it, or this process when it ends.
		return url, cmd.Process.Release()
	}
	output, readErr := os.ReadFile(log.Name())
	return "", errors.Join(fmt.Errorf("the test server did not start (a package that needs one calls dbtest.Main from TestMain): %s\n%s", answer, output),
		readErr, cmd.Wait())
}
