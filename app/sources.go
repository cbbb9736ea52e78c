package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// sources tells when files that a program is built from are saved.
type sources struct {
	// saved gives the instant of the first of several saves that come together.
	saved   chan time.Time
	watcher *fsnotify.Watcher
}

// quietFor is how long nothing must be saved before a build begins: editors write a file
// in several steps, and tools write several files.
const quietFor = 100 * time.Millisecond

func watchSources() (*sources, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	s := &sources{saved: make(chan time.Time), watcher: w}
	go s.gather()
	return s, nil
}

func (s *sources) close() error { return s.watcher.Close() }

// gather makes one save of those that come together.
func (s *sources) gather() {
	defer close(s.saved)
	var since time.Time // of the first save that was not told
	quiet := time.NewTimer(0)
	defer quiet.Stop()
	for {
		var saved chan time.Time
		var calm <-chan time.Time
		if !since.IsZero() {
			calm = quiet.C
		}
		select {
		case e, ok := <-s.watcher.Events:
			if !ok {
				return
			}
			if !isSource(e) {
				continue
			}
			if since.IsZero() {
				since = time.Now()
			}
			quiet.Reset(quietFor)
			continue
		case _, ok := <-s.watcher.Errors: // such as too many at once: then something was saved
			if !ok {
				return
			}
			if since.IsZero() {
				since = time.Now()
			}
			quiet.Reset(quietFor)
			continue
		case <-calm:
			saved = s.saved
		}
		select {
		case saved <- since:
			since = time.Time{}
		case e, ok := <-s.watcher.Events: // a build is under way; what is saved meanwhile makes another
			if !ok {
				return
			}
			if isSource(e) {
				quiet.Reset(quietFor)
			} else {
				quiet.Reset(0)
			}
		}
	}
}

// isSource reports that an event is a save of something a program may be built from.
func isSource(e fsnotify.Event) bool {
	name := filepath.Base(e.Name)
	switch {
	case e.Op == fsnotify.Chmod, strings.HasPrefix(name, "."), strings.HasPrefix(name, "#"), strings.HasSuffix(name, "~"):
		return false
	case strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, ".swp"), strings.HasSuffix(name, ".tmp"), name == "4913": // vim tries whether it may write
		return false
	}
	return true
}

// follow watches exactly these folders.
func (s *sources) follow(folders []string) error {
	for _, folder := range s.watcher.WatchList() {
		if !slices.Contains(folders, folder) {
			_ = s.watcher.Remove(folder) // it may be gone
		}
	}
	for _, folder := range folders {
		if err := s.watcher.Add(folder); err != nil {
			return fmt.Errorf("watch %s: %w", folder, err)
		}
	}
	return nil
}

// sourceFolders are the folders of the packages that target is built from and that live in
// no module cache, of what they embed, and of their go.mod.
func sourceFolders(ctx context.Context, dir, target string) ([]string, error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-deps", "-json=Dir,Name,Module,EmbedFiles,Error", target) //nolint:gosec // the package that the command names
	cmd.Dir, cmd.Stderr = dir, &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w\n%s", target, err, bytes.TrimSpace(errs.Bytes()))
	}
	folders := map[string]bool{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var pkg struct {
			Dir, Name  string
			EmbedFiles []string
			Module     *struct {
				Main    bool
				Dir     string
				Version string
				Replace *struct{ Version string }
			}
			Error *struct{ Err string }
		}
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		m := pkg.Module
		if m == nil || pkg.Dir == "" || !m.Main && m.Version != "" && (m.Replace == nil || m.Replace.Version != "") {
			continue
		}
		folders[pkg.Dir], folders[m.Dir] = true, true
		for _, file := range pkg.EmbedFiles {
			folders[filepath.Dir(filepath.Join(pkg.Dir, file))] = true
		}
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("%s is no package of this module", target)
	}
	return slices.Sorted(maps.Keys(folders)), nil
}
