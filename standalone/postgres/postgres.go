// Package postgres runs a private Postgres for `hogsend dev` and for tests: it
// finds the server's programs on the machine, fetches them (or installs them, if told
// to) where there are none, and keeps one cluster in a folder. It knows nothing of the
// product.
package postgres

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/ports"
)

// Config says where the cluster lives; only DataDir is required.
type Config struct {
	// DataDir keeps the cluster. It is made when missing.
	DataDir string
	// Port on 127.0.0.1; 0 means a free one.
	Port int
	// Unsafe trades durability for speed: for tests only.
	Unsafe bool
	// Settings are further settings of the server, name=value; they win over ours.
	Settings []string
	// Install lets root's package manager install the programs where there are none;
	// without it, or if that fails, they are fetched into a cache.
	Install bool
	// Progress hears a line before each step that takes long; nil for silence.
	Progress func(string)
	// Logger hears that the server crashed, and at debug level what it says while
	// starting and stopping; nil for silence.
	Logger *slog.Logger
}

// Postgres is a running server.
type Postgres struct {
	url  string
	cmd  *exec.Cmd
	done chan struct{}
	last string // what the server said last before it ended; read after done
	once sync.Once
	err  error
}

// ErrPortTaken says that somebody else listens on Config.Port. What an earlier process
// left on the cluster is ended before, and does not count.
var ErrPortTaken = errors.New("the port is taken")

// database is the one made for the product.
const (
	database  = "hogsend"
	superuser = "hogsend"
)

// Start runs a server on the cluster of cfg.DataDir, which it makes first if there
// is none, and returns when the server answers. The server ends with this process,
// also when that is killed; a folder left behind by a kill starts again.
func Start(ctx context.Context, cfg Config) (*Postgres, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	who, err := owner()
	if err != nil {
		return nil, err
	}
	dir, err := folder(cfg.DataDir, who)
	if err != nil {
		return nil, err
	}
	if dir != cfg.DataDir {
		cfg.Progress("postgres  keeps its data in " + dir + ", because its user cannot reach " + cfg.DataDir)
	}
	cluster := filepath.Join(dir, "cluster")
	where, err := thisMachine()
	if err != nil {
		return nil, err
	}
	bin, err := where.find(ctx, cfg, versionOf(cluster))
	if err != nil {
		return nil, err
	}
	password, err := initialize(ctx, cfg, bin, who, dir, cluster)
	if err != nil {
		return nil, err
	}
	if err := endPrevious(ctx, cluster); err != nil {
		return nil, err
	}
	port := cfg.Port
	if port == 0 {
		if port, err = ports.Free(); err != nil {
			return nil, err
		}
	} else if err := ports.Check(port); err != nil {
		return nil, fmt.Errorf("port %d: %w: %w", port, ErrPortTaken, err)
	}
	p, err := run(cfg, bin, who, cluster, port)
	if err != nil {
		return nil, err
	}
	p.url = (&url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}).String()
	if err := p.await(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// URL is the connection string of the product's database.
func (p *Postgres) URL() string { return p.url }

// PID is the server's process id.
func (p *Postgres) PID() int { return p.cmd.Process.Pid }

// Done is closed when the server has ended, however it did.
func (p *Postgres) Done() <-chan struct{} { return p.done }

// Stop ends the server in order (fast shutdown) and waits for it. A second call
// returns what the first did.
func (p *Postgres) Stop() error {
	p.once.Do(func() {
		if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.err = fmt.Errorf("stop postgres: %w", err)
			return
		}
		<-p.done
	})
	return p.err
}

// Kill ends the server at once, as a crash would, and waits for it.
func (p *Postgres) Kill() error {
	p.once.Do(func() {
		if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.err = fmt.Errorf("kill postgres: %w", err)
			return
		}
		<-p.done
	})
	return p.err
}

// folder makes the folder and gives it to the server's user. A user that cannot
// reach it, because a parent such as /root is closed, gets one below /var/tmp
// whose name is derived from the wanted path, so that the next start finds it.
func folder(dir string, who *identity) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("postgres folder: %w", err)
	}
	if who != nil && !reachable(filepath.Dir(dir)) {
		dir = elsewhere(dir)
	}
	// The server's user passes the parents; the folder itself is closed to others.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("postgres folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("postgres folder: %w", err)
	}
	if who != nil {
		if err := who.mayOwn(dir); err != nil {
			return "", fmt.Errorf("postgres folder: %w", err)
		}
		if err := os.Lchown(dir, who.uid, who.gid); err != nil {
			return "", fmt.Errorf("postgres folder: %w", err)
		}
	}
	return dir, nil
}

