package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// dataFolder is the folder dev keeps its state in, locked while it runs.
type dataFolder struct {
	path string
	lock *os.File
}

// marker tells a folder of ours from one that --reset must not touch.
const marker = "hogsend-data"

func openData(path string, reset bool) (*dataFolder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("--data: %w", err)
	}
	_, markerErr := os.Stat(filepath.Join(path, marker))
	if len(entries) > 0 && markerErr != nil {
		return nil, fmt.Errorf("--data: %s is not empty and not a folder of hogsend dev", path)
	}
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // the database's own user must reach its folder below
		return nil, fmt.Errorf("--data: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, marker), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the folder that the command names
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	d := &dataFolder{path: path, lock: lock}
	if err := lockSoon(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("--data: another hogsend dev is using %s", path), lock.Close())
	}
	if reset {
		if err := d.clear(entries); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	return d, nil
}

// lockSoon takes the lock, for which a command that looks whether somebody is here may
// stand in the way for a moment.
func lockSoon(f *os.File) (err error) {
	for range 20 {
		if err = lockFile(f); err == nil {
			return nil
		}
		<-time.After(10 * time.Millisecond)
	}
	return err
}

// postgres is where the private Postgres is told to keep its cluster.
func (d *dataFolder) postgres() string { return filepath.Join(d.path, "postgres") }

// clear deletes the state but the lock.
func (d *dataFolder) clear(entries []os.DirEntry) error {
	for _, e := range entries {
		if e.Name() == marker {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.path, e.Name())); err != nil {
			return fmt.Errorf("--reset: %w", err)
		}
	}
	return nil
}

// keep reads a small secret of the folder, made on first use.
func (d *dataFolder) keep(name string, create func() string) (string, error) {
	path := filepath.Join(d.path, name)
	body, err := os.ReadFile(path) //nolint:gosec // in the folder that the command names
	if err == nil && len(body) > 0 {
		return strings.TrimSpace(string(body)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	value := create()
	return value, d.write(name, []byte(value+"\n"))
}

// write replaces a small file of the folder, which only its owner may read.
func (d *dataFolder) write(name string, body []byte) error {
	path := filepath.Join(d.path, name)
	if err := os.WriteFile(path+".new", body, 0o600); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

func (d *dataFolder) close() error { return d.lock.Close() }
