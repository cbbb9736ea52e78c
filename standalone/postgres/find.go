package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usual are the places distributions put the server's programs.
func usual() []string {
	return []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin", "/usr/local/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin", "/opt/homebrew/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
}

// ErrNoPrograms is wrapped by Start's error when the server's programs are not on
// the machine and could not be had.
var ErrNoPrograms = errors.New("no Postgres on this machine")

// machine is where the programs are looked for and where they come from.
type machine struct {
	path       string   // initdb as PATH has it, "" if it has none
	places     []string // patterns of folders
	cache      string   // what is fetched goes below it
	repository string
	install    func(context.Context, func(string)) error // nil where this user may not
}

func thisMachine() (machine, error) {
	cache, err := cacheFolder()
	if err != nil {
		return machine{}, err
	}
	m := machine{places: usual(), cache: cache, repository: repository}
	if path, err := exec.LookPath("initdb"); err == nil {
		m.path = path
	}
	if os.Geteuid() == 0 {
		m.install = install
	}
	return m, nil
}

// find returns the folder of initdb and postgres: found on the machine, else, if cfg
// says so, installed by its package manager, else fetched into a cache. want is the
// major version of an existing cluster, which no other can open; 0 means any.
func (m machine) find(ctx context.Context, cfg Config, want int) (string, error) {
	if bin := m.installed(want); bin != "" {
		return bin, nil
	}
	// Of many processes that find nothing, one installs or fetches.
	unlock, err := lock(ctx, m.cache)
	if err != nil {
		return "", err
	}
	defer unlock()
	if bin := m.installed(want); bin != "" {
		return bin, nil
	}
	switch {
	case !cfg.Install:
	case m.install == nil:
		cfg.Progress("postgres  only root can have it installed")
	default:
		if err := m.install(ctx, cfg.Progress); err != nil {
			cfg.Progress("postgres  could not be installed: " + err.Error())
		} else if bin := m.installed(want); bin != "" {
			return bin, nil
		}
	}
	folder := fetchedFolder(m.cache)
	cfg.Progress("postgres  not on this machine, fetching version " + fetchedVersion + " into " + folder + "; nothing is installed (--install-postgres would)")
	if err := fetch(ctx, m.repository, folder); err != nil {
		return "", fmt.Errorf("%w, and fetching it failed: %w", ErrNoPrograms, err)
	}
	return filepath.Join(folder, "bin"), nil
}

// versionOf is the major version that made the cluster, 0 if there is none.
func versionOf(cluster string) int {
	body, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION")) //nolint:gosec // a file of ours
	if err != nil {
		return 0
	}
	major, _, _ := strings.Cut(strings.TrimSpace(string(body)), ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

// installed looks in PATH, in the usual places and for what was fetched earlier: the
// wanted version if it is there, else what PATH names, else the newest.
func (m machine) installed(want int) string {
	var found []string
	if m.path != "" {
		// A link in PATH leads to the folder that has postgres and its libraries.
		if target, err := filepath.EvalSymlinks(m.path); err == nil && complete(filepath.Dir(target)) {
			found = append(found, filepath.Dir(target))
		}
	}
	inPath := len(found) > 0
	for _, pattern := range append(slices.Clip(m.places), filepath.Join(fetchedFolder(m.cache), "bin")) {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			continue // the usual ones are good, and a cache folder with brackets is looked for in vain
		}
		for _, dir := range dirs {
			if complete(dir) {
				found = append(found, dir)
			}
		}
	}
	return choose(found, want, inPath)
}

// choose takes the wanted version, else the first if it is preferred, else the newest.
func choose(found []string, want int, firstPreferred bool) string {
	for _, dir := range found {
		if want != 0 && version(dir) == want {
			return dir
		}
	}
	switch {
	case len(found) == 0:
		return ""
	case firstPreferred:
		return found[0]
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
}

// version is the major version in a path, 0 if there is none. The folders of users,
// which may have numbers too, come before it.
func version(path string) int {
	parts := strings.Split(path, "/")
	slices.Reverse(parts)
	for _, part := range parts {
		part = strings.TrimLeft(part, "abcdefghijklmnopqrstuvwxyz@-")
		part, _, _ = strings.Cut(part, ".")
		if n, err := strconv.Atoi(part); err == nil {
			return n
		}
	}
	return 0
}

// install asks the machine's package manager; the distribution's own cluster is not
// made, so nothing listens on the standard port afterwards.
func install(ctx context.Context, progress func(string)) error {
	managers := map[string][][]string{
		"apt-get": {
			{"apt-get", "update", "-q"},
			{"apt-get", "install", "-y", "-q", "--no-install-recommends", "postgresql-common"},
			{"sed", "-i", "s/^#\\?create_main_cluster.*/create_main_cluster = false/", "/etc/postgresql-common/createcluster.conf"},
			{"apt-get", "install", "-y", "-q", "--no-install-recommends", "postgresql"},
		},
		"apk": {{"apk", "add", "--no-cache", "postgresql"}},
		"dnf": {{"dnf", "install", "-y", "postgresql-server"}},
	}
	for _, name := range []string{"apt-get", "apk", "dnf"} {
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		progress("postgres  not found, installing it with " + name)
		for _, args := range managers[name] {
			cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // constants above
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
			}
		}
		return nil
	}
	return fmt.Errorf("no package manager that is known")
}

// cacheFolder is the user's own; root's is closed to the server's user.
func cacheFolder() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache folder: %w", err)
	}
	return dir, nil
}

// lock waits until no other process installs or fetches.
func lock(ctx context.Context, cache string) (unlock func(), err error) {
	folder := filepath.Join(cache, "hogsend")
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // the server's user must pass
		return nil, fmt.Errorf("make cache folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(folder, "postgres.lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return nil, fmt.Errorf("lock cache folder: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { file.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock cache folder: %w", err), file.Close())
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return nil, errors.Join(fmt.Errorf("wait for another process that looks for postgres: %w", err), file.Close())
		}
	}
}