// Reset deletes the cluster that Start keeps for the folder, and ends a server that
// an earlier process left on it.
func Reset(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("postgres folder: %w", err)
	}
	for _, dir := range []string{dir, elsewhere(dir)} {
		if err := endPrevious(ctx, filepath.Join(dir, "cluster")); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("delete postgres folder: %w", err)
		}
	}
	return nil
}

// initialize makes the cluster once and returns the password of its user. A
// cluster that was not finished is made again.
func initialize(ctx context.Context, cfg Config, bin string, who *identity, dir, cluster string) (string, error) {
	passwordFile := filepath.Join(dir, "password")
	if body, err := os.ReadFile(passwordFile); err == nil { //nolint:gosec // a file of ours
		return strings.TrimSpace(string(body)), nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read postgres password: %w", err)
	}
	cfg.Progress("postgres  making the cluster")
	if err := os.RemoveAll(cluster); err != nil {
		return "", fmt.Errorf("clear unfinished cluster: %w", err)
	}
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make postgres password: %w", err)
	}
	password := hex.EncodeToString(secret)
	unfinished := passwordFile + ".new"
	if err := os.WriteFile(unfinished, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep postgres password: %w", err)
	}
	if who != nil {
		if err := os.Chown(unfinished, who.uid, who.gid); err != nil {
			return "", fmt.Errorf("keep postgres password: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", cluster, "--username", superuser, "--pwfile", unfinished, //nolint:gosec // a program we looked for
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions")
	if cfg.Unsafe {
		cmd.Args = append(cmd.Args, "--no-sync")
	}
	cmd.Dir, cmd.Env = dir, environment(os.Environ())
	who.apply(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// The password file under its final name says that the cluster is complete.
	if err := os.Rename(unfinished, passwordFile); err != nil {
		return "", fmt.Errorf("keep postgres password: %w", err)
	}
	return password, nil
}

// environment is what a program of Postgres gets of the caller's: what it needs to start,
// none of the keys and passwords, and neither zone nor locale.
func environment(environ []string) []string {
	env := []string{"TZ=UTC", "LC_ALL=C"}
	for _, variable := range environ {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH":
			env = append(env, variable)
		}
	}
	return env
}

func run(cfg Config, bin string, who *identity, cluster string, port int) (*Postgres, error) {
	args := []string{"-D", cluster, "-p", strconv.Itoa(port)}
	settings := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=256MB", "max_wal_size=2GB", "log_min_messages=warning"}
	if cfg.Unsafe {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	for _, s := range append(settings, cfg.Settings...) {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...) //nolint:gosec // a program we looked for; Stop ends it
	cmd.Dir = filepath.Dir(cluster)
	cmd.Env = environment(os.Environ())
	who.apply(cmd)
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("read postgres log: %w", err)
	}
	p := &Postgres{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ends the server with the thread that started it, so that thread
		// is kept until the server has ended.
		lockThread()
		started <- cmd.Start()
		if cmd.Process == nil {
			return
		}
		p.last = relay(log, cfg.Logger)
		if err := cmd.Wait(); err != nil {
			cfg.Logger.Debug("postgres ended", "error", err)
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return p, nil
}

// relay copies the server's log and returns the last thing that ended a part of it.
// FATAL is ordinary while starting and stopping; PANIC never is.
func relay(r io.Reader, log *slog.Logger) (last string) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.Contains(line, "PANIC:"):
			log.Error("postgres", "line", line)
			last = line
		case strings.Contains(line, "FATAL:"):
			log.Debug("postgres", "line", line)
			last = line
		case last != "" && (strings.Contains(line, "DETAIL:") || strings.Contains(line, "HINT:")):
			last += "\n" + line
		}
	}
	// A line too long for the scanner must not block the server.
	if _, err := io.Copy(io.Discard, r); err != nil {
		log.Debug("read postgres log", "error", err)
	}
	return last
}

// await returns when the product's database can be used; it makes it the first time.
func (p *Postgres) await(ctx context.Context) error {
	admin := strings.Replace(p.url, "/"+database+"?", "/postgres?", 1)
	deadline := time.Now().Add(60 * time.Second) // recovery after a crash may take a while
	for {
		conn, err := pgx.Connect(ctx, admin)
		if err == nil {
			return errors.Join(ensureDatabase(ctx, conn), conn.Close(ctx))
		}
		select {
		case <-p.done:
			return fmt.Errorf("postgres ended while starting: %s", first(p.last, err.Error()))
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("wait for postgres: %w", err)
		}
	}
}

func ensureDatabase(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", database).Scan(&exists); err != nil {
		return fmt.Errorf("look for database: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "create database "+database); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// first is said, or otherwise if nothing was.
func first(said, otherwise string) string {
	if said != "" {
		return said
	}
	return otherwise
}
