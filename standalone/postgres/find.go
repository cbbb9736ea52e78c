package postgres

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// usual are the places distributions put the server's programs.
func usual() []string {
	return []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin", "/usr/local/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin", "/opt/homebrew/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
}

// find returns the folder of initdb and postgres: found on the machine, installed
// by its package manager, or fetched. want is the major version of an existing
// cluster, which no other can open; 0 means any.
func find(ctx context.Context, want int, progress func(string)) (string, error) {
	if bin := installed(want); bin != "" {
		return bin, nil
	}
	if os.Geteuid() == 0 {
		if err := install(ctx, progress); err != nil {
			progress("postgres  could not be installed: " + err.Error())
		} else if bin := installed(want); bin != "" {
			return bin, nil
		}
	}
	return fetch(progress)
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

// installed looks in the usual places and in PATH: the wanted version if it is
// there, else what PATH names, else the newest.
func installed(want int) string {
	var found []string
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link in PATH leads to the folder that has postgres and its libraries.
		if target, err := filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(target)) {
			found = append(found, filepath.Dir(target))
		}
	}
	inPath := len(found) > 0
	for _, pattern := range usual() {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are constants; a bad one matches nothing
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

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// version is the major version in a path, 0 if there is none.
func version(path string) int {
	for part := range strings.SplitSeq(path, "/") {
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

// fetch downloads the programs once into a cache. The library starts a throw-away
// server to do so, which is stopped at once; as root, where Postgres refuses to run,
// that fails after the programs are in place, which is all that is wanted of it.
func fetch(progress func(string)) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "hogsend", "postgres")
	bin := filepath.Join(dir, "bin")
	if complete(bin) {
		return bin, nil
	}
	progress("postgres  not found, fetching it")
	port, err := freePort()
	if err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "hogsend-postgres-")
	if err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // the server's user must pass
		return "", fmt.Errorf("make cache folder: %w", err)
	}
	once := embedded.NewDatabase(embedded.DefaultConfig().BinariesPath(dir).CachePath(scratch).RuntimePath(filepath.Join(scratch, "run")).
		DataPath(filepath.Join(scratch, "data")).Port(uint32(port)).Logger(io.Discard)) //nolint:gosec // a port fits
	startErr := once.Start()
	if startErr == nil {
		if err := once.Stop(); err != nil {
			return "", fmt.Errorf("stop fetched postgres: %w", err)
		}
	}
	if !complete(bin) {
		return "", fmt.Errorf("no Postgres found on this machine, and fetching one failed: %w; install the package postgresql, or set DATABASE_URL", startErr)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user must pass
		return "", fmt.Errorf("open cache folder: %w", err)
	}
	return bin, nil
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
