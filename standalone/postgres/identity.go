package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// identity is the unprivileged user the server runs as when this process is root,
// because Postgres refuses root. nil means: as this process.
type identity struct{ uid, gid int }

func owner() (*identity, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is a value of its own here
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &identity{uid: uid, gid: gid}, nil
	}
	return nil, errors.New("postgres cannot run as root and there is no user postgres or nobody")
}

// mayOwn refuses a folder that somebody else put there, or a link: giving it to the
// server's user as root would hand over what is not ours.
func (i *identity) mayOwn(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || (stat.Uid != 0 && int(stat.Uid) != i.uid) {
		return fmt.Errorf("%s is not a folder of root or of the server's user (uid %d)", dir, i.uid)
	}
	return nil
}

// reachable reports whether every folder up to dir lets other users pass. Folders
// that do not exist yet are made by us and do.
func reachable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// elsewhere is the folder used instead of one that cannot be reached.
func elsewhere(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/var/tmp", "hogsend-postgres-"+hex.EncodeToString(sum[:6]))
}
